"""
Laws of the clock of the law: months, pauses and extensions in whatever order.
"""

import calendar
from datetime import UTC, datetime, timedelta

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.deadline import CalendarMonths, Deadline, Extension

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds
MONTHS = st.integers(1, 24)
SPANS = st.timedeltas(timedelta(0), timedelta(days=400))


@given(INSTANTS, MONTHS, MONTHS)
def test_months_are_counted_by_the_calendar(received_at, answer, extension):
    """
    So many months on is the same time of the same day, or of the last day of a month that has no such day.
    """
    rule = CalendarMonths(answer=answer, extension=extension)
    for months, due in ((answer, rule.due(received_at)), (answer + extension, rule.extended(received_at))):
        assert months == (due.year - received_at.year) * 12 + due.month - received_at.month
        assert received_at.timetz() == due.timetz()
        assert min(received_at.day, calendar.monthrange(due.year, due.month)[1]) == due.day


@given(INSTANTS, INSTANTS)
def test_who_asks_first_is_due_first(one, other):
    """
    The rule keeps the order of receipt, and an extension is always later.
    """
    rule = CalendarMonths()
    first, second = sorted((one, other))
    assert rule.due(first) <= rule.due(second)
    assert rule.extended(first) <= rule.extended(second)
    assert first < rule.due(first) < rule.extended(first)


@given(INSTANTS, st.lists(st.tuples(SPANS, SPANS), max_size=6))
def test_a_pause_moves_the_due_date_by_its_length(due_at, pauses):
    """
    However often the clock stands and goes on: it is due later by exactly as long as it stood in all.
    """
    deadline, now = Deadline(due_at=due_at), due_at - timedelta(days=30)
    for running, standing in pauses:
        now += running
        paused = deadline.paused(now)
        assert deadline.due_at == paused.due_at
        now += standing
        assert deadline.passed(now - standing) is paused.passed(now)
        deadline = paused.resumed(now)
    assert Deadline(due_at=due_at + sum((standing for _, standing in pauses), timedelta(0))) == deadline


@given(INSTANTS, SPANS, SPANS, SPANS)
def test_extending_and_pausing_go_in_any_order(paused_at, to_due, standing, by):
    """
    Extended before, during or after a pause, it is due at the same instant.
    """
    start = Deadline(due_at=paused_at + to_due)
    extension = Extension(reason="Much.", at=paused_at)
    resumed_at = paused_at + standing
    before = start.extended(extension, by).paused(paused_at).resumed(resumed_at)
    during = start.paused(paused_at).extended(extension, by).resumed(resumed_at)
    after = start.paused(paused_at).resumed(resumed_at).extended(extension, by)
    assert before == during == after == evolve(start, due_at=start.due_at + standing + by, extension=extension)
