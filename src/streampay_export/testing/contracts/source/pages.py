"""
The contract of `Snapshot.page`: each row once, whatever the pages.
"""

from __future__ import annotations

from ...._core.catalog import FieldType
from ...._core.party import Subject
from .samples import (
    PAYOUT,
    PAYOUT_COLUMNS,
    MakeSource,
    SourceTable,
    ids,
    key_of,
    owned,
    payout_table,
    payouts,
    query,
    read,
)


class PagesContract:
    """
    Each row that is somebody's comes once, in key order, as it was asked for.
    """

    def test_pages_of_any_size_have_every_owned_row_once(self, make_source: MakeSource) -> None:
        """Whatever the page size, each owned row comes exactly once, in key order, and nobody else's does."""
        source, expected = make_source(payout_table(payouts())), owned(payouts(), "payer", "payee")

        with source.snapshot() as snapshot:
            for size in range(1, len(expected) + 2):
                assert expected == ids(read(snapshot, query(PAYOUT), size)), f"pages of {size}"

    def test_resumes_after_any_key(self, make_source: MakeSource) -> None:
        """From any key on, in a snapshot of its own, the rows after that key come, and not that row itself."""
        source = make_source(payout_table(payouts()))
        asked = query(PAYOUT)
        with source.snapshot() as snapshot:
            rows = read(snapshot, asked)

        for place, row in enumerate(rows):
            with source.snapshot() as snapshot:
                assert ids(rows[place + 1 :]) == ids(read(snapshot, asked, 5, after=key_of(asked, row)))

    def test_pages_out_of_turn(self, make_source: MakeSource) -> None:
        """A page asked for again, or of another query in between, is the same page."""
        source = make_source(payout_table(payouts()))
        asked, other = query(PAYOUT), query(PAYOUT, Subject("OTHER"))

        with source.snapshot() as snapshot:
            first = snapshot.page(asked, None, 4)
            foreign = ids(snapshot.page(other, None, 4))
            second = snapshot.page(asked, key_of(asked, first[-1]), 4)

            assert ids(first) == ids(snapshot.page(asked, None, 4))
            assert foreign == ids(snapshot.page(other, None, 4))
            assert ids(second) == ids(snapshot.page(asked, key_of(asked, first[-1]), 4))
            assert owned(payouts(), "payer", "payee")[:8] == ids(first) + ids(second)

    def test_rows_have_the_columns_asked_for(self, make_source: MakeSource) -> None:
        """A row is the selection's columns in its order; a column that nobody named is nowhere in it."""
        columns = PAYOUT_COLUMNS | {"added_later": FieldType.TEXT}
        rows = [row | {"added_later": "UNNAMED"} for row in payouts()]
        source = make_source({"payout": SourceTable(columns=columns, rows=rows)})
        asked = query(PAYOUT)

        with source.snapshot() as snapshot:
            found = snapshot.page(asked, None, 100)

        assert {len(asked.selection.columns)} == {len(row) for row in found}
        assert "UNNAMED" not in [value for row in found for value in row]
        mine = [row for row in payouts() if row["id"] in ids(found)]
        assert [(r["id"], r["payer"], r["memo"], r["payee"]) for r in mine] == [
            (*row[:2], row[3], row[4]) for row in found
        ]
