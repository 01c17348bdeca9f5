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

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

import pytest
from attrs import evolve, frozen

from ..._core.catalog import Catalog, Dataset, Field, FieldType, Omission, Owner
from ..._core.pager import Pager, PageSize, owner_values, pages
from ..._core.party import Subject
from ..._core.selection import Census, Key, Query, Row, Selection, Window
from ...errors import SourceMismatch
from ...ports.source import HistorySource, Snapshot

SourceRow: TypeAlias = Mapping[str, object]


@frozen(kw_only=True)
class SourceTable:
    """
    A table to read: its columns with their types, and its rows in ascending order of the dataset's key.

    Values are `str`, `int`, `UUID`, aware `datetime` in UTC, or `None`; every column may be NULL.
    """

    columns: Mapping[str, FieldType]
    rows: Sequence[SourceRow]


MakeSource: TypeAlias = Callable[[Mapping[str, SourceTable]], HistorySource]
InsertRow: TypeAlias = Callable[[str, SourceRow], None]

ME = Subject("ME", ("ME-2",))
START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
_PARTIES = ("ME", "ME-2", "OTHER", None, "me", "ME ", "ME-22", "M%")

PAYOUT = Dataset(
    name="payouts",
    table="payout",
    key=("at", "id"),
    subject=("payer", "payee"),
    as_of="at",
    fields=[
        Field(name="id", type=FieldType.INTEGER),
        Field(name="payer", type=FieldType.TEXT),
        Field(name="at", type=FieldType.TIMESTAMP),
        Field(name="memo", type=FieldType.TEXT),
    ],
)
ORDER = evolve(PAYOUT, name="orders", key=("id",), as_of="settled")
OWNER = Owner(via="stream_id", table="stream", key="id", subject=("payer", "recipient"))
EVENT = Dataset(
    name="events",
    table="event",
    key=("id",),
    owner=OWNER,
    fields=[Field(name="id", type=FieldType.INTEGER), Field(name="memo", type=FieldType.TEXT)],
)

PAYOUT_COLUMNS = {
    "id": FieldType.INTEGER,
    "payer": FieldType.TEXT,
    "payee": FieldType.TEXT,
    "at": FieldType.TIMESTAMP,
    "settled": FieldType.TIMESTAMP,
    "deleted": FieldType.TIMESTAMP,
    "memo": FieldType.TEXT,
}
STREAM_COLUMNS = {"id": FieldType.INTEGER, "payer": FieldType.TEXT, "recipient": FieldType.TEXT}
EVENT_COLUMNS = {"id": FieldType.INTEGER, "stream_id": FieldType.INTEGER, "memo": FieldType.TEXT}


def payout(id: int, payer: str | None, payee: str | None, **values: object) -> dict[str, object]:
    """
    Make a row; three in a row share their instant, so that a page may end within a tie.
    """
    at = START + timedelta(seconds=id // 3)
    row: dict[str, object] = {"id": id, "payer": payer, "payee": payee, "at": at, "settled": at, "deleted": None}
    return row | {"memo": f"row {id}"} | values


def payouts() -> list[dict[str, object]]:
    """
    Make a row for every pair of parties: NULL on either side, both sides the subject's, and neighbours' names.
    """
    pairs = [(payer, payee) for payer in _PARTIES for payee in _PARTIES]
    return [payout(n, payer, payee) for n, (payer, payee) in enumerate(pairs)]


def events(streams: int) -> dict[str, SourceTable]:
    """
    Make *streams* streams of each pair of parties, and three events of each; some events are of no stream.
    """
    pairs = [(payer, recipient) for payer in _PARTIES[:4] for recipient in _PARTIES[:4]] * streams
    rows = [{"id": n, "payer": a, "recipient": b} for n, (a, b) in enumerate(pairs)]
    happened = [
        {"id": 3 * n, "stream_id": (n * 7) % (len(rows) + 2), "memo": f"event {n}"} for n in range(3 * len(rows))
    ]
    return {
        "stream": SourceTable(columns=STREAM_COLUMNS, rows=rows),
        "event": SourceTable(columns=EVENT_COLUMNS, rows=happened),
    }


def query(
    dataset: Dataset, subject: Subject = ME, *, as_of: datetime = LATER, window: Window | None = None
) -> Query:
    """
    Ask for all fields of the dataset.
    """
    selection = Selection.of(dataset, [each.name for each in dataset.fields])
    return Query(selection=selection, subject=subject, as_of=as_of, window=window or Window())


def ids(rows: Iterable[Row]) -> list[int]:
    """
    Return the first column, which is the id in all of these datasets.
    """
    return [row[0] for row in rows]


def read(snapshot: Snapshot, asked: Query, size: int = 7, after: Key | None = None) -> list[Row]:
    """
    Read all rows in pages of *size* through the pager, which refuses what is no page of the subject's.
    """
    pager = Pager(
        asked.selection,
        owner_values(asked.subject),
        after=after,
        size=PageSize(rows=size, first=size, smallest=1),
    )
    return [row for page in pages(pager, lambda key, limit: snapshot.page(asked, key, limit)) for row in page]


def key_of(asked: Query, row: Row) -> Key:
    """
    Return the row's key.
    """
    return tuple(row[place] for place in asked.selection.key)


def _owned(rows: Iterable[SourceRow], *columns: str, names: Sequence[str] = ME.names) -> list[Any]:
    return [row["id"] for row in rows if any(row[column] in names for column in columns)]


def _payout_table(rows: Sequence[SourceRow]) -> dict[str, SourceTable]:
    return {"payout": SourceTable(columns=PAYOUT_COLUMNS, rows=rows)}


class SourceContract:
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

    # --- pages

    def test_pages_of_any_size_have_every_owned_row_once(self, make_source: MakeSource) -> None:
        """Whatever the page size, each owned row comes exactly once, in key order, and nobody else's does."""
        source, expected = make_source(_payout_table(payouts())), _owned(payouts(), "payer", "payee")

        with source.snapshot() as snapshot:
            for size in range(1, len(expected) + 2):
                assert expected == ids(read(snapshot, query(PAYOUT), size)), f"pages of {size}"

    def test_resumes_after_any_key(self, make_source: MakeSource) -> None:
        """From any key on, in a snapshot of its own, the rows after that key come, and not that row itself."""
        source = make_source(_payout_table(payouts()))
        asked = query(PAYOUT)
        with source.snapshot() as snapshot:
            rows = read(snapshot, asked)

        for place, row in enumerate(rows):
            with source.snapshot() as snapshot:
                assert ids(rows[place + 1 :]) == ids(read(snapshot, asked, 5, after=key_of(asked, row)))

    def test_pages_out_of_turn(self, make_source: MakeSource) -> None:
        """A page asked for again, or of another query in between, is the same page."""
        source = make_source(_payout_table(payouts()))
        asked, other = query(PAYOUT), query(PAYOUT, Subject("OTHER"))

        with source.snapshot() as snapshot:
            first = snapshot.page(asked, None, 4)
            foreign = ids(snapshot.page(other, None, 4))
            second = snapshot.page(asked, key_of(asked, first[-1]), 4)

            assert ids(first) == ids(snapshot.page(asked, None, 4))
            assert foreign == ids(snapshot.page(other, None, 4))
            assert ids(second) == ids(snapshot.page(asked, key_of(asked, first[-1]), 4))
            assert _owned(payouts(), "payer", "payee")[:8] == ids(first) + ids(second)

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

    # --- whose rows

    def test_unknown_subject_has_no_rows(self, make_source: MakeSource) -> None:
        """Nobody's history is empty: no page, no count, no error."""
        source, asked = make_source(_payout_table(payouts())), query(PAYOUT, Subject("NOBODY"))

        with source.snapshot() as snapshot:
            assert [] == list(snapshot.page(asked, None, 10))
            assert Census(included=0, null_keys=(0, 0)) == snapshot.census(asked)
            assert 0 == snapshot.count(asked, None, None)

    def test_names_are_compared_exactly(self, make_source: MakeSource) -> None:
        """Case, blanks, prefixes and patterns make another name."""
        source = make_source(_payout_table(payouts()))

        for name in ("me", "ME-22", "M%", "M", "ME-"):
            with source.snapshot() as snapshot:
                assert _owned(payouts(), "payer", "payee", names=[name]) == ids(
                    read(snapshot, query(PAYOUT, Subject(name)))
                )

    def test_null_in_an_earlier_subject_column_loses_nothing(self, make_source: MakeSource) -> None:
        """A row whose first subject column is NULL is the subject's by its second."""
        source = make_source(_payout_table([payout(1, None, "ME"), payout(2, "ME", None), payout(3, None, None)]))

        with source.snapshot() as snapshot:
            assert [1, 2] == ids(read(snapshot, query(PAYOUT)))
            assert 2 == snapshot.census(query(PAYOUT)).included

    @pytest.mark.parametrize("count", [12, 60])
    def test_many_identifiers(self, make_source: MakeSource, count: int) -> None:
        """Sixty wallets are read like one, also where their rows are on both sides."""
        names = [f"W{n}" for n in range(count)]
        rows = [payout(n, f"W{n % 70}", f"W{n * 3 % 70}") for n in range(280)]
        source, asked = make_source(_payout_table(rows)), query(PAYOUT, Subject("W0", names[1:]))
        expected = _owned(rows, "payer", "payee", names=names)

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

    # --- what is included

    def test_as_of_includes_its_own_instant(self, make_source: MakeSource) -> None:
        """A row at the as-of is in; a row one microsecond later is not, and is counted as later."""
        as_of = START + timedelta(microseconds=500_000)
        rows = [
            payout(n, "ME", "x", at=as_of + timedelta(microseconds=offset))
            for n, offset in enumerate((-500_000, -1, 0, 1, 500_000, 1_000_000))
        ]
        source, asked = make_source(_payout_table(rows)), query(PAYOUT, as_of=as_of)

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
        source = make_source(_payout_table(rows))

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
        source = make_source(_payout_table(rows))
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
        source = make_source(_payout_table([payout(n, "ME", "x", settled=None) for n in range(3)]))

        with source.snapshot() as snapshot:
            assert [0, 1, 2] == ids(read(snapshot, query(ORDER)))
            assert Census(included=3, null_keys=(0,)) == snapshot.census(query(ORDER))
            assert [] == ids(read(snapshot, query(ORDER, window=Window(end=LATER))))
            assert 3 == snapshot.census(query(ORDER, window=Window(end=LATER))).outside

    def test_omitted_rows_are_counted(self, make_source: MakeSource) -> None:
        """Rows that the dataset leaves out are in no page, and counted."""
        dataset = evolve(ORDER, omit=Omission(column="deleted", reason="not held any more"))
        rows = [payout(0, "ME", "x"), payout(1, "ME", "x", deleted=START), payout(2, "x", "ME", deleted=LATER)]
        source = make_source(_payout_table(rows))

        with source.snapshot() as snapshot:
            assert [0] == ids(read(snapshot, query(dataset)))
            assert Census(included=1, omitted=2, null_keys=(0,)) == snapshot.census(query(dataset))
            assert 1 == snapshot.count(query(dataset), None, None)

    # --- counting

    def test_null_keys_are_counted(self, make_source: MakeSource) -> None:
        """A row with NULL in its key is counted for that column, though no page can have it."""
        dataset = evolve(PAYOUT, key=("settled", "id"))
        rows = [payout(0, "ME", "x"), payout(1, "x", "ME", settled=None), payout(2, "OTHER", "x", settled=None)]
        source = make_source(_payout_table(rows))

        with source.snapshot() as snapshot:
            assert (1, 0) == snapshot.census(query(dataset)).null_keys
            assert [0] == ids(read(snapshot, query(dataset)))

    def test_counts_agree_with_pages(self, make_source: MakeSource) -> None:
        """The count between any two keys is the number of rows between them, the first excluded."""
        source, asked = make_source(_payout_table(payouts())), query(PAYOUT)

        with source.snapshot() as snapshot:
            rows = read(snapshot, asked)
            keys = [key_of(asked, row) for row in rows]
            assert len(rows) == snapshot.census(asked).included == snapshot.count(asked, None, None)
            for place, key in enumerate(keys[::5]):
                assert 5 * place + 1 == snapshot.count(asked, None, key)
                assert len(rows) - 5 * place - 1 == snapshot.count(asked, key, None)
            assert 3 == snapshot.count(asked, keys[2], keys[5])

    # --- ownership through another table

    @pytest.mark.parametrize("streams", [1, 9], ids=["few", "many"])
    def test_rows_of_an_owner(self, make_source: MakeSource, streams: int) -> None:
        """Rows are the subject's through the table that owns them, once each, however many owners there are."""
        tables = events(streams)
        owners = set(_owned(tables["stream"].rows, "payer", "recipient"))
        expected = [row["id"] for row in tables["event"].rows if row["stream_id"] in owners]
        source, asked = make_source(tables), query(EVENT)

        with source.snapshot() as snapshot:
            for size in (5 * streams, 17, len(expected), len(expected) + 1):
                assert expected == ids(read(snapshot, asked, size)), f"pages of {size}"
            assert len(expected) == snapshot.census(asked).included == snapshot.count(asked, None, None)
            middle = (expected[len(expected) // 2],)
            assert expected[len(expected) // 2 + 1 :] == ids(read(snapshot, asked, 7, after=middle))
            assert [] == ids(snapshot.page(query(EVENT, Subject("NOBODY")), None, 5))

    # --- one view

    def test_snapshot_does_not_see_later_rows(self, make_source: MakeSource, insert_row: InsertRow) -> None:
        """A row that was put in after the snapshot began is in the next one and not in this one."""
        if self.not_isolated_because:
            pytest.skip(self.not_isolated_because)
        source, asked = make_source(_payout_table([payout(1, "ME", "x")])), query(PAYOUT)

        with source.snapshot() as snapshot:
            insert_row("payout", payout(2, "ME", "x"))
            assert [1] == ids(read(snapshot, asked))
            assert 1 == snapshot.census(asked).included
        with source.snapshot() as snapshot:
            assert [1, 2] == ids(read(snapshot, asked))

    def test_instants(self, make_source: MakeSource) -> None:
        """The source's instants are UTC, and a snapshot's is not after the source's next one."""
        source = make_source(_payout_table([]))
        with source.snapshot() as snapshot:
            read_at = snapshot.read_at

        assert timedelta() == read_at.utcoffset() == source.now().utcoffset()
        assert read_at <= source.now()

    # --- a catalog that does not fit

    def test_catalog_that_fits(self, make_source: MakeSource) -> None:
        """A catalog whose tables and columns are there is accepted."""
        source = make_source(_payout_table(payouts()) | events(1))

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
        source = make_source(_payout_table(payouts()) | events(1))

        with pytest.raises(SourceMismatch, match=named):
            source.check(Catalog([dataset]))
        with pytest.raises(SourceMismatch, match=named), source.snapshot() as snapshot:
            snapshot.page(query(dataset), None, 10)
