"""
Instants and days as text: `2026-01-31T23:59:59.000000Z` and `2026-01-31`, one length each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from ..errors import InvalidCatalog, quoted
from .decimals import Refuse, integer_texts

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]((?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)0*"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_UTC_SUFFIXES = ("Z", "+00", "+00:00")


def zone_named(name: str | None) -> tzinfo | None:
    """
    Return the time zone with this IANA name, `None` for `None`; raise `InvalidCatalog` for no zone's name.
    """
    if name is None:
        return None
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InvalidCatalog(
            "timezone", f"{quoted(name)} is no IANA time zone, such as UTC or Europe/Paris"
        ) from None


@frozen
class TimestampTexts:
    """
    The function from a column of instants to texts in UTC with six fractional digits.

    A time without a zone is one of *zone*. Where clocks were put back and it happened twice, it is
    the first; where they were put forward and it never happened, the offset before the change holds
    (PEP 495, fold = 0). Integers count *unit* since 1970-01-01 UTC.
    """

    zone: tzinfo | None
    unit: str | None
    refuse: Refuse

    def __call__(self, values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
        """
        Return the texts of a column without NULL, whose values are of the types *kinds*.
        """
        if kinds == {str}:
            rewritten = _rewritten(values, self.zone)
            if rewritten is not None:
                return rewritten
        if kinds != {datetime}:
            values = [self._instant(value) for value in values]
        return _written(values, self.zone, self.refuse)

    def _instant(self, value: Any) -> datetime:
        if isinstance(value, datetime) and not getattr(value, "nanosecond", 0):
            return value
        if type(value) in {int, float, Decimal} or (self.unit and type(value) is str and value.isdecimal()):
            return self._counted(value)
        if type(value) is str:
            return _read(value, self.refuse)
        raise self.refuse(f"a value of type {type(value).__name__}, not an instant; declare what it is")

    def _counted(self, value: Any) -> datetime:
        if self.unit is None:
            raise self.refuse("a number where an instant was declared; declare its unit: s, ms or us")
        count: int = value
        if type(value) is not int:
            count = int(integer_texts(self.refuse)([value], {type(value)})[0])
        try:
            return EPOCH + count * UNITS[self.unit]
        except OverflowError:
            raise self.refuse("an instant outside the years 1 to 9999; check the unit") from None


def date_texts(refuse: Refuse) -> Callable[[Sequence[Any], set[type]], Sequence[str]]:
    """
    Return the function from a column of days to texts.
    """

    def text(value: Any) -> str:
        if type(value) is date:
            return value.isoformat()
        if isinstance(value, datetime):
            raise refuse("a day with a time of day; declare the field timestamp")
        if type(value) is str and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value).isoformat()
            except ValueError:
                pass
        raise refuse("a value that is no day such as 2026-01-31; correct the row or declare the field text")

    def texts(values: Sequence[Any], _: set[type]) -> Sequence[str]:
        try:
            days = {value: text(value) for value in set(values)}
        except TypeError:
            raise refuse("a value that is no day such as 2026-01-31; declare what it is") from None
        return list(map(days.__getitem__, values))

    return texts


def _read(value: str, refuse: Refuse) -> datetime:
    form = _INSTANT.fullmatch(value)
    if form:
        try:
            return datetime.fromisoformat(f"{form[1]}T{form[2]}{form[3] or ''}")
        except ValueError:
            pass
    raise refuse(
        "a text that is no instant to the microsecond such as 2026-01-31T23:59:59.000000Z; "
        "correct the row or declare the field text"
    )


def _rewritten(values: Sequence[str], zone: tzinfo | None) -> Sequence[str] | None:
    """
    Return the texts of a column which is in UTC and in one textual form throughout; else `None`.
    """
    first = values[0]
    form = _INSTANT.fullmatch(first)
    suffix = "" if form is None else form[3] or ""
    if form is None or (zone is not UTC if not suffix else suffix not in _UTC_SUFFIXES):
        return None
    width = len(first) - len(suffix)
    if width not in {19, 26}:
        return None
    joined = "\n".join(values) + "\n"
    shape = first.translate(dict.fromkeys(range(49, 58), "0")) + "\n"
    if not joined.isascii() or joined.encode().translate(_DIGITS) != shape.encode() * len(values):
        return None
    try:
        list(map(datetime.fromisoformat, values))
    except ValueError:
        return None
    ending = "Z\n" if width == 26 else ".000000Z\n"
    texts = joined.replace(" ", "T").replace(suffix + "\n", ending)
    # Newer Pythons read 24:00 as the next day's midnight; that one is rewritten cell by cell, or refused.
    return None if "T24:" in texts else texts.split("\n")[:-1]


def _written(values: Sequence[datetime], zone: tzinfo | None, refuse: Refuse) -> Sequence[str]:
    zones = set(map(attrgetter("tzinfo"), values))
    if zones == {None} and zone is UTC:
        naive = values
    elif all(each is UTC or getattr(each, "key", "") in {"UTC", "Etc/UTC"} for each in zones):
        # Three times as fast as replace(tzinfo=None).
        naive = list(map(datetime.combine, map(datetime.date, values), map(datetime.time, values)))
    else:
        naive = [_in_utc(value, zone, refuse) for value in values]
    return [t + "Z" if len(t) == 26 else t + ".000000Z" for t in map(datetime.isoformat, naive)]


def _in_utc(value: datetime, zone: tzinfo | None, refuse: Refuse) -> datetime:
    if value.utcoffset() is None:
        if zone is None:
            raise refuse("an instant without a time zone; declare the source's, such as timezone = UTC")
        value = value.replace(tzinfo=zone)
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise refuse("an instant outside the years 1 to 9999 in UTC; correct the row") from None
