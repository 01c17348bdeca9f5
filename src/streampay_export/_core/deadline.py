"""
The clock of the law: when an answer is due, for how long it may be put off, and when the clock stands.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from ..errors import InvalidConfiguration


def _months(number: int) -> int:
    if number < 1:
        raise InvalidConfiguration("deadline", "a whole number of months, 1 or more, is expected")
    return number


@frozen(kw_only=True)
class CalendarMonths:
    """
    A `DeadlineRule`: *answer* months from receipt, and *extension* months more (GDPR Art. 12(3): 1 and 2).

    A month later is the same day and time, or the last day of a month that is shorter: this is how
    Regulation (EEC, Euratom) No 1182/71 Art. 3(2)(c) counts. Its move to the next working day is left
    out, so that the date is never later than the law allows.
    """

    answer: int = field(default=1, converter=_months)
    extension: int = field(default=2, converter=_months)

    def due(self, received_at: datetime) -> datetime:
        """
        See `DeadlineRule.due`.
        """
        return _later(received_at, self.answer)

    def extended(self, received_at: datetime) -> datetime:
        """
        See `DeadlineRule.extended`.
        """
        return _later(received_at, self.answer + self.extension)


def _later(instant: datetime, months: int) -> datetime:
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))


@frozen(kw_only=True)
class Extension:
    """
    That the answer was put off, at which instant, and the *reason* that the person reads.
    """

    reason: str
    at: datetime


@frozen(kw_only=True)
class Deadline:
    """
    When an answer is due, as things are. While the clock stands, since *paused_at*, *due_at* is what it
    was; it moves, by as long as the clock stood, when the clock goes on.
    """

    due_at: datetime
    extension: Extension | None = None
    paused_at: datetime | None = None

    def passed(self, now: datetime) -> bool:
        """
        Return whether it is over. A clock that stands passes nothing.
        """
        return (self.paused_at or now) >= self.due_at

    def extended(self, extension: Extension, by: timedelta) -> Deadline:
        """
        Return the deadline moved *by* so long, and why.
        """
        return evolve(self, due_at=self.due_at + by, extension=extension)

    def paused(self, now: datetime) -> Deadline:
        """
        Return the deadline with its clock standing; since when it stands already, if it does.
        """
        return evolve(self, paused_at=self.paused_at or now)

    def resumed(self, now: datetime) -> Deadline:
        """
        Return the deadline with its clock running, later by as long as it stood.
        """
        stood = max(now - (self.paused_at or now), timedelta(0))
        return evolve(self, due_at=self.due_at + stood, paused_at=None)
