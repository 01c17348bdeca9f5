"""
The contract of `Snapshot.census` and `Snapshot.count`: what is included, and what is counted.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from ...._core.catalog import Omission
from ...._core.selection import Census, Window
from .samples import (
    LATER,
    ORDER,
    PAYOUT,
    START,
    MakeSource,
    ids,
    key_of,
    payout,
    payout_table,
    payouts,
    query,
    read,
)


class CountingContract:
    """
    What is in no page is counted, with the reason.
    """

    def test_as_of_includes_its_own_instant(self, make_source: MakeSource) -> None:
        """A row at the as-of is in; a row one microsecond later is not, and is counted as later."""
        as_of = START + timedelta(microseconds=500_000)
        rows = [
            payout(n, "ME", "x", at=as_of + timedelta(microseconds=offset))
            for n, offset in enumerate((-500_000, -1, 0, 1, 500_000, 1_000_000))
        ]
        source, asked = make_source(payout_table(rows)), query(PAYOUT, as_of=as_of)

        with source.snapshot() as snapshot:
            assert [0, 1, 2] == ids(read(snapshot, asked))
            assert Census(included=3, later=3, null_keys=(0, 0)) == snapshot.census(asked)

    def test_window_is_half_open(self, make_source: MakeSource) -> None:
        """A window has its start and not its end; each side may be open."""
        start, end = START + timedelta(seconds=2), START + timedelta(seconds=4)
        rows = [
            payout(n, "ME", "x", at=START + timedelta(seconds=2, microseconds=offset))
            for n, offset in enumerate((-1, 0, 1, 1_999_999, 2_000_000, 2_000_001))
        ]
        source = make_source(payout_table(rows))

        with source.snapshot() as snapshot:
            for window, expected in (
                (Window(start=start, end=end), [1, 2, 3]),
                (Window(start=start), [1, 2, 3, 4, 5]),
                (Window(end=end), [0, 1, 2, 3]),
            ):
                asked = query(PAYOUT, window=window)
                counted = Census(included=len(expected), outside=6 - len(expected), null_keys=(0, 0))
                assert expected == ids(read(snapshot, asked, 2))
                assert counted == snapshot.census(asked)
                assert len(expected) == snapshot.count(asked, None, None)

    def test_null_as_of(self, make_source: MakeSource) -> None:
        """A row whose as-of column is NULL is in, but in no bounded window."""
        rows = [payout(0, "ME", "x"), payout(1, None, "ME", settled=None), payout(2, "ME", None, settled=LATER)]
        source = make_source(payout_table(rows))
        window = Window(start=START)

        with source.snapshot() as snapshot:
            assert [0, 1] == ids(read(snapshot, query(ORDER, as_of=START), 1))
            assert Census(included=2, later=1, null_keys=(0,)) == snapshot.census(query(ORDER, as_of=START))
            assert [0] == ids(read(snapshot, query(ORDER, as_of=START, window=window), 1))
            assert Census(included=1, later=1, outside=1, null_keys=(0,)) == snapshot.census(
                query(ORDER, as_of=START, window=window)
            )

    def test_as_of_nowhere_set(self, make_source: MakeSource) -> None:
        """Where the as-of column is NULL in all of the subject's rows, they are all in, and in no window."""
        source = make_source(payout_table([payout(n, "ME", "x", settled=None) for n in range(3)]))

        with source.snapshot() as snapshot:
            assert [0, 1, 2] == ids(read(snapshot, query(ORDER)))
            assert Census(included=3, null_keys=(0,)) == snapshot.census(query(ORDER))
            assert [] == ids(read(snapshot, query(ORDER, window=Window(end=LATER))))
            assert 3 == snapshot.census(query(ORDER, window=Window(end=LATER))).outside

    def test_omitted_rows_are_counted(self, make_source: MakeSource) -> None:
        """Rows that the dataset leaves out are in no page, and counted."""
        dataset = evolve(ORDER, omit=Omission(column="deleted", reason="not held any more"))
        rows = [payout(0, "ME", "x"), payout(1, "ME", "x", deleted=START), payout(2, "x", "ME", deleted=LATER)]
        source = make_source(payout_table(rows))

        with source.snapshot() as snapshot:
            assert [0] == ids(read(snapshot, query(dataset)))
            assert Census(included=1, omitted=2, null_keys=(0,)) == snapshot.census(query(dataset))
            assert 1 == snapshot.count(query(dataset), None, None)

    def test_null_keys_are_counted(self, make_source: MakeSource) -> None:
        """A row with NULL in its key is counted for that column, though no page can have it."""
        dataset = evolve(PAYOUT, key=("settled", "id"))
        rows = [payout(0, "ME", "x"), payout(1, "x", "ME", settled=None), payout(2, "OTHER", "x", settled=None)]
        source = make_source(payout_table(rows))

        with source.snapshot() as snapshot:
            assert (1, 0) == snapshot.census(query(dataset)).null_keys
            assert [0] == ids(read(snapshot, query(dataset)))

    def test_counts_agree_with_pages(self, make_source: MakeSource) -> None:
        """The count between any two keys is the number of rows between them, the first excluded."""
        source, asked = make_source(payout_table(payouts())), query(PAYOUT)

        with source.snapshot() as snapshot:
            rows = read(snapshot, asked)
            keys = [key_of(asked, row) for row in rows]
            assert len(rows) == snapshot.census(asked).included == snapshot.count(asked, None, None)
            for place, key in enumerate(keys[::5]):
                assert 5 * place + 1 == snapshot.count(asked, None, key)
                assert len(rows) - 5 * place - 1 == snapshot.count(asked, key, None)
            assert 3 == snapshot.count(asked, keys[2], keys[5])
