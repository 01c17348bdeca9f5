"""
The contract of whose rows they are.
"""

from __future__ import annotations

from uuid import UUID

import pytest

from ...._core.catalog import FieldType
from ...._core.party import Subject
from ...._core.selection import Census
from .samples import (
    EVENT,
    PAYOUT,
    PAYOUT_COLUMNS,
    MakeSource,
    SourceTable,
    events,
    ids,
    owned,
    payout,
    payout_table,
    payouts,
    query,
    read,
)


class OwnershipContract:
    """
    A row is somebody's if one of its subject columns is one of their names, or its owner is theirs.
    """

    def test_unknown_subject_has_no_rows(self, make_source: MakeSource) -> None:
        """Nobody's history is empty: no page, no count, no error."""
        source, asked = make_source(payout_table(payouts())), query(PAYOUT, Subject("NOBODY"))

        with source.snapshot() as snapshot:
            assert [] == list(snapshot.page(asked, None, 10))
            assert Census(included=0, null_keys=(0, 0)) == snapshot.census(asked)
            assert 0 == snapshot.count(asked, None, None)

    def test_names_are_compared_exactly(self, make_source: MakeSource) -> None:
        """Case, blanks, prefixes and patterns make another name."""
        source = make_source(payout_table(payouts()))

        for name in ("me", "ME-22", "M%", "M", "ME-"):
            with source.snapshot() as snapshot:
                assert owned(payouts(), "payer", "payee", names=[name]) == ids(
                    read(snapshot, query(PAYOUT, Subject(name)))
                )

    def test_null_in_an_earlier_subject_column_loses_nothing(self, make_source: MakeSource) -> None:
        """A row whose first subject column is NULL is the subject's by its second."""
        source = make_source(payout_table([payout(1, None, "ME"), payout(2, "ME", None), payout(3, None, None)]))

        with source.snapshot() as snapshot:
            assert [1, 2] == ids(read(snapshot, query(PAYOUT)))
            assert 2 == snapshot.census(query(PAYOUT)).included

    @pytest.mark.parametrize("count", [12, 60])
    def test_many_identifiers(self, make_source: MakeSource, count: int) -> None:
        """Sixty wallets are read like one, also where their rows are on both sides."""
        names = [f"W{n}" for n in range(count)]
        rows = [payout(n, f"W{n % 70}", f"W{n * 3 % 70}") for n in range(280)]
        source, asked = make_source(payout_table(rows)), query(PAYOUT, Subject("W0", names[1:]))
        expected = owned(rows, "payer", "payee", names=names)

        with source.snapshot() as snapshot:
            assert expected == ids(read(snapshot, asked, 9))
            assert len(expected) == snapshot.census(asked).included == snapshot.count(asked, None, None)

    @pytest.mark.parametrize(
        ("type", "values", "name"),
        [
            (FieldType.INTEGER, [42, 7, None], "42"),
            (FieldType.UUID, [UUID(int=42), UUID(int=7), None], str(UUID(int=42))),
        ],
        ids=["integer", "uuid"],
    )
    def test_identifiers_take_the_columns_type(
        self, make_source: MakeSource, type: FieldType, values: list[object], name: str
    ) -> None:
        """An identifier finds integers and UUIDs by their one spelling; what is none finds nothing."""
        rows = [payout(n, None, "x") | {"payer": value} for n, value in enumerate(values)]
        columns = PAYOUT_COLUMNS | {"payer": type}
        source = make_source({"payout": SourceTable(columns=columns, rows=rows)})

        with source.snapshot() as snapshot:
            assert [0] == ids(read(snapshot, query(PAYOUT, Subject(name))))
            for nobody in ("042", "42.0", "+42", "4e1", "forty-two", "9" * 30, "NaN", "00000000"):
                assert [] == ids(snapshot.page(query(PAYOUT, Subject(nobody)), None, 10))

    @pytest.mark.parametrize("streams", [1, 9], ids=["few", "many"])
    def test_rows_of_an_owner(self, make_source: MakeSource, streams: int) -> None:
        """Rows are the subject's through the table that owns them, once each, however many owners there are."""
        tables = events(streams)
        owners = set(owned(tables["stream"].rows, "payer", "recipient"))
        expected = [row["id"] for row in tables["event"].rows if row["stream_id"] in owners]
        source, asked = make_source(tables), query(EVENT)

        with source.snapshot() as snapshot:
            for size in (5 * streams, 17, len(expected), len(expected) + 1):
                assert expected == ids(read(snapshot, asked, size)), f"pages of {size}"
            assert len(expected) == snapshot.census(asked).included == snapshot.count(asked, None, None)
            middle = (expected[len(expected) // 2],)
            assert expected[len(expected) // 2 + 1 :] == ids(read(snapshot, asked, 7, after=middle))
            assert [] == ids(snapshot.page(query(EVENT, Subject("NOBODY")), None, 5))
