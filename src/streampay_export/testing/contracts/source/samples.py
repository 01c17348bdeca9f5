"""
Tables to read, and how they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from attrs import evolve, frozen

from ...._core.catalog import Dataset, Field, FieldType, Owner
from ...._core.pager import Pager, PageSize, owner_values, pages
from ...._core.party import Subject
from ...._core.selection import Key, Query, Row, Selection, Window
from ....ports.source import HistorySource, Snapshot

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


def owned(rows: Iterable[SourceRow], *columns: str, names: Sequence[str] = ME.names) -> list[Any]:
    """
    Return the ids of the rows in which one of the columns has one of the names.
    """
    return [row["id"] for row in rows if any(row[column] in names for column in columns)]


def payout_table(rows: Sequence[SourceRow]) -> dict[str, SourceTable]:
    """
    Return the table of payouts, with these rows.
    """
    return {"payout": SourceTable(columns=PAYOUT_COLUMNS, rows=rows)}
