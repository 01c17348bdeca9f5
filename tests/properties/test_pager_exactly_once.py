"""
The law of paging: each row present throughout is read exactly once, in order, whatever the pages are.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.payouts import BOB, OWNERS, PAYOUTS, payout, payouts

from streampay_export._core.cursor import Cursor
from streampay_export._core.pager import Finish, Pager, PageSize, apages, pages
from streampay_export._core.selection import Key, Row
from streampay_export.testing.model_source import ModelSource, breaches

ROWS = 10_007
# One, two, a prime, round ones and their neighbours, the table itself and its neighbours, and more than all.
SIZES = st.sampled_from([1, 2, 97, 999, 1_000, 1_001, 4_096, ROWS - 1, ROWS, ROWS + 1, 50_000])
TIES = st.sampled_from([1, 2, 3, 1_000, ROWS])


def fixed(rows: int) -> PageSize:
    """
    Pages of exactly so many rows.
    """
    return PageSize(rows=rows, first=rows)


def table(tie: int = 3, count: int = ROWS) -> ModelSource:
    """
    The payouts of one person, with a payout between other people after every tenth.
    """
    others = [(BOB, BOB, at, number + 0.5) for _, _, at, number in payouts(count, tie)[::10]]
    return ModelSource(PAYOUTS, OWNERS, payouts(count, tie) + others)


def nothing(page: int) -> None:
    """
    What happens to a source that is left alone.
    """


def read_part(
    source: ModelSource, pager: Pager, between: Callable[[int], None] = nothing
) -> tuple[list[Row], Finish]:
    """
    Drive one pager to its end, with something happening to the source after every page.
    """
    read: list[Row] = []
    for number, rows in enumerate(pages(pager, source.page)):
        read += rows
        between(number)
    return read, pager.finish


def parts(source: ModelSource, size: PageSize, max_rows: int) -> Iterator[tuple[Sequence[Row], Finish]]:
    """
    Read part after part, each from the token of the cursor that the one before left.
    """
    after: Key | None = None
    exhausted = False
    while not exhausted:
        rows, finish = read_part(source, Pager(PAYOUTS, OWNERS, after=after, max_rows=max_rows, size=size))
        yield rows, finish
        exhausted = finish.exhausted
        assert finish.last is not None
        after = Cursor.parse(Cursor(scope="payouts", key=finish.last).spell(), "payouts").key


@given(size=SIZES, tie=TIES)
@example(size=1, tie=1)
@example(size=1, tie=ROWS)
@settings(max_examples=10)
def test_every_row_once_and_in_order(size: int, tie: int) -> None:
    """
    Whatever the page size and the ties, the rows of one person are read exactly once and in order.
    """
    read, finish = read_part(table(tie), Pager(PAYOUTS, OWNERS, size=fixed(size)))
    assert read == payouts(ROWS, tie)
    assert finish == Finish(rows=ROWS, last=read[-1][2:], exhausted=True)


@given(size=SIZES, tie=TIES, seed=st.integers())
@example(size=1, tie=3, seed=0)
@example(size=97, tie=3, seed=0)
@settings(max_examples=10)
def test_rows_come_and_go_between_pages(size: int, tie: int, seed: int) -> None:
    """
    Rows inserted and deleted between pages, before and after the cursor, cost no other row its place.
    """
    chance = Random(seed)
    source = table(tie)
    throughout, ever = set(payouts(ROWS, tie)), set(payouts(ROWS, tie))

    def between(page: int) -> None:
        for _ in range(min(size // 3, 40) + (page % 3 == 0)):
            number = chance.randrange(ROWS)
            gone = payout(number, tie)
            if gone in throughout:
                throughout.discard(gone)
                source.delete(gone)
            payer, payee, at, _ = payout(chance.randrange(ROWS), tie)
            late = (payer, payee, at, number + chance.random())
            ever.add(late)
            source.insert(late)

    read, _ = read_part(source, Pager(PAYOUTS, OWNERS, size=fixed(size)), between)
    assert breaches(PAYOUTS, read, throughout=throughout, ever=ever) == []


@given(reported=st.lists(st.integers(min_value=0, max_value=50_000_000), min_size=1, max_size=40))
@settings(max_examples=10)
def test_pages_that_adapt_lose_nothing(reported: list[int]) -> None:
    """
    Whatever sizes are reported, and so whatever pages follow, the rows are the same and in bounds.
    """
    size = PageSize(rows=700, bytes=100_000, smallest=8, first=30)
    pager = Pager(PAYOUTS, OWNERS, size=size)
    read: list[Row] = []
    lengths = []
    for number, rows in enumerate(pages(pager, table().page)):
        read += rows
        lengths.append(len(rows))
        pager.emitted(reported[number % len(reported)])
    assert read == payouts(ROWS)
    assert lengths[0] == 30
    assert all(8 <= length <= 700 for length in lengths[1:-1])


@given(size=st.sampled_from([199, 500]), tie=TIES)
@settings(max_examples=3)
def test_resumed_at_every_page_of_a_large_table(size: int, tie: int) -> None:
    """
    A pager begun at the cursor of any page reads just the rows that were left.
    """
    source, rows = table(tie), payouts(ROWS, tie)
    for begin in range(size, ROWS, size):
        after = Cursor.parse(Cursor(scope="payouts", key=source.key(rows[begin - 1])).spell(), "payouts").key
        tail, _ = read_part(source, Pager(PAYOUTS, OWNERS, after=after, size=fixed(5_000)))
        assert tail == rows[begin:]


@given(size=st.sampled_from([1, 2, 7, 300]), tie=st.sampled_from([1, 3, 300]))
@settings(max_examples=8)
def test_resumed_at_every_row(size: int, tie: int) -> None:
    """
    A pager begun at the cursor of any row at all reads just the rows that were left.
    """
    source, rows = table(tie, 150), payouts(150, tie)
    for begin, row in enumerate(rows, start=1):
        after = Cursor.parse(Cursor(scope="payouts", key=source.key(row)).spell(), "payouts").key
        tail, finish = read_part(source, Pager(PAYOUTS, OWNERS, after=after, size=fixed(size)))
        assert tail == rows[begin:]
        assert finish.last == source.key(rows[-1])


@given(size=SIZES, max_rows=st.sampled_from([1_000, 1_001, 4_999, ROWS - 1, ROWS, ROWS + 1]))
@example(size=1, max_rows=1_000)
@settings(max_examples=10)
def test_parts_close_at_exactly_so_many_rows(size: int, max_rows: int) -> None:
    """
    The bounds of parts depend on nothing but their number of rows, whatever the pages are.
    """
    read = list(parts(table(), fixed(size), max_rows))
    rows = payouts(ROWS)
    assert [list(part) for part, _ in read] == [
        rows[begin : begin + max_rows] for begin in range(0, ROWS + 1, max_rows)
    ]
    assert [finish.rows for _, finish in read] == [len(part) for part, _ in read]
    assert [finish.exhausted for _, finish in read] == [False] * (len(read) - 1) + [True]
    assert list(accumulate(finish.rows for _, finish in read))[-1] == ROWS


@given(size=SIZES, tie=TIES)
@settings(max_examples=10)
def test_the_asynchronous_driver_reads_the_same_pages(size: int, tie: int) -> None:
    """
    Both drivers ask the same questions and yield the same pages.
    """
    source = table(tie)
    asked: list[tuple[Key | None, int]] = []

    def fetch(after: Key | None, limit: int) -> Sequence[Row]:
        asked.append((after, limit))
        return source.page(after, limit)

    async def afetch(after: Key | None, limit: int) -> Sequence[Row]:
        await asyncio.sleep(0)
        return fetch(after, limit)

    async def collect(pager: Pager) -> list[Sequence[Row]]:
        return [page async for page in apages(pager, afetch)]

    one, other = Pager(PAYOUTS, OWNERS, size=fixed(size)), Pager(PAYOUTS, OWNERS, size=fixed(size))
    synchronous = list(pages(one, fetch))
    asked_by_one = list(asked)
    asked.clear()
    assert asyncio.run(collect(other)) == synchronous
    assert asked == asked_by_one
    assert other.finish == one.finish
