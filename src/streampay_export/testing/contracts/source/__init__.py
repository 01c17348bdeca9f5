"""
The contract of `HistorySource`: whatever holds the rows, these laws hold of what is read.

Subclass `SourceContract`, give the fixtures `make_source` and `insert_row`, and run it:

    class TestMySource(SourceContract):
        @pytest.fixture
        def make_source(self): ...      # Mapping[str, SourceTable] -> HistorySource over exactly those rows
        @pytest.fixture
        def insert_row(self): ...       # (table, row) -> None, past the source, into the last source made
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest
from attrs import evolve

from ...._core.catalog import Catalog, Dataset, Field, FieldType
from ....errors import SourceMismatch
from .counting import CountingContract
from .ownership import OwnershipContract
from .pages import PagesContract
from .samples import (
    EVENT,
    ORDER,
    OWNER,
    PAYOUT,
    InsertRow,
    MakeSource,
    SourceRow,
    SourceTable,
    events,
    ids,
    key_of,
    payout,
    payout_table,
    payouts,
    query,
    read,
)

__all__ = ["SourceContract", "SourceRow", "SourceTable", "key_of"]


class SourceContract(PagesContract, OwnershipContract, CountingContract):
    """
    The laws. A source that cannot isolate a snapshot sets *not_isolated_because*, and is excused from that one.
    """

    not_isolated_because: ClassVar[str] = ""

    @pytest.fixture
    def make_source(self) -> MakeSource:
        """
        Give a function that makes a source over the given tables.
        """
        raise NotImplementedError("override the fixture make_source")

    @pytest.fixture
    def insert_row(self) -> InsertRow:
        """
        Give a function that puts a row into a table of the last source made, without asking the source.
        """
        raise NotImplementedError("override the fixture insert_row")

    def test_snapshot_does_not_see_later_rows(self, make_source: MakeSource, insert_row: InsertRow) -> None:
        """A row that was put in after the snapshot began is in the next one and not in this one."""
        if self.not_isolated_because:
            pytest.skip(self.not_isolated_because)
        source, asked = make_source(payout_table([payout(1, "ME", "x")])), query(PAYOUT)

        with source.snapshot() as snapshot:
            insert_row("payout", payout(2, "ME", "x"))
            assert [1] == ids(read(snapshot, asked))
            assert 1 == snapshot.census(asked).included
        with source.snapshot() as snapshot:
            assert [1, 2] == ids(read(snapshot, asked))

    def test_instants(self, make_source: MakeSource) -> None:
        """The source's instants are UTC, and a snapshot's is not after the source's next one."""
        source = make_source(payout_table([]))
        with source.snapshot() as snapshot:
            read_at = snapshot.read_at

        assert timedelta() == read_at.utcoffset() == source.now().utcoffset()
        assert read_at <= source.now()

    def test_catalog_that_fits(self, make_source: MakeSource) -> None:
        """A catalog whose tables and columns are there is accepted."""
        source = make_source(payout_table(payouts()) | events(1))

        source.check(Catalog([PAYOUT, ORDER, EVENT]))

    @pytest.mark.parametrize(
        ("dataset", "named"),
        [
            (evolve(PAYOUT, table="paid_out"), "paid_out"),
            (evolve(PAYOUT, subject=("payer", "paid_to")), "paid_to"),
            (evolve(PAYOUT, as_of="happened"), "happened"),
            (evolve(PAYOUT, key=("at", "number")), "number"),
            (evolve(PAYOUT, fields=[*PAYOUT.fields, Field(name="fee", type=FieldType.TEXT)]), "fee"),
            (evolve(EVENT, owner=evolve(OWNER, table="flow")), "flow"),
            (evolve(EVENT, owner=evolve(OWNER, via="flow_id")), "flow_id"),
            (evolve(EVENT, owner=evolve(OWNER, subject=("payer", "sender"))), "sender"),
        ],
        ids=["table", "subject", "as-of", "key", "field", "owner-table", "via", "owner-subject"],
    )
    def test_what_is_not_there_is_named(self, make_source: MakeSource, dataset: Dataset, named: str) -> None:
        """A table or column that is not there is refused by name, by the check and by the first read."""
        source = make_source(payout_table(payouts()) | events(1))

        with pytest.raises(SourceMismatch, match=named):
            source.check(Catalog([dataset]))
        with pytest.raises(SourceMismatch, match=named), source.snapshot() as snapshot:
            snapshot.page(query(dataset), None, 10)
