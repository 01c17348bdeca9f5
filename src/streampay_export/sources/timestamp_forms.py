"""
How a column writes its instants, and which of its values bound an instant from above and below.

Sources store instants as aware or naive timestamps, as dates, as counts since 1970, or as text. Each form
turns an instant into a value *of that form*, so that the comparison stays one of the column with a constant,
which an index can serve. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Protocol, TypeAlias

from attrs import evolve, frozen

Bound: TypeAlias = datetime | date | int | float | Decimal | str

# The ends of the calendar, as a wall clock without a zone shows them.
_FIRST, _LAST = datetime.min, datetime.max  # noqa: DTZ901  # naive on purpose
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""How many microseconds one of a field's units has."""

_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?:(?P<separator>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<suffix>Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)


class InstantForm(Protocol):
    """
    One way of writing instants. Values of one column are compared only with bounds of its form.
    """

    def upto(self, instant: datetime) -> Bound:
        """
        Return the bound with: value <= bound exactly where the value's instant <= *instant*.
        """

    def since(self, instant: datetime) -> Bound:
        """
        Return the bound with: value >= bound exactly where the value's instant >= *instant*.
        """


@frozen
class Aware:
    """
    Timestamps with a zone: compared as they are.
    """

    def upto(self, instant: datetime) -> Bound:
        """
        Return the instant in UTC.
        """
        return instant.astimezone(UTC)

    since = upto


@frozen
class Naive:
    """
    Timestamps without a zone, which are *zone*'s.

    A zone with summer time repeats an hour each autumn: which of the two was meant, no column says.
    """

    zone: tzinfo

    def upto(self, instant: datetime) -> Bound:
        """
        Return what the zone's clock showed.
        """
        return _local(instant, self.zone)

    since = upto


@frozen
class Day:
    """
    Dates: the midnight with which a day of *zone* begins.
    """

    zone: tzinfo

    def upto(self, instant: datetime) -> Bound:
        """
        Return the day of the instant.
        """
        return _local(instant, self.zone).date()

    def since(self, instant: datetime) -> Bound:
        """
        Return the first day that begins at or after the instant.
        """
        return _ceiling(_local(instant, self.zone), timedelta(days=1)).date()


@frozen
class Epoch:
    """
    Numbers counting *unit* (`s`, `ms`, `us`) since 1970-01-01 UTC; *number* is the column's own type.
    """

    unit: str
    number: type[int | float | Decimal] = int

    def upto(self, instant: datetime) -> Bound:
        """
        Return the count, for a column of integers the last whole one.
        """
        return self._count(instant, 0)

    def since(self, instant: datetime) -> Bound:
        """
        Return the count, for a column of integers the next whole one.
        """
        return self._count(instant, 1)

    def _count(self, instant: datetime, up: int) -> Bound:
        microseconds = (instant - _EPOCH) // _MICROSECOND
        per_unit = MICROSECONDS[self.unit]
        if self.number is int:
            whole, rest = divmod(microseconds, per_unit)
            return whole + up * bool(rest)
        return self.number(microseconds) / per_unit


@frozen(kw_only=True)
class TextForm:
    """
    One way of writing timestamps as text. *separator* is empty for dates alone.

    Text order is time order if all values have the one form, and also (*loose*) if they differ only in
    how many digits of a fraction, up to six, they write: a shorter text is then a prefix, and `+` and `-`
    stand before `.` and the digits. `Z` stands after them, so it needs the one form.
    """

    zone: tzinfo
    separator: str = ""
    seconds: bool = False
    digits: int = 0
    suffix: str = ""

    @classmethod
    def of(cls, sample: str, zone: tzinfo | None) -> TextForm | None:
        """
        Recognise the form of *sample*; `None` if it is not a timestamp's. *zone* is that of texts without
        an offset; `LookupError` if one is needed. Dates without one are days in UTC.
        """
        found = _TEXT.fullmatch(sample)
        if found is None:
            return None
        suffix = found["suffix"] or ""
        separator = found["separator"] or ""
        at = _offset(suffix) if suffix else zone or (None if separator else UTC)
        if at is None:
            raise LookupError("timezone")
        return cls(
            zone=at,
            separator=separator,
            seconds=found["seconds"] is not None,
            digits=len(found["fraction"] or ""),
            suffix=suffix,
        )

    @property
    def loose(self) -> bool:
        """
        Whether a varying number of fraction digits keeps the order.
        """
        return self.seconds and self.suffix != "Z" and self.digits <= 6

    def beside(self, other: TextForm) -> bool:
        """
        Whether texts of both forms may stand in one column: they differ in fraction digits only, and may.
        """
        return self.loose and other.loose and evolve(self, digits=other.digits) == other

    def upto(self, instant: datetime) -> Bound:
        """
        Return the latest text at or before the instant, with all digits that a loose form may have.
        """
        local = _local(instant, self.zone)
        return self._written(local, max(self.digits, 6) if self.loose else self.digits)

    def since(self, instant: datetime) -> Bound:
        """
        Return the first text at or after the instant; for a loose form, what all its spellings begin with.
        """
        local = _local(instant, self.zone)
        if self.loose:
            text = local.isoformat(self.separator, "microseconds")
            return text.rstrip("0").rstrip(".") if local.microsecond else text[:19]
        return self._written(_ceiling(local, self._grain), self.digits)

    @property
    def _grain(self) -> timedelta:
        if not self.separator:
            return timedelta(days=1)
        if not self.seconds:
            return timedelta(minutes=1)
        return timedelta(microseconds=10 ** max(0, 6 - self.digits))

    def _written(self, local: datetime, digits: int) -> str:
        if not self.separator:
            return local.date().isoformat()
        text = local.isoformat(self.separator, "microseconds")
        if not self.seconds:
            return text[:16] + self.suffix
        return (text.ljust(20 + digits, "0")[: 20 + digits] if digits else text[:19]) + self.suffix

    def globs(self, *, fixed: bool) -> list[str]:
        """
        Return the GLOB patterns of the texts that may stand beside each other; *fixed*: of the one form.
        """
        day = "-".join(map(_digits, (4, 2, 2)))
        if not self.separator:
            return [day]
        minute = f"{day}{self.separator}{_digits(2)}:{_digits(2)}"
        if not self.seconds:
            return [minute + self.suffix]
        second = f"{minute}:{_digits(2)}"
        counts = [self.digits] if fixed or not self.loose else range(7)
        return [second + ("." + _digits(n) if n else "") + self.suffix for n in counts]


def _digits(count: int) -> str:
    return "[0-9]" * count


def _offset(suffix: str) -> tzinfo:
    if suffix == "Z":
        return UTC
    hours, minutes = int(suffix[1:3]), int(suffix[3:].lstrip(":") or 0)
    return timezone((1 if suffix[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def _local(instant: datetime, zone: tzinfo) -> datetime:
    """
    Return the zone's wall clock, at the ends of the calendar the first or last that there is.
    """
    try:
        return instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return _FIRST if instant.year == 1 else _LAST


def _ceiling(local: datetime, grain: timedelta) -> datetime:
    rest = (local - _FIRST) % grain
    if not rest:
        return local
    try:
        return local - rest + grain
    except OverflowError:
        return _LAST
