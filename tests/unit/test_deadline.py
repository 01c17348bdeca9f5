"""
The clock of the law, in examples: the dates people argue about, and what may be written to a person.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from streampay_export._core.deadline import CalendarMonths, Deadline, Extension
from streampay_export._core.sentence import sentence
from streampay_export.errors import InvalidConfiguration, InvalidRequest

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
DUE = datetime(2026, 2, 2, 12, tzinfo=UTC)


def day(text: str) -> datetime:
    """
    Return eight o'clock of a day.
    """
    return datetime.fromisoformat(f"{text}T08:00:00+00:00")


@pytest.mark.parametrize(
    ("received", "due", "extended"),
    [
        ("2026-01-15", "2026-02-15", "2026-04-15"),
        ("2026-01-31", "2026-02-28", "2026-04-30"),
        ("2028-01-31", "2028-02-29", "2028-04-30"),
        ("2028-02-29", "2028-03-29", "2028-05-29"),
        ("2026-11-30", "2026-12-30", "2027-02-28"),
        ("2027-11-30", "2027-12-30", "2028-02-29"),
        ("2026-12-31", "2027-01-31", "2027-03-31"),
        ("2026-08-31", "2026-09-30", "2026-11-30"),
    ],
)
def test_months_end_where_months_end(received: str, due: str, extended: str) -> None:
    """
    One month and three months after a day are the same day, or the last of a shorter month.
    """
    rule = CalendarMonths()
    assert (day(due), day(extended)) == (rule.due(day(received)), rule.extended(day(received)))


def test_other_months_can_be_asked_for() -> None:
    """
    A rule of two months and one more counts so; a month that is none is refused.
    """
    rule = CalendarMonths(answer=2, extension=1)
    assert (day("2026-03-31"), day("2026-04-30")) == (rule.due(day("2026-01-31")), rule.extended(day("2026-01-31")))
    for wrong in ({"answer": 0}, {"extension": -1}):
        with pytest.raises(InvalidConfiguration, match="deadline"):
            CalendarMonths(**wrong)


@pytest.mark.parametrize(
    ("paused_at", "now", "passed"),
    [
        (None, DUE - timedelta(microseconds=1), False),
        (None, DUE, True),
        (NOON, DUE + timedelta(days=365), False),
        (DUE, DUE + timedelta(days=1), True),
    ],
)
def test_a_clock_that_stands_passes_nothing(paused_at: datetime | None, now: datetime, passed: bool) -> None:
    """
    It is over from its very instant on; while the clock stands only if it was over by then.
    """
    assert passed is Deadline(due_at=DUE, paused_at=paused_at).passed(now)


def test_pausing_twice_keeps_the_first_instant() -> None:
    """
    A clock that stands already has stood since the first pause; one that runs resumes into itself.
    """
    deadline = Deadline(due_at=DUE, extension=Extension(reason="Much.", at=NOON))
    paused = deadline.paused(NOON)
    assert (paused, deadline) == (paused.paused(NOON + timedelta(days=1)), deadline.resumed(NOON))
    assert evolve(deadline, due_at=DUE + timedelta(days=1)) == paused.resumed(NOON + timedelta(days=1))


def test_a_store_whose_clock_goes_back_shortens_nothing() -> None:
    """
    Resumed before it was paused, by the clock, the deadline is what it was.
    """
    assert DUE == Deadline(due_at=DUE, paused_at=NOON).resumed(NOON - timedelta(seconds=1)).due_at


@pytest.mark.parametrize("text", ["", " \n", "x" * 1001, "a\x1b[2Jb", "a\0b", "a\ud800b", "a\x85\x9bb"])
def test_what_nobody_could_read_is_refused(text: str) -> None:
    """
    Nothing, too much, and what would steer a terminal, is refused by the name of its field.
    """
    with pytest.raises(InvalidRequest, match=r"^reason: "):
        sentence("reason", text)


def test_a_sentence_stands_on_one_line() -> None:
    """
    Line ends and spaces of any kind become one space; letters of any script stay.
    """
    assert "C’est long : très long. 你好 👩‍💻" == sentence("reason", " C’est long\u00a0:\n très\tlong. 你好 👩‍💻 ")
