"""
What was asked for, once defaults are filled in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import field, frozen

from .retained import RETAINED
from .selection import EVER, Window

OWN_COPIES = frozenset({"self", "portability", "portability_strict", RETAINED})
"""Profiles of copies for the person, or somebody who represents them."""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen(kw_only=True)
class ExportRequest:
    """
    The parameters of an export: all resolved, so that two equal requests are one.

    *formats* and *datasets* are in canonical order (formats: csv ndjson json; datasets: catalog
    order). *as_of* is an instant the caller fixed, else `None`: the source's own clock decides.
    """

    profile: str = "self"
    formats: tuple[str, ...] = field(default=("csv", "json"), converter=_names)
    datasets: tuple[str, ...] = field(converter=_names)
    window: Window = EVER
    as_of: datetime | None = None
