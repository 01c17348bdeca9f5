"""
Instants as people type them: a day, or an instant with its offset from UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from .._core.selection import Window
from ..errors import InvalidRequest

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9:]{2,6})"
)
_RIGHT = "a day such as 2026-01-31 (its beginning in UTC), or an instant such as 2026-01-31T12:00:00Z, is expected"


def instant(flag: str, text: str | None) -> datetime | None:
    """
    Read the value of *flag*, `None` for `None`. Raises `InvalidRequest`.
    """
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(flag, _RIGHT)


def window(start: str | None, end: str | None) -> Window:
    """
    Return the half-open window of `--from` and `--to`.
    """
    return Window(start=instant("from", start), end=instant("to", end))
