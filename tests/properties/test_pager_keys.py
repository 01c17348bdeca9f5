"""
Keys of any length and mixed types: a right source is never refused, a disordered one always.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.payouts import ANN, OWNERS, keyed_by

from streampay_export._core.catalog import FieldType
from streampay_export._core.cursor import Cursor
from streampay_export._core.pager import Fetch, Pager, PageSize, pages
from streampay_export._core.selection import Key, Row
from streampay_export.errors import RepeatedRow, RowsOutOfOrder, SourceDataError, StuckCursor

BERLIN = ZoneInfo("Europe/Berlin")
MIXED_NUMBERS = (
    st.integers(min_value=-3, max_value=3)
    | st.sampled_from([0.5, -2.25, 1e300])
    | st.sampled_from([Decimal("0.25"), Decimal("1.10"), Decimal(10) ** 30])
)
# Eight o'clock to half past four in the night in which Berlin goes through an hour twice.
INSTANTS = st.integers(min_value=0, max_value=1_020).map(
    lambda minutes: datetime(2026, 10, 24, 20, tzinfo=UTC) + timedelta(minutes=minutes)
)
ORDERED: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.INTEGER: st.integers(),
    FieldType.DECIMAL: MIXED_NUMBERS,
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates(),
    FieldType.UUID: st.uuids(),
    FieldType.JSON: st.binary(max_size=3),
}
TIMES: list[st.SearchStrategy[Any]] = [
    st.datetimes(),
    INSTANTS,
    INSTANTS.map(lambda instant: instant.astimezone(BERLIN)),
    INSTANTS.map(lambda instant: instant.astimezone(timezone(timedelta(hours=-3)))),
    INSTANTS.map(lambda instant: instant.isoformat(" ", "microseconds")),
    INSTANTS.map(lambda instant: instant.strftime("%Y-%m-%dT%H:%M:%SZ")),
    INSTANTS.map(lambda instant: instant.strftime("%Y-%m-%d")),
]


def rank(value: Any) -> Any:
    """
    What Python sorts a value by: datetimes by their instant, not by what a clock showed.
    """
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


@st.composite
def ordered_tables(draw: st.DrawFn) -> tuple[tuple[FieldType, ...], list[Row]]:
    """
    Key types that have an order of their own, and rows in that order, each key once.
    """
    columns = []
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        kind = draw(st.sampled_from([*ORDERED, FieldType.TIMESTAMP]))
        values = draw(st.sampled_from(TIMES)) if kind is FieldType.TIMESTAMP else ORDERED[kind]
        columns.append((kind, values))
    keys = draw(st.lists(st.tuples(*(values for _, values in columns)), min_size=2, max_size=30))
    once = {tuple(map(rank, key)): key for key in keys}
    return tuple(kind for kind, _ in columns), [(ANN, *once[ranks]) for ranks in sorted(once)]


def read_all(kinds: tuple[FieldType, ...], rows: list[Row], size: int) -> list[Row]:
    """
    Read these rows, in this order, in pages of this size; every cursor goes through its token.
    """
    pager = Pager(keyed_by(*kinds), OWNERS, size=PageSize(rows=size, first=size))
    read: list[Row] = []

    def fetch(after: Key | None, limit: int) -> list[Row]:
        return rows[len(read) : len(read) + limit]

    for page in pages(pager, fetch):
        read += page
        pager.emitted(100)
        if isinstance(action := pager.step(), Fetch):
            assert action.after is not None
            again = Cursor.parse(Cursor(scope="things", key=action.after).spell(), "things").key
            assert list(map(rank, again)) == list(map(rank, action.after))
    return read


@given(table=ordered_tables(), size=st.integers(min_value=1, max_value=10))
def test_rows_in_order_are_never_refused(table: tuple[tuple[FieldType, ...], list[Row]], size: int) -> None:
    """
    Any types, any ties, any page size, two o'clock twice in one night: rows in key order are read as they are.
    """
    kinds, rows = table
    assert read_all(kinds, rows, size) == rows


@given(table=ordered_tables(), size=st.integers(min_value=1, max_value=10), data=st.data())
def test_two_rows_in_each_others_place_are_always_refused(
    table: tuple[tuple[FieldType, ...], list[Row]], size: int, data: st.DataObject
) -> None:
    """
    Whatever the types, rows swapped within a page or across pages are out of order.
    """
    kinds, rows = table
    assume(len(rows) > 1)
    one, other = data.draw(
        st.lists(st.integers(min_value=0, max_value=len(rows) - 1), min_size=2, max_size=2, unique=True)
    )
    rows[one], rows[other] = rows[other], rows[one]
    with pytest.raises((RowsOutOfOrder, StuckCursor)):
        read_all(kinds, rows, size)


@given(table=ordered_tables(), size=st.integers(min_value=1, max_value=10), data=st.data())
def test_a_row_that_comes_twice_is_always_refused(
    table: tuple[tuple[FieldType, ...], list[Row]], size: int, data: st.DataObject
) -> None:
    """
    Whatever the types, a row that comes again at any later place is refused.
    """
    kinds, rows = table
    place = data.draw(st.integers(min_value=0, max_value=len(rows) - 1))
    rows.insert(data.draw(st.integers(min_value=place + 1, max_value=len(rows))), rows[place])
    with pytest.raises((RepeatedRow, RowsOutOfOrder, StuckCursor)):
        read_all(kinds, rows, size)


TEXTS = st.text(alphabet="aAbBéz", max_size=3)


@given(
    keys=st.lists(st.tuples(INSTANTS, TEXTS, st.integers()), max_size=30, unique=True),
    size=st.integers(min_value=1, max_value=10),
)
def test_text_in_the_middle_of_a_key_may_have_any_collation(keys: list[tuple[Any, ...]], size: int) -> None:
    """
    A collation that Python does not know orders text within ties of the columns before it: it is trusted there.
    """
    rows = [(ANN, *key) for key in sorted(keys, key=lambda key: (key[0], key[1].casefold(), key[1], key[2]))]
    assert read_all((FieldType.TIMESTAMP, FieldType.TEXT, FieldType.INTEGER), rows, size) == rows


@given(
    keys=st.lists(st.tuples(INSTANTS, TEXTS), min_size=2, max_size=30, unique_by=lambda key: key[0]),
    size=st.integers(min_value=1, max_value=10),
)
def test_the_columns_before_the_text_never_descend(keys: list[tuple[Any, ...]], size: int) -> None:
    """
    The order of the columns before the first text column is held, within pages and across them.
    """
    with pytest.raises((RowsOutOfOrder, StuckCursor)):
        read_all((FieldType.TIMESTAMP, FieldType.TEXT), [(ANN, *key) for key in sorted(keys, reverse=True)], size)


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=20, unique=True),
    size=st.integers(min_value=1, max_value=20),
    data=st.data(),
)
def test_text_that_repeats_in_its_page_or_the_cursor_is_refused(
    texts: list[str], size: int, data: st.DataObject
) -> None:
    """
    Of text keys the pager sees each repeat within a page, and the cursor's row coming again on the next.
    """
    place = data.draw(st.integers(min_value=0, max_value=len(texts) - 1))
    begin = place - place % size
    again = data.draw(st.integers(min_value=place + 1, max_value=max(place + 1, min(len(texts), begin + size - 1))))
    rows = [(ANN, text) for text in texts]
    rows.insert(again, rows[place])
    with pytest.raises(SourceDataError):
        read_all((FieldType.TEXT,), rows, size)
