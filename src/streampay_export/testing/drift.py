"""
The drift check as one line of an application's own tests.
"""

from __future__ import annotations

from .._core.catalog import Catalog
from .._core.drift import NO_POLICIES
from .._core.policy import Policies
from ..drift import check_drift, lines_of


def assert_no_drift(source: object, catalog: Catalog, policies: Policies = NO_POLICIES) -> None:
    """
    Raise `AssertionError` that lists every finding, unless the live database is as the catalog says.

    Excused findings and notes fail nothing. Also raises what `check_drift` raises.
    """
    __tracebackhide__ = True
    drift = check_drift(source, catalog, policies)
    if drift.findings:
        raise AssertionError("\n".join(["the database and the catalog have come apart", *lines_of(drift)]))
