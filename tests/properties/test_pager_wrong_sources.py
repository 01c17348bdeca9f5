"""
The mistakes sources make are caught: by the pager where it can see them, by the law and the count where a row
never came.
"""

from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.payouts import ANN, BOB, OWNERS, PAYOUTS, START, keyed_by, payout, payouts

from streampay_export._core.catalog import FieldType
from streampay_export._core.pager import Pager, PageSize, pages
from streampay_export._core.selection import Key, Row
from streampay_export.errors import RepeatedRow, StuckCursor
from streampay_export.testing.model_source import (
    AtOrAfter,
    FirstKeyColumnOnly,
    LosesNulls,
    ModelSource,
    OffsetPaging,
    breaches,
)

ROWS = 10_007
SIZES = st.sampled_from([1, 2, 97, 1_000, 4_096])
SETTINGS = settings(max_examples=8)


def read_all(source: ModelSource, size: int, between: Callable[[], None] = lambda: None) -> list[Row]:
    """
    Read the table in pages of exactly so many rows, with something happening after the second page.
    """
    pager = Pager(PAYOUTS, OWNERS, size=PageSize(rows=size, first=size))
    read: list[Row] = []
    for number, rows in enumerate(pages(pager, source.page)):
        read += rows
        if number == 1:
            between()
    return read


@given(size=SIZES)
@SETTINGS
def test_the_model_itself_breaks_nothing(size: int) -> None:
    """
    What is said of the wrong sources below is not true of the right one.
    """
    source = ModelSource(PAYOUTS, OWNERS, payouts(ROWS))
    expected = source.count()
    read = read_all(source, size, lambda: source.delete(payout(0)))
    assert breaches(PAYOUTS, read, throughout=payouts(ROWS), ever=payouts(ROWS)) == []
    assert len(read) == expected


@given(size=SIZES.filter(lambda size: size > 1))
@SETTINGS
def test_offset_paging_under_an_insert_is_refused(size: int) -> None:
    """
    A row inserted before the offset makes OFFSET repeat one: the pager refuses the page.
    """
    source = OffsetPaging(PAYOUTS, OWNERS, payouts(ROWS))
    with pytest.raises(StuckCursor):
        read_all(source, size, lambda: source.insert((ANN, BOB, START, -1)))


@given(size=SIZES.filter(lambda size: size > 2), gone=st.integers(min_value=1, max_value=2))
@settings(max_examples=4)
def test_offset_paging_under_deletes_breaks_the_law_and_the_count(size: int, gone: int) -> None:
    """
    Rows deleted before the offset, after they were read, make OFFSET lose as many others. No pager can see that:
    the law does, and so does the count before the first page, which right paging meets.
    """
    source = OffsetPaging(PAYOUTS, OWNERS, payouts(ROWS))
    expected = source.count()
    deleted = payouts(gone)

    def delete() -> None:
        for row in deleted:
            source.delete(row)

    read = read_all(source, size, delete)
    throughout = payouts(ROWS)[gone:]
    assert breaches(PAYOUTS, read, throughout=throughout, ever=payouts(ROWS)) == [f"{gone} rows lost"]
    assert len(read) == expected - gone


@given(size=SIZES, tie=st.sampled_from([3, 998]))
@SETTINGS
def test_a_cursor_of_the_timestamp_alone_breaks_the_law_and_the_count(size: int, tie: int) -> None:
    """
    Where a page's end cuts through a tie, a timestamp-only cursor loses the rest of it: law and count say so.
    """
    source = FirstKeyColumnOnly(PAYOUTS, OWNERS, payouts(ROWS, tie))
    read = read_all(source, size)
    lost = ROWS - len(read)
    assert lost > 0
    assert breaches(PAYOUTS, read, throughout=payouts(ROWS, tie), ever=payouts(ROWS, tie)) == [f"{lost} rows lost"]
    assert source.count() == len(read) + lost


@given(size=SIZES)
@SETTINGS
def test_an_exclusion_that_loses_nulls_breaks_the_law_and_the_count(size: int) -> None:
    """
    Legs told apart by `<>` lose the rows without a payer: a count by ownership alone expects them.
    """
    few = payouts(1_000)
    source = LosesNulls(PAYOUTS, OWNERS, few)
    read = read_all(source, size)
    assert breaches(PAYOUTS, read, throughout=few, ever=few) == ["250 rows lost"]
    assert source.count() == len(read) + 250


@given(size=SIZES)
@SETTINGS
def test_at_or_after_is_refused(size: int) -> None:
    """
    A page that begins with the cursor's own row is refused, before it can become an endless export.
    """
    with pytest.raises(StuckCursor):
        read_all(AtOrAfter(PAYOUTS, OWNERS, payouts(ROWS)), size)


def test_the_law_names_each_breach() -> None:
    """
    Lost, repeated, invented and disordered rows each have their sentence.
    """
    one, two, three = payouts(3)
    assert breaches(PAYOUTS, [three, one, one], throughout=[one, two], ever=[one, two]) == [
        "1 rows lost",
        "1 rows repeated",
        "1 rows that never were",
        "rows out of order",
    ]


@given(period=st.integers(min_value=1, max_value=7), size=st.integers(min_value=1, max_value=5))
def test_a_source_of_text_keys_that_goes_in_circles_is_caught(period: int, size: int) -> None:
    """
    Where the order is the source's own, pages that come round again are caught within three rounds.
    """
    circle = [[(ANN, f"{page}-{row}") for row in range(size)] for page in range(period)]
    pager = Pager(keyed_by(FieldType.TEXT), OWNERS, size=PageSize(rows=size, first=size), max_rows=10**9)
    turns, fetched = cycle(circle), []

    def fetch(after: Key | None, limit: int) -> Sequence[Row]:
        fetched.append(after)
        return next(turns)

    with pytest.raises(StuckCursor if period == 1 else RepeatedRow):
        list(pages(pager, fetch))
    assert len(fetched) <= 3 * period + 1
