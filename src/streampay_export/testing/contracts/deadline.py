"""
The contract of `ports.deadline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ...ports.deadline import DeadlineRule

# Every day of two years, one of them a leap year, at every hour of the day.
RECEIVED: Sequence[datetime] = tuple(
    datetime(2027, 1, 1, day % 24, 59, 59, 999_999, tzinfo=UTC) + timedelta(days=day) for day in range(731)
)


class DeadlineRuleContract:
    """
    What every `DeadlineRule` keeps. Give one fixture: *deadline*, the rule.
    """

    @pytest.fixture
    def deadline(self) -> DeadlineRule:
        """
        The rule under test.
        """
        raise NotImplementedError("give a fixture `deadline` that returns your rule")

    def test_an_answer_takes_time_and_an_extension_more(self, deadline: DeadlineRule) -> None:
        """
        A request is due after it was received, and extended after that.
        """
        for instant in RECEIVED:
            assert instant < deadline.due(instant) < deadline.extended(instant)

    def test_dates_are_in_utc(self, deadline: DeadlineRule) -> None:
        """
        Both dates are aware, and in UTC.
        """
        for instant in RECEIVED:
            offsets = {each.utcoffset() for each in (deadline.due(instant), deadline.extended(instant))}
            assert {timedelta(0)} == offsets

    def test_who_asks_later_is_not_due_earlier(self, deadline: DeadlineRule) -> None:
        """
        Both dates keep the order of receipt.
        """
        for before, after in pairwise(RECEIVED):
            assert deadline.due(before) <= deadline.due(after)
            assert deadline.extended(before) <= deadline.extended(after)

    def test_the_same_receipt_has_the_same_dates(self, deadline: DeadlineRule) -> None:
        """
        A rule remembers nothing: asked in another order it answers the same.
        """
        forwards = [(deadline.due(each), deadline.extended(each)) for each in RECEIVED]
        backwards = [(deadline.due(each), deadline.extended(each)) for each in reversed(RECEIVED)]
        assert forwards == backwards[::-1]
