"""
Canonical text, case by case: what each type accepts, how it is written, and what is refused.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from streampay_export._core.canonical import canonicaliser
from streampay_export._core.catalog import Field
from streampay_export.errors import InvalidCatalog, UnwritableValue

SOME_UUID = "26f23fc5-1501-4dd2-8128-83aeae72588a"


def canonical(kind, *values, timezone="UTC", **more):
    """
    The canonical texts of a column.
    """
    return list(canonicaliser("payouts", Field(name="value", type=kind, **more), timezone)(values))


def numbered(cases):
    """
    Names of cases whose values may be too long, or too odd, to be a test's name.
    """
    return [f"{kind} {number}" for number, (kind, *_) in enumerate(cases)]


def local(text):
    """
    A time without a zone.
    """
    return datetime.fromisoformat(text)


class Colour(StrEnum):
    RED = "red"


class NowhereInParticular(tzinfo):
    """
    A time zone that knows no offset, so that a time in it is naive (datetime's documentation).
    """

    def utcoffset(self, _):
        """
        None, always.
        """


class Nanoseconds(datetime):
    """
    An instant finer than a microsecond, as pandas has them.
    """

    nanosecond = 1


ACCEPTED = [
    ("text", Colour.RED, "red"),
    ("text", "", ""),
    ("text", "a\0\n😀", "a\0\n😀"),
    ("text", b"caf\xc3\xa9", "café"),
    ("text", memoryview(b"abc"), "abc"),
    ("text", 2**70, "1180591620717411303424"),
    ("text", UUID(SOME_UUID), SOME_UUID),
    ("integer", -(2**127), "-170141183460469231731687303715884105728"),
    ("integer", 2**53 + 1, "9007199254740993"),
    ("integer", 3.0, "3"),
    ("integer", -0.0, "0"),
    ("integer", Decimal("3.00"), "3"),
    ("integer", Decimal("1E+2"), "100"),
    ("integer", "+007", "7"),
    ("integer", "-0", "0"),
    ("decimal", Decimal("0E-9"), "0.000000000"),
    ("decimal", Decimal("0E+5"), "0"),
    ("decimal", Decimal("1.5E-8"), "0.000000015"),
    ("decimal", Decimal("1E+3"), "1000"),
    ("decimal", Decimal("-0.50"), "-0.50"),
    ("decimal", Decimal("-0.00"), "0.00"),
    ("decimal", 0.1, "0.1"),
    ("decimal", 2.0, "2"),
    ("decimal", -0.0, "0"),
    ("decimal", 1e22, "10000000000000000000000"),
    ("decimal", 5e-07, "0.0000005"),
    ("decimal", 7, "7"),
    ("decimal", "+.5", "0.5"),
    ("decimal", "5.", "5"),
    ("decimal", "007.10", "7.10"),
    ("decimal", "1e3", "1000"),
    ("boolean", b"\x01", "true"),
    ("boolean", "f", "false"),
    ("timestamp", local("0001-01-01T00:00"), "0001-01-01T00:00:00.000000Z"),
    ("timestamp", datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=ZoneInfo("Etc/UTC")), "2026-01-31T23:59:59.000001Z"),
    ("timestamp", "2026-01-31 23:59:59", "2026-01-31T23:59:59.000000Z"),
    ("timestamp", "2026-01-31T23:59:59.5", "2026-01-31T23:59:59.500000Z"),
    ("timestamp", "2026-01-31T23:59:59.123456000Z", "2026-01-31T23:59:59.123456Z"),
    ("timestamp", "2026-01-31 23:59:59.123456+00", "2026-01-31T23:59:59.123456Z"),
    ("timestamp", "2026-02-01 05:29:59+05:30", "2026-01-31T23:59:59.000000Z"),
    ("timestamp", "2026-02-01 05:29:59.25+0530", "2026-01-31T23:59:59.250000Z"),
    ("timestamp", "2026-01-31 23:59:59-00", "2026-01-31T23:59:59.000000Z"),
    ("date", date(2026, 1, 31), "2026-01-31"),
    ("uuid", SOME_UUID.upper(), SOME_UUID),
    ("uuid", SOME_UUID.replace("-", ""), SOME_UUID),
    ("uuid", UUID(SOME_UUID).bytes, SOME_UUID),
    (
        "json",
        '{"amount": 1.10,\r\n "n": 90071992547409931234567890}',
        '{"amount": 1.10,   "n": 90071992547409931234567890}',
    ),
    ("json", '{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
    ("json", r'"\ud800"', r'"\ud800"'),
    ("json", b'["x"]', '["x"]'),
    ("json", {"a": [1, True, None, "é"]}, '{"a":[1,true,null,"é"]}'),
    ("json", 5, "5"),
]

REFUSED = [
    ("text", "caf\ud800", "lone surrogate"),
    ("text", b"\xff", "not UTF-8"),
    ("text", 1.5, "type float, not text"),
    ("text", True, "type bool, not text"),
    ("text", 10**5000, "more than 4300 digits"),
    ("integer", 1.5, "no whole number"),
    ("integer", 2.0**53 + 2, "too large to be an exact integer"),
    ("integer", float("nan"), "no finite number"),
    ("integer", float("inf"), "too large"),
    ("integer", True, "type bool, not an integer"),
    ("integer", "1.0", "no whole number"),
    ("integer", "1e3", "no whole number"),
    ("integer", "1\n2", "no finite number"),
    ("integer", "\uff11", "no finite number"),
    ("integer", 10**5000, "more than 4300 digits"),
    ("decimal", Decimal("NaN"), "no finite number"),
    ("decimal", Decimal("sNaN"), "no finite number"),
    ("decimal", Decimal("-Infinity"), "no finite number"),
    ("decimal", float("nan"), "no finite number"),
    ("decimal", "NaN", "no finite number"),
    ("decimal", "", "no finite number"),
    ("decimal", "1_000", "no finite number"),
    ("decimal", "1\n2", "no finite number"),
    ("decimal", "1e999999999", "no finite number"),
    ("decimal", "1e99999", "more than 4300 digits"),
    ("decimal", "9" * 5000, "more than 4300 digits"),
    ("decimal", 10**5000, "more than 4300 digits"),
    ("decimal", b"1", "type bytes, not a decimal"),
    ("boolean", 2, "neither true nor false"),
    ("boolean", [], "neither true nor false"),
    ("timestamp", "2026-02-30 00:00:00", "no instant"),
    ("timestamp", "2026-01-31 24:00:00", "no instant"),
    ("timestamp", "2026-01-31 23:59:60", "no instant"),
    ("timestamp", "2026-01-31 23:59:59.1234567", "no instant to the microsecond"),
    ("timestamp", "2026-01-31", "no instant"),
    ("timestamp", "2026-W05-6T00:00:00", "no instant"),
    ("timestamp", "2026-01-31 23:59:59+99", "no instant"),
    ("timestamp", date(2026, 1, 31), "type date, not an instant"),
    ("timestamp", Nanoseconds(2026, 1, 31), "type Nanoseconds, not an instant"),
    ("timestamp", 1700000000, "declare its unit"),
    ("timestamp", datetime.max.replace(tzinfo=ZoneInfo("America/New_York")), "outside the years"),
    ("date", local("2026-01-31T00:00"), "declare the field timestamp"),
    ("date", "2026-02-30", "no day"),
    ("date", "20260131", "no day"),
    ("date", "2026-W05-6", "no day"),
    ("date", 5, "no day"),
    ("date", [], "no day"),
    ("uuid", "{" + SOME_UUID + "}", "no UUID"),
    ("uuid", SOME_UUID.replace("-", "", 1), "no UUID"),
    ("uuid", b"short", "no UUID"),
    ("json", "NaN", "no JSON"),
    ("json", "[1,]", "no JSON"),
    ("json", "", "no JSON"),
    ("json", "[" * 100_000, "no JSON"),
    ("json", {"a": float("nan")}, "JSON cannot say"),
    ("json", {"a": Decimal(1)}, "JSON cannot say"),
    ("json", {"a": "\ud800"}, "lone surrogate"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED, ids=numbered(ACCEPTED))
def test_an_accepted_value_has_one_text(kind, value, expected):
    """
    What a driver may return is written in the type's one form; NULL beside it stays NULL.
    """
    assert [expected] == canonical(kind, value)
    assert [None, expected, expected, None] == canonical(kind, None, value, value, None)


@pytest.mark.parametrize(("kind", "value", "reason"), REFUSED, ids=numbered(REFUSED))
def test_a_value_without_an_exact_form_is_refused_by_name(kind, value, reason):
    """
    What cannot be written exactly is refused, naming dataset, field and what would be right.
    """
    with pytest.raises(UnwritableValue, match=reason) as refused:
        canonical(kind, value)
    assert ("payouts", "value") == (refused.value.dataset, refused.value.field)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_null_columns_and_empty_columns_pass():
    """
    A column of NULLs stays one, and an empty column stays empty.
    """
    assert [None, None] == canonical("decimal", None, None)
    assert [] == canonical("decimal")


def test_mixed_numbers_of_sqlite_are_written_alike():
    """
    A column in which SQLite stored integers, floats and texts has one form for all.
    """
    assert ["2", "2.5", "2", "0.1", "2.0"] == canonical("decimal", 2, 2.5, 2.0, 0.1, "2.0")
    assert ["2", "2", "0.5"] == canonical("decimal", 2, 2.0, 0.5)
    assert ["2", "2.0"] == canonical("decimal", 2.0, Decimal("2.0"))
    assert ["1", "2", "3"] == canonical("integer", 1, 2.0, "3")


def test_a_scale_pads_with_zeros_and_drops_only_zeros():
    """
    A scale of seven writes seven digits; more digits are dropped only where they are zeros.
    """
    assert ["1.0000000", "1.5000000", "-0.0000001"] == canonical("decimal", 1, 1.5, Decimal("-1E-7"), scale=7)
    assert ["1.5000000", "1.0000000"] == canonical("decimal", Decimal("1.500000000"), 1, scale=7)
    assert ["1", "2"] == canonical("decimal", Decimal("1.00"), 2, scale=0)
    with pytest.raises(UnwritableValue, match="more than the declared 7 decimal digits"):
        canonical("decimal", Decimal("0.12345678"), scale=7)
    with pytest.raises(UnwritableValue, match="more than the declared 0 decimal digits"):
        canonical("decimal", Decimal("1.5"), scale=0)


@pytest.mark.parametrize(
    ("unit", "value"),
    [("s", 1769903999), ("ms", 1769903999000), ("us", 1769903999000000), ("s", "1769903999"), ("s", 1769903999.0)],
    ids=["s", "ms", "us", "text", "float"],
)
def test_epochs_count_their_unit(unit, value):
    """
    An integer counts seconds, milliseconds or microseconds, as the field declares.
    """
    assert ["2026-01-31T23:59:59.000000Z"] == canonical("timestamp", value, unit=unit)


def test_an_epoch_outside_the_calendar_is_refused():
    """
    Milliseconds taken for seconds end in the year 50,000: refused, pointing at the unit.
    """
    with pytest.raises(UnwritableValue, match="check the unit"):
        canonical("timestamp", 1769903999000, unit="s")
    with pytest.raises(UnwritableValue, match="no whole number"):
        canonical("timestamp", 1769903999.5, unit="s")


def test_a_local_time_needs_a_declared_zone():
    """
    A time without a zone is refused where none is declared, and counted from UTC where one is.
    """
    with pytest.raises(UnwritableValue, match="without a time zone"):
        canonical("timestamp", local("2026-07-01T00:00"), timezone=None)
    with pytest.raises(UnwritableValue, match="without a time zone"):
        canonical("timestamp", "2026-07-01 00:00:00", timezone=None)
    paris = ["2026-06-30T22:00:00.000000Z"]
    nowhere = local("2026-07-01T00:00").replace(tzinfo=NowhereInParticular())
    assert paris == canonical("timestamp", nowhere, timezone="Europe/Paris")
    assert paris == canonical("timestamp", local("2026-07-01T00:00"), timezone="Europe/Paris")
    assert paris == canonical("timestamp", "2026-07-01 00:00:00", timezone="Europe/Paris")


def test_a_local_time_that_happened_twice_is_the_first():
    """
    When clocks go back, 02:30 means the first 02:30; when they go forward, the offset before holds.
    """
    twice, never = local("2026-10-25T02:30"), local("2026-03-29T02:30")
    assert ["2026-10-25T00:30:00.000000Z", "2026-03-29T01:30:00.000000Z"] == canonical(
        "timestamp", twice, never, timezone="Europe/Paris"
    )


def test_each_text_in_a_column_of_one_form_is_checked():
    """
    One impossible day, or hour, in a column of one form is found.
    """
    good = "2024-02-29 00:00:00.000000"
    assert ["2024-02-29T00:00:00.000000Z"] * 3 == canonical("timestamp", good, good, good)
    with pytest.raises(UnwritableValue):
        canonical("timestamp", good, "2026-02-29 00:00:00.000000", good)
    with pytest.raises(UnwritableValue):
        canonical("timestamp", good, "2026-02-28 24:00:00.000000", good)


def test_texts_of_one_form_and_of_several_agree():
    """
    A column in one textual form takes the quick way and gives what the slow way gives.
    """
    day = datetime(2026, 1, 31, tzinfo=UTC)
    texts = [f"{day + timedelta(hours=n):%Y-%m-%d %H:%M:%S.%f}" for n in range(30)]
    expected = [f"{day + timedelta(hours=n):%Y-%m-%dT%H:%M:%S.%f}Z" for n in range(30)]
    for suffix in ("", "Z", "+00", "+00:00"):
        same = [text + suffix for text in texts]
        assert expected == canonical("timestamp", *same)
        assert expected == canonical("timestamp", *same[:-1], texts[-1] + "000")
    assert expected == canonical("timestamp", *(text[:19] for text in texts))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "America", ""])
def test_an_unknown_time_zone_is_refused_by_name(name):
    """
    A timezone that is no IANA name is an error of the catalog.
    """
    with pytest.raises(InvalidCatalog, match="is no IANA time zone, such as UTC"):
        canonical("timestamp", local("2026-01-01T00:00"), timezone=name)
