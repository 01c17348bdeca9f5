"""
Laws of canonical text, over columns of every type and every mixture a driver may return.
"""

import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from streampay_export._core.canonical import canonicaliser
from streampay_export._core.catalog import Field, FieldType
from streampay_export.errors import UnwritableValue

MICROSECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
ZONES = ["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Apia"]

decimals = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).filter(lambda d: abs(d.adjusted()) < 400),
    st.decimals(-(10**29), 10**29, places=9),
    st.integers(-9, 9).map(lambda n: Decimal(n).scaleb(-9)),
)
of_few_digits = st.integers() | st.integers(0, 7).flatmap(
    lambda places: st.decimals(-(10**30), 10**30, places=places)
)
floats = st.floats(allow_nan=False, allow_infinity=False)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A year from the calendar's ends, so that each has its day in every zone.
years = {"min_value": datetime.fromisoformat("0002-01-01"), "max_value": datetime.fromisoformat("9998-12-31")}
instants = st.datetimes(**years, timezones=offsets | st.sampled_from([UTC, *map(ZoneInfo, ZONES)]))
naive = st.datetimes(**years)


def instant_texts(instant):
    """
    Ways a database writes an instant in UTC.
    """
    plain = instant.astimezone(UTC).replace(tzinfo=None)
    long = plain.isoformat(sep=" ", timespec="microseconds")
    return st.sampled_from(
        [long, long.replace(" ", "T") + "Z", long + "+00", long + "000", f"{long}+00:00", f"{long.rstrip('0')}0"]
    )


VALUES = {
    FieldType.TEXT: st.text() | st.integers() | st.uuids() | st.text().map(str.encode),
    FieldType.INTEGER: st.integers()
    | st.integers().map(str)
    | st.integers().map(Decimal)
    | st.integers(-99, 99).map(float),
    FieldType.DECIMAL: st.one_of(decimals, decimals.map(str), floats, st.integers()),
    FieldType.BOOLEAN: st.sampled_from([True, False, 0, 1, "t", "f", "true", "false", "0", "1"]),
    FieldType.TIMESTAMP: st.one_of(instants, naive, instants.flatmap(instant_texts)),
    FieldType.DATE: st.dates() | st.dates().map(str),
    FieldType.UUID: st.uuids()
    | st.uuids().map(str)
    | st.uuids().map(lambda u: u.hex.upper())
    | st.uuids().map(lambda u: u.bytes),
    FieldType.JSON: st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=4,
    ).map(lambda value: json.dumps(value, indent=1)),
}


def canonical(kind, values, timezone="UTC", **more):
    """
    The canonical texts of a column.
    """
    return list(canonicaliser("payouts", Field(name="value", type=kind, **more), timezone)(tuple(values)))


@pytest.mark.parametrize("kind", FieldType)
@given(data=st.data())
def test_a_column_is_its_cells(kind, data):
    """
    A whole column gives what each of its cells gives alone, whatever is mixed in it.
    """
    some = VALUES[kind]
    alike = st.integers(1, 5).flatmap(lambda n: st.tuples(*[some] * n))
    values = data.draw(alike | st.lists(some | st.none(), max_size=8))
    assert [canonical(kind, [value])[0] for value in values] == canonical(kind, values)


@pytest.mark.parametrize("kind", FieldType)
@given(data=st.data())
def test_canonical_text_is_a_fixed_point(kind, data):
    """
    Canonical text read again as the same type is the same text.
    """
    texts = canonical(kind, data.draw(st.lists(VALUES[kind], max_size=6)))
    assert texts == canonical(kind, texts)


@given(st.lists(decimals, max_size=6))
@example([Decimal("0E-9"), Decimal("0E+5"), Decimal("-0.00"), Decimal("1.5E-8"), Decimal("1E+3")])
def test_decimals_are_plain_and_exact(values):
    """
    A decimal's text has no exponent and reads back as exactly the same number.
    """
    texts = canonical("decimal", values)
    assert values == [Decimal(text) for text in texts]
    assert all(PLAIN.fullmatch(text) for text in texts)


@given(st.lists(floats, max_size=6))
def test_floats_are_the_shortest_decimal_that_reads_back(values):
    """
    A float's text reads back as the same float and is no longer than Python's own.
    """
    texts = canonical("decimal", values)
    assert values == [float(text) for text in texts]
    assert [Decimal(repr(value)) for value in values] == [Decimal(text) for text in texts]


@given(st.lists(of_few_digits, max_size=6), st.integers(7, 38))
def test_a_scale_pads_and_changes_no_number(values, scale):
    """
    With a scale each text has exactly so many decimal digits and the same value.
    """
    texts = canonical("decimal", values, scale=scale)
    assert values == [Decimal(text) for text in texts]
    assert {scale} >= {len(text.partition(".")[2]) for text in texts}


@given(decimals, st.integers(0, 12))
def test_a_scale_never_rounds(value, scale):
    """
    A scale either keeps the value exactly or refuses it.
    """
    fits = value == value.quantize(Decimal(1).scaleb(-scale)) if abs(value.adjusted()) < 15 else None
    assume(fits is not None)
    if fits:
        assert value == Decimal(canonical("decimal", [value], scale=scale)[0])
    else:
        with pytest.raises(UnwritableValue, match=f"declared {scale} decimal digits"):
            canonical("decimal", [value], scale=scale)


@given(st.lists(st.integers() | st.integers(-(2**127), 2**127), max_size=6))
def test_integers_of_any_size_are_exact(values):
    """
    An integer reads back as itself: i128 amounts too.
    """
    assert values == [int(text) for text in canonical("integer", values)]
    assert canonical("integer", values) == canonical("integer", map(Decimal, values))


@given(st.lists(instants, max_size=6))
def test_instants_round_trip(values):
    """
    An instant's text has one length, is in UTC, and reads back as the same instant.
    """
    texts = canonical("timestamp", values, timezone=None)
    assert [value.astimezone(UTC) for value in values] == [datetime.fromisoformat(text) for text in texts]
    assert all(MICROSECOND.fullmatch(text) for text in texts)


@given(st.lists(naive, max_size=6), st.sampled_from(ZONES))
def test_local_times_are_of_the_declared_zone(values, zone):
    """
    A time without a zone is the declared zone's, whether it comes as a datetime or as text.
    """
    expected = [value.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for value in values]
    texts = canonical("timestamp", values, timezone=zone)
    assert expected == [datetime.fromisoformat(text) for text in texts]
    assert texts == canonical("timestamp", map(str, values), timezone=zone)


@given(st.lists(st.integers(-(10**15), 10**17), max_size=4))
def test_counted_instants_are_exact(counts):
    """
    An epoch count in microseconds reads back as the same count, never through a float.
    """
    texts = canonical("timestamp", counts, unit="us")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert counts == [(datetime.fromisoformat(text) - epoch) // timedelta(microseconds=1) for text in texts]


@given(st.lists(st.uuids(), max_size=6))
def test_uuids_have_one_form(values):
    """
    A UUID is written in lower case with dashes, whatever the driver made of it.
    """
    expected = [str(value) for value in values]
    forms = [values, expected, [v.hex for v in values], [str(v).upper() for v in values], [v.bytes for v in values]]
    assert [expected] * 5 == [canonical("uuid", form) for form in forms]


@given(st.lists(st.dates(), max_size=6))
def test_days_round_trip(values):
    """
    A day's text reads back as the same day.
    """
    assert values == [date.fromisoformat(text) for text in canonical("date", values)]


@given(VALUES[FieldType.JSON])
def test_json_stays_the_same_value_on_one_line(text):
    """
    JSON text keeps its value and loses its line breaks.
    """
    (written,) = canonical("json", [text])
    assert json.loads(text) == json.loads(written)
    assert "\n" not in written


@pytest.mark.parametrize("kind", ["integer", "decimal", "boolean", "timestamp", "date", "uuid", "json"])
@given(text=st.text(st.characters(exclude_categories=["Nd", "Cs"]), min_size=1))
def test_no_other_text_passes_as_a_value(kind, text):
    """
    Text that is no value of the type is refused, alone and among good cells, and never quoted.
    """
    good = {"integer": "1", "decimal": "1.5", "boolean": "t", "timestamp": "2026-01-31 00:00:00.000000"}
    good |= {"date": "2026-01-31", "uuid": str(UUID(int=1)), "json": "[]"}
    assume(text not in {"t", "f", "true", "false", "null"} and not text.strip().startswith(("{", "[", '"')))
    assume(text.strip() not in {"true", "false", "null"})
    for column in ([text], [good[kind], text], [text, good[kind]]):
        with pytest.raises(UnwritableValue) as refused:
            canonical(kind, column)
        assert ("payouts", "value") == (refused.value.dataset, refused.value.field)
        assert len(text) < 12 or text not in str(refused.value)
