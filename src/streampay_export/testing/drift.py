"""
The drift check as one line of an application's own tests.
"""

from __future__ import annotations

from .._core.catalog import Catalog
from ..drift import check_drift, lines_of


def assert_no_drift(source: object, catalog: Catalog) -> None:
    """
    Raise `AssertionError` that lists every finding, unless the live database is as the catalog says.

    Excused findings and notes fail nothing. Raises what `check_drift` raises.
    """
    __tracebackhide__ = True
    drift = check_drift(source, catalog)
    if drift.findings:
        raise AssertionError("\n".join(["the database and the catalog have come apart", *lines_of(drift)]))
