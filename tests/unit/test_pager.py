"""
The conversation with the pager: what it asks, what it refuses, how its pages adapt.
"""

import asyncio
from collections.abc import Sequence

import pytest
from tests.payouts import BOB, OWNERS, PAYOUTS, payout, payouts

from streampay_export._core.pager import (
    FIRST_PAGE_ROWS,
    PAGE_ROWS,
    PART_ROWS,
    SMALLEST_PAGE_ROWS,
    Emit,
    Fetch,
    Finish,
    Pager,
    PageSize,
    apages,
    pages,
)
from streampay_export._core.selection import Key, Row
from streampay_export.errors import (
    ForeignRow,
    InvalidConfiguration,
    InvalidCursor,
    OutOfTurn,
    PageTooLarge,
    RowsOutOfOrder,
    SourceMismatch,
)

SMALL = PageSize(rows=3, first=3)
ROWS = payouts(9)


def key(row: Row) -> Key:
    """
    Return a payout's key.
    """
    return row[2:]


def test_a_whole_conversation() -> None:
    """
    Fetch, emit, fetch after the last key, emit; a page with fewer rows than asked for is the last.
    """
    pager = Pager(PAYOUTS, OWNERS, size=SMALL)
    assert pager.step() == Fetch(None, 3)
    pager.feed(ROWS[:3])
    assert pager.step() == Emit(ROWS[:3])
    pager.emitted(300)
    assert pager.step() == Fetch(key(ROWS[2]), 3)
    pager.feed(ROWS[3:5])
    assert pager.step() == Emit(ROWS[3:5])
    pager.emitted(200)
    assert pager.step() == pager.finish == Finish(rows=5, last=key(ROWS[4]), exhausted=True)


def test_asking_again_changes_nothing() -> None:
    """
    A step is the same until it is answered.
    """
    pager = Pager(PAYOUTS, OWNERS, size=SMALL)
    assert pager.step() is pager.step()
    pager.feed(ROWS[:3])
    assert pager.step() is pager.step()


def test_an_empty_history() -> None:
    """
    A source without rows is exhausted with none and no key.
    """
    pager = Pager(PAYOUTS, OWNERS)
    pager.feed([])
    assert pager.finish == Finish(rows=0, last=None, exhausted=True)


def test_an_empty_rest() -> None:
    """
    A part after the last row is empty and keeps the key it began after.
    """
    pager = Pager(PAYOUTS, OWNERS, after=key(ROWS[-1]))
    pager.feed([])
    assert pager.finish == Finish(rows=0, last=key(ROWS[-1]), exhausted=True)


def test_a_part_takes_no_row_too_many() -> None:
    """
    The last fetch of a part asks for just what the part still takes, and then the part is closed, not exhausted.
    """
    pager = Pager(PAYOUTS, OWNERS, max_rows=4, size=SMALL)
    pager.feed(ROWS[:3])
    pager.emitted()
    assert pager.step() == Fetch(key(ROWS[2]), 1)
    pager.feed(ROWS[3:4])
    pager.emitted()
    assert pager.finish == Finish(rows=4, last=key(ROWS[3]), exhausted=False)


def test_a_short_page_that_fills_no_part_is_exhausted() -> None:
    """
    Where the source ends before the part is full, nobody need ask again.
    """
    pager = Pager(PAYOUTS, OWNERS, max_rows=4, size=SMALL)
    assert [len(page) for page in pages(pager, lambda *_: ROWS[:2])] == [2]
    assert pager.finish.exhausted


def test_a_part_is_50_000_rows() -> None:
    """
    The default part, page and first page are as documented.
    """
    assert (PART_ROWS, PAGE_ROWS, FIRST_PAGE_ROWS, SMALLEST_PAGE_ROWS) == (50_000, 5_000, 100, 8)
    assert Pager(PAYOUTS, OWNERS).step() == Fetch(None, 100)


def test_answers_out_of_turn() -> None:
    """
    Answering what was not asked is a bug and says so.
    """
    pager = Pager(PAYOUTS, OWNERS, size=SMALL)
    with pytest.raises(OutOfTurn) as misuse:
        pager.emitted(1)
    assert str(misuse.value) == "emitted is out of turn: the pager's next step is Fetch"
    with pytest.raises(OutOfTurn):
        _ = pager.finish
    pager.feed(ROWS[:1])
    with pytest.raises(OutOfTurn):
        pager.feed(ROWS[1:2])
    pager.emitted(1)
    with pytest.raises(OutOfTurn):
        pager.feed(ROWS[1:2])


def test_a_refused_page_changes_nothing() -> None:
    """
    After a refusal the same fetch still waits, and a right page answers it.
    """
    pager = Pager(PAYOUTS, OWNERS, size=SMALL)
    with pytest.raises(RowsOutOfOrder):
        pager.feed(ROWS[1::-1])
    assert pager.step() == Fetch(None, 3)
    pager.feed(ROWS[:2])
    pager.emitted()
    assert pager.finish.rows == 2


def test_a_page_over_the_limit() -> None:
    """
    More rows than were asked for are refused with both numbers.
    """
    with pytest.raises(PageTooLarge) as refused:
        Pager(PAYOUTS, OWNERS, size=SMALL).feed(ROWS[:4])
    assert (refused.value.asked, refused.value.got) == (3, 4)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("foreign", [(BOB, BOB), (BOB, None), (None, None), (["GANN"], BOB)])
def test_a_row_of_somebody_else(place: int, foreign: tuple[object, object]) -> None:
    """
    One row none of whose subject columns holds an owner refuses the page, wherever it stands.
    """
    page = [*ROWS[:3]]
    page[place] = (*foreign, *page[place][2:])
    with pytest.raises(ForeignRow) as refused:
        Pager(PAYOUTS, OWNERS, size=SMALL).feed(page)
    assert str(refused.value) == "dataset payouts: the source returned a row that is not the subject's"


@pytest.mark.parametrize("row", [payout(1)[:3], (*payout(1), "more")])
def test_a_row_of_another_width(row: Row) -> None:
    """
    Rows with a column too few or too many are refused: their values would pass for other columns'.
    """
    with pytest.raises(SourceMismatch) as refused:
        Pager(PAYOUTS, OWNERS, size=SMALL).feed([ROWS[0], row])
    assert "4 columns" in str(refused.value)


def test_a_cursor_of_another_length() -> None:
    """
    A cursor with more or fewer values than the key has columns is not this dataset's.
    """
    with pytest.raises(InvalidCursor):
        Pager(PAYOUTS, OWNERS, after=(1,))


@pytest.mark.parametrize("name", ["rows", "bytes", "smallest", "first"])
def test_a_page_size_of_nothing(name: str) -> None:
    """
    Page sizes begin at one; the error names the setting.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        PageSize(**{name: 0})
    assert str(refused.value) == f"PageSize.{name}: at least 1"


def test_a_part_of_nothing() -> None:
    """
    So do parts.
    """
    with pytest.raises(InvalidConfiguration):
        Pager(PAYOUTS, OWNERS, max_rows=-1)


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        pytest.param(100 * 200, 5_000, id="narrow rows fill a page of the most rows"),
        pytest.param(100 * 1_024, 1_024, id="wider rows fill the bytes"),
        pytest.param(100 << 20, 8, id="huge rows come in the smallest page"),
        pytest.param(0, 100, id="an unknown size leaves it as it was"),
    ],
)
def test_the_page_adapts_to_what_was_written(written: int, limit: int) -> None:
    """
    The next limit is as many rows as make 1 MiB at the last page's size per row, within bounds.
    """
    pager = Pager(PAYOUTS, OWNERS)
    pager.feed(payouts(100))
    pager.emitted(written)
    assert pager.step() == Fetch(key(payout(99)), limit)


def test_the_first_page_is_no_larger_than_any() -> None:
    """
    A first page larger than the most rows is cut to that.
    """
    assert Pager(PAYOUTS, OWNERS, size=PageSize(rows=7)).step() == Fetch(None, 7)


def test_the_driver_leaves_the_report_to_its_consumer() -> None:
    """
    A size reported between two pages counts, and the driver does not report over it.
    """
    limits: list[int] = []

    def fetch(after: Key | None, limit: int) -> Sequence[Row]:
        limits.append(limit)
        begin = 0 if after is None else after[1] + 1
        return payouts(20)[begin : begin + limit]

    pager = Pager(PAYOUTS, OWNERS, size=PageSize(rows=10, bytes=100, smallest=1, first=2))
    for page in pages(pager, fetch):
        if len(limits) != 2:
            pager.emitted(20 * len(page))
    assert limits == [2, 5, 5, 5, 5]


def test_the_asynchronous_driver_leaves_it_too() -> None:
    """
    The same holds between two asynchronous pages.
    """
    limits: list[int] = []

    async def fetch(after: Key | None, limit: int) -> Sequence[Row]:
        limits.append(limit)
        begin = 0 if after is None else after[1] + 1
        return payouts(20)[begin : begin + limit]

    async def read() -> None:
        pager = Pager(PAYOUTS, OWNERS, size=PageSize(rows=10, bytes=100, smallest=1, first=2))
        async for page in apages(pager, fetch):
            if len(limits) != 2:
                pager.emitted(20 * len(page))

    asyncio.run(read())
    assert limits == [2, 5, 5, 5, 5]


async def _never(after: Key | None, limit: int) -> Sequence[Row]:
    raise AssertionError


def test_a_pager_at_its_end_asks_nothing() -> None:
    """
    Driving a finished pager again yields nothing and fetches nothing.
    """
    pager = Pager(PAYOUTS, OWNERS)
    pager.feed([])
    assert list(pages(pager, lambda *_: payouts(1))) == []
    with pytest.raises(StopAsyncIteration):
        anext(aiter(apages(pager, _never))).send(None)


def test_actions_do_not_show_rows_and_keys() -> None:
    """
    Nobody's data is in a representation, which may end up in a log.
    """
    pager = Pager(PAYOUTS, OWNERS, after=key(ROWS[0]), size=SMALL)
    assert repr(pager.step()) == "Fetch(limit=3)"
    pager.feed(ROWS[1:2])
    assert repr(pager.step()) == "Emit()"
    pager.emitted()
    assert repr(pager.step()) == "Finish(rows=1, exhausted=True)"
