"""
Our rule keeps the contract of the port, and the contract catches rules that do not.
"""

from datetime import timedelta

import pytest
from hypothesis.errors import Flaky

from streampay_export._core.deadline import CalendarMonths
from streampay_export.testing.contracts.deadline import DeadlineRuleContract


class TestCalendarMonths(DeadlineRuleContract):
    @pytest.fixture
    def deadline(self):
        """
        The default.
        """
        return CalendarMonths()


class _Days:
    """
    So many days, and so many more; wrong in one way or another.
    """

    def __init__(self, due=30, extended=60, *, zone=True, forgetful=True):
        self.days, self.zone, self.forgetful, self.asked = (due, extended), zone, forgetful, 0

    def due(self, received_at):
        """
        Count the first days.
        """
        return self._after(received_at, self.days[0])

    def extended(self, received_at):
        """
        Count all days.
        """
        return self._after(received_at, self.days[1])

    def _after(self, received_at, days):
        self.asked += not self.forgetful
        late = received_at + timedelta(days=days, microseconds=self.asked)
        return late if self.zone else late.replace(tzinfo=None)


class _Lucky(_Days):
    """
    Answers requests of Mondays at once.
    """

    def due(self, received_at):
        """
        Count two days, or none.
        """
        return received_at + timedelta(days=9 if received_at.weekday() else 1)


@pytest.mark.parametrize(
    ("rule", "test"),
    [
        (_Days(0), "test_an_answer_takes_time_and_an_extension_more"),
        (_Days(30, 30), "test_an_answer_takes_time_and_an_extension_more"),
        (_Days(zone=False), "test_dates_are_in_utc"),
        (_Lucky(), "test_who_asks_later_is_not_due_earlier"),
        (_Days(forgetful=False), "test_the_same_receipt_has_the_same_dates"),
    ],
)
def test_a_broken_rule_is_caught(rule, test):
    """
    The contract fails for a rule that breaks one of its sentences, in the test that states it.
    """
    # Of a rule that answers otherwise each time Hypothesis may say just that.
    with pytest.raises((AssertionError, Flaky)):
        getattr(DeadlineRuleContract(), test)(rule)
