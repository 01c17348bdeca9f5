"""
The contracts of `ports.erasure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from ..._core.erasure import Tombstone
from ..._core.erasure_order import ErasureOrder
from ..._core.party import Subject
from ...ports.erasure import Eraser, TombstoneLog
from .concurrency import at_once

Rows = Mapping[str, Iterable[Mapping[str, Any]]]
THREADS = 8


def make_tombstone(receipt: str = "receipt-1", *tags: str, tenant: str = "default") -> Tombstone:
    """
    Return a tombstone whose parts are all filled in.
    """
    return Tombstone(
        receipt=receipt,
        tenant=tenant,
        tags=tags or ("b" * 64, "a" * 64),
        key_id="key-1",
        at=datetime(2026, 1, 2, 12, 0, 0, 1, tzinfo=UTC),
        basis="Pedido de 2 de janeiro: “Art. 17(1)(b)”",
        retain_until=datetime(2033, 1, 1, tzinfo=UTC),
    )


class TombstoneLogContract:
    """
    What every `TombstoneLog` keeps. Give one fixture: *make_log*, a function that opens the same log anew;
    it is empty at first.
    """

    @pytest.fixture
    def make_log(self) -> Callable[[], TombstoneLog]:
        """
        Opens the log under test.
        """
        raise NotImplementedError("give a fixture `make_log`: a function that opens your log, empty at first")

    def test_tombstones_come_back_as_they_were(self, make_log: Callable[[], TombstoneLog]) -> None:
        """
        By number, from 1, every part of them exact, also for whoever opens the log later.
        """
        stones = [
            make_tombstone(),
            make_tombstone("receipt-2", tenant="other"),
            evolve(make_tombstone("receipt-3"), retain_until=None),
        ]
        log = make_log()
        assert () == tuple(log.read())
        assert [1, 2, 3] == [log.append(stone) for stone in stones]
        assert stones == list(make_log().read())
        assert 4 == make_log().append(make_tombstone("receipt-4"))

    def test_a_receipt_is_logged_once(self, make_log: Callable[[], TombstoneLog]) -> None:
        """
        The same (tenant, receipt) again, by whomever, has the number it has; another tenant's is another.
        """
        log = make_log()
        log.append(make_tombstone("receipt-0"))
        assert [2, 2] == [log.append(make_tombstone()), make_log().append(make_tombstone())]
        assert 3 == log.append(make_tombstone(tenant="other"))
        assert 3 == len(log.read())

    def test_many_at_once_are_numbered_densely(self, make_log: Callable[[], TombstoneLog]) -> None:
        """
        Of appends at once none is lost, and each has a number of its own.
        """
        logs = [make_log() for _ in range(THREADS)]
        numbers = at_once(THREADS, lambda n: logs[n].append(make_tombstone(f"receipt-{n}")))
        assert list(range(1, THREADS + 1)) == sorted(numbers)
        kept = make_log().read()
        assert [f"receipt-{n}" for n in range(THREADS)] == [kept[number - 1].receipt for number in numbers]


class EraserContract:
    """
    What every `Eraser` keeps. Give three fixtures: *eraser*, over data that has somebody in it; *order*, to
    erase them; and *raw_rows*, a function that returns all rows there are now, by dataset, without the eraser.
    """

    @pytest.fixture
    def eraser(self) -> Eraser:
        """
        The eraser under test.
        """
        raise NotImplementedError("give a fixture `eraser` that returns your eraser")

    @pytest.fixture
    def order(self) -> ErasureOrder:
        """
        Whom to erase.
        """
        raise NotImplementedError("give a fixture `order` about somebody who is in the data")

    @pytest.fixture
    def raw_rows(self) -> Callable[[], Rows]:
        """
        Reads the data past the eraser.
        """
        raise NotImplementedError("give a fixture `raw_rows`: a function that returns all rows, by dataset")

    def test_what_is_scrubbed_reads_as_never_held(
        self, eraser: Eraser, order: ErasureOrder, raw_rows: Callable[[], Rows]
    ) -> None:
        """
        In the person's rows every field to be scrubbed is NULL afterwards, and not one before.
        """
        before = _held(order, raw_rows())
        eraser(order)
        assert [value for _, _, value in before if value is not None]
        assert [None] * len(before) == [value for _, _, value in _held(order, raw_rows())]

    def test_all_else_stays(self, eraser: Eraser, order: ErasureOrder, raw_rows: Callable[[], Rows]) -> None:
        """
        No row goes or comes; what is retained, and every row of others, is as it was.
        """
        before = _else(order, raw_rows())
        eraser(order)
        assert before == _else(order, raw_rows())

    def test_asked_again_nothing_happens(
        self, eraser: Eraser, order: ErasureOrder, raw_rows: Callable[[], Rows]
    ) -> None:
        """
        The same order a second time changes nothing, and is no error.
        """
        eraser(order)
        after = _copied(raw_rows())
        eraser(order)
        assert after == _copied(raw_rows())

    def test_somebody_unknown_is_no_error(
        self, eraser: Eraser, order: ErasureOrder, raw_rows: Callable[[], Rows]
    ) -> None:
        """
        Whoever is in no row is erased by changing none.
        """
        before = _copied(raw_rows())
        eraser(evolve(order, subject=Subject("nobody-of-that-name"), receipt="another"))
        assert before == _copied(raw_rows())

    def test_rows_of_later_are_not_meant(
        self, eraser: Eraser, order: ErasureOrder, raw_rows: Callable[[], Rows]
    ) -> None:
        """
        An order from before all rows changes none that has an as-of column: whoever came back keeps them.
        """
        dated = {each.dataset.name for each in order.datasets if each.dataset.as_of}
        before = _copied(raw_rows())
        eraser(evolve(order, at=datetime.min.replace(tzinfo=UTC) + timedelta(days=1), receipt="earlier"))
        after = _copied(raw_rows())
        assert {name: before[name] for name in dated} == {name: after[name] for name in dated}


def _copied(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    return {name: [dict(row) for row in each] for name, each in rows.items()}


def _cells(order: ErasureOrder, rows: Rows) -> Iterable[tuple[str, int, str, Any, bool]]:
    names = order.subject.names
    for each in order.datasets:
        scrubbed = {field.column for field in each.scrub}
        for n, row in enumerate(rows.get(each.dataset.name, ())):
            theirs = any(row.get(column) in names for column in each.dataset.subject)
            for column, value in row.items():
                yield each.dataset.name, n, column, value, theirs and column in scrubbed


def _held(order: ErasureOrder, rows: Rows) -> Sequence[tuple[str, str, Any]]:
    return [(name, column, value) for name, _, column, value, scrubbed in _cells(order, rows) if scrubbed]


def _else(order: ErasureOrder, rows: Rows) -> Sequence[tuple[str, int, str, Any]]:
    return [(name, n, column, value) for name, n, column, value, scrubbed in _cells(order, rows) if not scrubbed]
