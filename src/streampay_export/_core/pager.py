"""
The pagination engine, as a conversation: pages go in, actions come out.

    pager = Pager(selection, owner_values(subject), after=None)
    while not isinstance(action := pager.step(), Finish):
        match action:
            case Fetch(after=after, limit=limit):  pager.feed(source.page(query, after, limit))
            case Emit(rows=rows):                  pager.emitted(writer.write(rows))

It cannot fetch, sleep, log or tell the time, so it is the same whether its driver is `pages` or `apages`.
One pager reads one part; the next part is another pager, after the last key of this one.

It stops at the first row that is not what the source promised (see `ownership.py`, `key_order.py`). What it
cannot see is a row that never came: that is for the count of the same rows in the same snapshot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from typing import TypeAlias, assert_never

from attrs import Attribute, field, frozen

from ..errors import InvalidConfiguration, InvalidCursor, OutOfTurn, PageTooLarge
from .key_order import KeyOrder
from .ownership import check_rows, owner_values
from .selection import Key, Row, Selection

__all__ = [
    "PART_ROWS",
    "Action",
    "Emit",
    "Fetch",
    "Finish",
    "PageSize",
    "Pager",
    "apages",
    "owner_values",
    "pages",
]

# Rows of a part, the unit of resuming: seconds of work to lose with a worker, and few enough parts (20 for a
# million rows) for each to have its line in the manifest.
PART_ROWS = 50_000

# A query's fixed cost, spread over so many rows, is lost in what the rows themselves cost; a larger page is not
# faster, it only takes more memory.
PAGE_ROWS = 5_000
# A page is in memory as rows, as texts and as the bytes of each format at once: several times its size.
PAGE_BYTES = 1 << 20
# How large the rows are is not known before the first page, so it is small: 100 cells of 1 MB are survived.
FIRST_PAGE_ROWS = 100
# However large the rows, a query brings some; one huge row then does not make its neighbours come one by one.
SMALLEST_PAGE_ROWS = 8


@frozen
class Fetch:
    """
    Get the next at most *limit* rows with key > *after*, and `feed` them.
    """

    after: Key | None = field(repr=False)
    limit: int


@frozen
class Emit:
    """
    Write these rows, at least one, all checked; then say how many bytes they were with `emitted`.
    """

    rows: Sequence[Row] = field(repr=False)


@frozen(kw_only=True)
class Finish:
    """
    The part is closed: *rows* in it, and its *last* key (the one it began after, where it is empty).

    *exhausted* says that the source had no more. Otherwise go on with another pager after *last*.
    """

    rows: int
    last: Key | None = field(repr=False)
    exhausted: bool


Action: TypeAlias = Fetch | Emit | Finish


def _positive(instance: object, attribute: Attribute[int], value: int) -> None:
    if value < 1:
        raise InvalidConfiguration(f"{type(instance).__name__}.{attribute.name}", "at least 1")


@frozen(kw_only=True)
class PageSize:
    """
    How many rows a page has: as many as make *bytes* written, but *smallest* to *rows*; *first* at first.
    """

    rows: int = field(default=PAGE_ROWS, validator=_positive)
    bytes: int = field(default=PAGE_BYTES, validator=_positive)
    smallest: int = field(default=SMALLEST_PAGE_ROWS, validator=_positive)
    first: int = field(default=FIRST_PAGE_ROWS, validator=_positive)

    def after(self, rows: int, size: int) -> int:
        """
        Return the rows to ask for next, when the last *rows* rows made *size* bytes.
        """
        return min(self.rows, max(self.smallest, rows * self.bytes // size))


ADAPTIVE = PageSize()


class Pager:
    """
    Reads one part of one selection: at most *max_rows* rows of *owners*, in key order, after a key.

    *owners* are native values, see `owner_values`. Not thread-safe. A call out of turn raises
    `OutOfTurn`; a refused page changes nothing, its `Fetch` still waits.
    """

    def __init__(
        self,
        selection: Selection,
        owners: Collection[object],
        *,
        after: Key | None = None,
        max_rows: int = PART_ROWS,
        size: PageSize = ADAPTIVE,
    ) -> None:
        if after is not None and len(after) != len(selection.key):
            raise InvalidCursor
        if max_rows < 0:
            raise InvalidConfiguration("max_rows", "at least 0")
        self._selection = selection
        self._owners = owners
        self._size = size
        self._max_rows = max_rows
        self._order = KeyOrder(selection, after)
        self._limit = min(size.first, size.rows)
        self._rows = 0
        self._last = after
        self._exhausted = False
        self._action: Action = self._next()

    def step(self) -> Action:
        """
        Return what to do next: the same action until it is answered.
        """
        return self._action

    def feed(self, rows: Sequence[Row]) -> None:
        """
        Answer a `Fetch`. Fewer rows than its limit mean that there are no more.

        Raises `PageTooLarge`, `SourceMismatch`, `ForeignRow` and whatever `KeyOrder.check` raises.
        """
        fetch = self._action
        if not isinstance(fetch, Fetch):
            raise self._out_of_turn("feed")
        if len(rows) > fetch.limit:
            raise PageTooLarge(self._selection.dataset.name, asked=fetch.limit, got=len(rows))
        if rows:
            check_rows(self._selection, self._owners, rows)
            self._last = self._order.check(rows)
            self._rows += len(rows)
        self._exhausted = len(rows) < fetch.limit
        self._action = Emit(rows) if rows else self._next()

    def emitted(self, size: int = 0) -> None:
        """
        Answer an `Emit`: its rows made *size* bytes, by which the next page is measured; 0 if unknown.
        """
        emit = self._action
        if not isinstance(emit, Emit):
            raise self._out_of_turn("emitted")
        if size > 0:
            self._limit = self._size.after(len(emit.rows), size)
        self._action = self._next()

    @property
    def finish(self) -> Finish:
        """
        How the part ended. Raises `OutOfTurn` before it has.
        """
        if not isinstance(self._action, Finish):
            raise self._out_of_turn("finish")
        return self._action

    def _next(self) -> Fetch | Finish:
        room = self._max_rows - self._rows
        if self._exhausted or not room:
            return Finish(rows=self._rows, last=self._last, exhausted=self._exhausted)
        return Fetch(self._last, min(self._limit, room))

    def _out_of_turn(self, call: str) -> OutOfTurn:
        return OutOfTurn(call=call, waiting_for=type(self._action).__name__)


def pages(pager: Pager, fetch: Callable[[Key | None, int], Sequence[Row]]) -> Iterator[Sequence[Row]]:
    """
    Drive the pager: yield each page. Call `pager.emitted` before taking the next, so that pages adapt.
    """
    while not isinstance(action := pager.step(), Finish):
        match action:
            case Fetch(after=after, limit=limit):
                pager.feed(fetch(after, limit))
            case Emit(rows=rows):
                yield rows
                if pager.step() is action:
                    pager.emitted()
            case _:
                assert_never(action)


async def apages(
    pager: Pager, fetch: Callable[[Key | None, int], Awaitable[Sequence[Row]]]
) -> AsyncIterator[Sequence[Row]]:
    """
    Drive the pager as `pages` does, with an asynchronous source.
    """
    while not isinstance(action := pager.step(), Finish):
        match action:
            case Fetch(after=after, limit=limit):
                pager.feed(await fetch(after, limit))
            case Emit(rows=rows):
                yield rows
                if pager.step() is action:
                    pager.emitted()
            case _:
                assert_never(action)
