"""
What the pager sees of a wrong order, each refusal by example.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from tests.payouts import keyed_by

from streampay_export._core.catalog import FieldType
from streampay_export._core.key_order import KeyOrder
from streampay_export._core.selection import Key
from streampay_export.errors import (
    KeyForm,
    NullKey,
    RepeatedRow,
    RowsOutOfOrder,
    SourceDataError,
    StuckCursor,
    UnwritableValue,
)

INTEGER, TEXT, TIMESTAMP = FieldType.INTEGER, FieldType.TEXT, FieldType.TIMESTAMP
T1, T2 = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

NAIVE = T1.replace(tzinfo=None)


def check(types: tuple[FieldType, ...], *pages: list[Any], after: Key | None = None) -> None:
    """
    Check pages of keys one after another; a key of one column is written without its tuple.
    """
    order = KeyOrder(keyed_by(*types), after)
    for page in pages:
        keys = [key if isinstance(key, tuple) else (key,) for key in page]
        assert order.check([("GANN", *key) for key in keys]) == keys[-1]


@pytest.mark.parametrize(
    ("types", "pages", "error"),
    [
        pytest.param((INTEGER,), [[1, 1]], RepeatedRow, id="twice in a page"),
        pytest.param((INTEGER,), [[1, 2, 3, 1]], RepeatedRow, id="twice, apart"),
        pytest.param((INTEGER,), [[2, 1]], RowsOutOfOrder, id="descending"),
        pytest.param((INTEGER,), [[1, 2], [2, 3]], StuckCursor, id="the cursor's row again"),
        pytest.param((INTEGER,), [[1, 2], [1, 2]], StuckCursor, id="the same page again"),
        pytest.param((INTEGER,), [[1, 2], [3, 1]], RowsOutOfOrder, id="descending on the second page"),
        pytest.param((TIMESTAMP, INTEGER), [[(T1, 2), (T1, 1)]], RowsOutOfOrder, id="descending in a tie"),
        pytest.param((TIMESTAMP, INTEGER), [[(T1, 1)], [(T1, 1)]], StuckCursor, id="a tie's row again"),
        pytest.param((TIMESTAMP, INTEGER), [[(T1, 1), (T1, 1), (T2, 1)]], RepeatedRow, id="twice in a tie"),
        pytest.param((INTEGER, TEXT), [[(2, "a"), (1, "b")]], RowsOutOfOrder, id="descending before a text"),
        pytest.param((INTEGER, TEXT), [[(2, "a")], [(1, "b")]], StuckCursor, id="back before a text"),
        pytest.param((INTEGER, TEXT), [[(1, "a"), (1, "a")]], RepeatedRow, id="twice with a text"),
        pytest.param((INTEGER, TEXT), [[(1, "a")], [(1, "b"), (1, "a")]], StuckCursor, id="cursor with a text"),
        pytest.param((TEXT,), [["a", "b", "a"]], RepeatedRow, id="text twice"),
        pytest.param((TEXT,), [["a", "b"], ["b"]], StuckCursor, id="the cursor's text again"),
        pytest.param((TEXT,), [["a"], ["b"], ["c"], ["b"]], RepeatedRow, id="a text from two pages back"),
        pytest.param((FieldType.DATE,), [[date(2026, 1, 2), date(2026, 1, 1)]], RowsOutOfOrder, id="dates"),
        pytest.param((FieldType.UUID,), [[UUID(int=2), UUID(int=1)]], RowsOutOfOrder, id="UUIDs"),
        pytest.param((FieldType.DECIMAL,), [[Decimal("0.3"), 0.25]], RowsOutOfOrder, id="mixed numbers"),
        pytest.param((TEXT,), [[b"b", b"a"]], RowsOutOfOrder, id="bytes"),
    ],
)
def test_keys_that_do_not_ascend(
    types: tuple[FieldType, ...], pages: list[list[Any]], error: type[SourceDataError]
) -> None:
    """
    Repeats, steps back and a cursor that stands still are each told apart.
    """
    check(types, *pages[:-1])
    with pytest.raises(error):
        check(types, *pages)


@pytest.mark.parametrize(
    ("types", "pages"),
    [
        pytest.param((TEXT,), [["b", "a"], ["Z", "é"]], id="text in a collation of its own"),
        pytest.param((TEXT, INTEGER), [[("b", 2), ("a", 1)], [("a", 2)]], id="text before an integer"),
        pytest.param((INTEGER, TEXT), [[(1, "b"), (1, "a"), (2, "b")], [(2, "a")]], id="text in ties"),
        pytest.param((INTEGER, TEXT), [[(1, "a"), (2, "a")], [(2, "b"), (3, "a")]], id="the same text again"),
        pytest.param((INTEGER,), [[1, 5, "a", "b"], ["c", b"a"]], id="SQLite: numbers, texts, blobs"),
        pytest.param((FieldType.UUID,), [["f", "a"]], id="UUIDs kept as text"),
        pytest.param((TIMESTAMP,), [[1_700_000_000, 1_700_000_001]], id="epoch seconds"),
        pytest.param((FieldType.DECIMAL,), [[1, 1.5], [Decimal("1.6"), 2]], id="mixed numbers"),
        pytest.param((TIMESTAMP,), [["2026-01-31", "2026-02-01"]], id="days as text"),
        pytest.param((TIMESTAMP,), [["2026-01-31 01:00:00+02:00"], ["2026-01-31 02:00:00+02:00"]], id="offset"),
        pytest.param((TEXT,), [["2026-01-31", "2026-1-31"]], id="text that no timestamp field maps"),
    ],
)
def test_what_is_not_refused(types: tuple[FieldType, ...], pages: list[list[Any]]) -> None:
    """
    Where Python's order is not the source's, the source's is taken.
    """
    check(types, *pages)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["2026-01-31 00:00:00", "2026-01-31T00:00:01"], id="separator"),
        pytest.param(["2026-01-31 00:00:00", "2026-01-31 00:00:01.5"], id="fraction"),
        pytest.param(["2026-01-31 00:00:00", "2026-01-31 00:00:01Z"], id="suffix"),
        pytest.param(["2026-01-31 00:00:00+01:00", "2026-01-31 00:00:01+02:00"], id="offset"),
        pytest.param(["2026-01-31 00:00:00", "2026-01-31 00:00:01\n2026-01-31 00:00:02"], id="line break"),
        pytest.param(["2026-01-31 00:00:00\n2026-01-31 00:00:02", ""], id="empty"),
        pytest.param(["2026-01-31", "soon"], id="words after"),
        pytest.param(["soon", "2026-01-31"], id="words before"),
        pytest.param(["2026-01-31", NAIVE], id="a datetime among texts"),
        pytest.param(["2026-01-31", 1_800_000_000], id="a number among texts"),
        pytest.param([NAIVE, T2], id="with and without a zone"),
    ],
)
def test_timestamps_in_more_than_one_form(texts: list[Any]) -> None:
    """
    Text timestamps in two forms have no one order, within a page and across pages alike.
    """
    with pytest.raises(KeyForm) as refused:
        check((TIMESTAMP,), texts)
    assert refused.value.column == "key_0"
    with pytest.raises(KeyForm):
        check((TIMESTAMP,), *([text] for text in texts))


def test_text_timestamps_are_held_to_their_order() -> None:
    """
    In one form, order as text is order in time, and it is checked.
    """
    with pytest.raises(RowsOutOfOrder):
        check((TIMESTAMP,), ["2026-01-31 00:00:01.000000", "2026-01-31 00:00:00.999999"])


def test_the_hour_that_comes_twice() -> None:
    """
    In a zone with summer time, instants ascend while the clock goes back; and the reverse is refused.
    """
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second = first.replace(minute=10, fold=1)
    check((TIMESTAMP,), [first, second])
    check((TIMESTAMP,), [first], [first.replace(fold=1)])
    with pytest.raises(RowsOutOfOrder):
        check((TIMESTAMP,), [second, first])


def test_null_in_a_key() -> None:
    """
    NULL in any key column is refused with the column and how many.
    """
    with pytest.raises(NullKey) as refused:
        check((INTEGER, TEXT), [(1, "a"), (2, None), (3, None)])
    assert (refused.value.column, refused.value.rows) == ("key_1", 2)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.5, float("nan")], "NaN, which has no place in an order"),
        ([Decimal(1), Decimal("NaN")], "NaN, which has no place in an order"),
        ([timedelta(1), timedelta(2)], "a timedelta, which no cursor can carry"),
        ([["a"], ["b"]], "a list, which no cursor can carry"),
    ],
)
def test_values_that_cannot_page(values: list[Any], reason: str) -> None:
    """
    What has no order or no cursor is refused by the name of its column.
    """
    with pytest.raises(UnwritableValue) as refused:
        check((FieldType.JSON,), values)
    assert str(refused.value) == f"dataset things: field 'key_0' holds {reason}"


def test_the_cursor_resumed_from_counts() -> None:
    """
    The first page of a part is held to the key it was to follow.
    """
    check((INTEGER,), [6], after=(5,))
    with pytest.raises(StuckCursor):
        check((INTEGER,), [5, 6], after=(5,))
