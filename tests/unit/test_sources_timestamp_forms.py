"""Bounds in a column's own form: what compares as the column does compares as time does."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export.sources.timestamp_forms import Aware, Day, Epoch, Naive, TextForm

NOON = datetime(2026, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")

instants = st.datetimes(
    min_value=datetime.fromisoformat("1900-01-01"), max_value=datetime.fromisoformat("2900-01-01")
).map(lambda naive: naive.replace(tzinfo=UTC))
offsets = st.sampled_from(["", "Z", "+00:00", "-05:30", "+0200"])


def written(instant, separator, digits, suffix):
    """Write an instant as text, cutting what the form has no room for."""
    zone = TextForm.of(f"2026-01-01{separator}00:00:00{suffix}", UTC).zone
    text = instant.astimezone(zone).replace(tzinfo=None).isoformat(separator, "microseconds")
    return (text[: 20 + digits] if digits else text[:19]) + suffix


def test_aware_is_utc():
    """Aware columns are compared with the instant itself."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))

    assert NOON == Aware().upto(elsewhere) == Aware().since(elsewhere)
    assert UTC == Aware().upto(elsewhere).tzinfo


def test_naive_is_the_zones_clock():
    """Naive columns are compared with what the zone's clock showed."""
    assert datetime.fromisoformat("2026-06-01T14:00:00.250000") == Naive(PARIS).upto(NOON)


def test_day_begins_at_midnight():
    """A date counts as its midnight: from noon on, the next day is the first that is not before."""
    midnight = datetime(2026, 6, 1, tzinfo=UTC)

    assert date(2026, 6, 1) == Day(UTC).upto(NOON) == Day(UTC).since(midnight)
    assert date(2026, 6, 2) == Day(UTC).since(NOON)


@pytest.mark.parametrize(
    ("number", "unit", "upto", "since"),
    [
        (int, "s", 1_780_315_200, 1_780_315_201),
        (int, "ms", 1_780_315_200_250, 1_780_315_200_250),
        (int, "us", 1_780_315_200_250_000, 1_780_315_200_250_000),
        (float, "s", 1_780_315_200.25, 1_780_315_200.25),
        (Decimal, "s", Decimal("1780315200.25"), Decimal("1780315200.25")),
    ],
)
def test_epoch_counts_units(number, unit, upto, since):
    """Integers are bounded by the last and next whole unit, other numbers by the instant itself."""
    form = Epoch(unit, number)

    assert (upto, since) == (form.upto(NOON), form.since(NOON))


@pytest.mark.parametrize(
    ("sample", "upto", "since"),
    [
        ("2026-01-01", "2026-06-01", "2026-06-02"),
        ("2026-01-01 00:00", "2026-06-01 12:00", "2026-06-01 12:01"),
        ("2026-01-01T00:00:00", "2026-06-01T12:00:00.250000", "2026-06-01T12:00:00.25"),
        ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z"),
        ("2026-01-01T00:00:00.0Z", "2026-06-01T12:00:00.2Z", "2026-06-01T12:00:00.3Z"),
        ("2026-01-01T00:00:00.000000Z", "2026-06-01T12:00:00.250000Z", "2026-06-01T12:00:00.250000Z"),
        ("2026-01-01 00:00:00.000000000", "2026-06-01 12:00:00.250000000", "2026-06-01 12:00:00.250000000"),
        ("2026-01-01 00:00:00+02:00", "2026-06-01 14:00:00.250000+02:00", "2026-06-01 14:00:00.25"),
        ("2026-01-01 00:00:00-0130", "2026-06-01 10:30:00.250000-0130", "2026-06-01 10:30:00.25"),
    ],
)
def test_text_bounds(sample, upto, since):
    """Bounds are written in the sample's form."""
    form = TextForm.of(sample, UTC)

    assert (upto, since) == (form.upto(NOON), form.since(NOON))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "2026-01-01T00:00:00.Z",
        "2026-01-01 00:00:00 UTC",
        "1780315200",
        "2026-01-01T00:00:00+99:00",
        "2026-01-01\n",
        "٢٠٢٦-01-01",
    ],
)
def test_no_timestamp(text):
    """Text in no known form is no timestamp."""
    assert TextForm.of(text, UTC) is None


def test_text_without_offset_needs_a_zone():
    """Times without an offset need the zone to be given; days and offsets do not."""
    with pytest.raises(LookupError, match="timezone"):
        TextForm.of("2026-01-01 00:00:00", None)

    assert UTC == TextForm.of("2026-01-01", None).zone == TextForm.of("2026-01-01T00:00:00Z", None).zone


@given(instants, instants, st.sampled_from("T "), st.integers(0, 6), offsets)
def test_text_order_is_time_order(row, bound, separator, digits, suffix):
    """In one fixed form, comparing text with a bound is comparing instants."""
    text = written(row, separator, digits, suffix)
    form = TextForm.of(text, UTC)
    instant = datetime.fromisoformat(text) if suffix else datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert (instant <= bound) == (text <= form.upto(bound))
    assert (instant >= bound) == (text >= form.since(bound))


@given(instants, instants, st.integers(0, 6), st.integers(0, 6), st.sampled_from(["", "+00:00", "-05:30"]))
def test_loose_text_order_is_time_order(row, bound, digits, sampled, suffix):
    """Without Z, a column may write fractions of any length, and bounds made from any of them hold."""
    text = written(row, " ", digits, suffix)
    form = TextForm.of(written(bound, " ", sampled, suffix), UTC)
    instant = datetime.fromisoformat(text) if suffix else datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert form.beside(TextForm.of(text, UTC))
    assert (instant <= bound) == (text <= form.upto(bound))
    assert (instant >= bound) == (text >= form.since(bound))


@given(instants, st.integers(0, 6), st.integers(0, 6), offsets)
def test_globs_match_the_form(row, digits, other, suffix):
    """The patterns match the form; a fixed or Z form's match no other number of digits."""
    form = TextForm.of(written(row, "T", digits, suffix), UTC)
    text = written(row, "T", other, suffix)

    assert (digits == other) == any(fnmatchcase(text, each) for each in form.globs(fixed=True))
    assert (digits == other or suffix != "Z") == any(fnmatchcase(text, each) for each in form.globs(fixed=False))


@pytest.mark.parametrize("sample", ["2026-01-01", "2026-01-01 10:00Z"])
def test_globs_of_short_forms(sample):
    """Days and minutes have one pattern."""
    (glob,) = TextForm.of(sample, UTC).globs(fixed=False)

    assert fnmatchcase(sample, glob)
    assert not fnmatchcase(sample + "0", glob)


def test_ends_of_the_calendar():
    """Instants that a zone's clock cannot show are bounded by the first or last that it can."""
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    assert first.replace(tzinfo=None) == Naive(timezone(timedelta(hours=-5))).upto(first)
    assert last.replace(tzinfo=None) == Naive(timezone(timedelta(hours=5))).upto(last)
    assert date(9999, 12, 31) == Day(UTC).since(last)
