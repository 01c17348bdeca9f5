"""What tests of sources ask, and how they read the answers."""

from datetime import UTC, datetime

from streampay_export._core.catalog import Dataset, Field, Owner
from streampay_export._core.party import Subject
from streampay_export._core.selection import Census, Query, Selection, Window

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PAYOUT = Dataset(
    name="payouts",
    table="payout",
    key=("at", "id"),
    subject=("payer", "payee"),
    as_of="at",
    fields=[Field(name="id", type="uuid"), Field(name="memo", type="text"), Field(name="doc", type="json")],
)
EVENT = Dataset(
    name="events",
    table="event",
    key=("id",),
    owner=Owner(via="stream_id", table="stream", key="id", subject=("payer", "recipient")),
    fields=[Field(name="id", type="integer"), Field(name="memo", type="text")],
)


def dataset(**given):
    """A dataset of table `t` with key `id`, owned by `who`; every other column is given."""
    settings = {"name": "things", "table": "t", "key": ("id",), "subject": ("who",)} | given
    return Dataset(**({"fields": [Field(name="id", type="integer")]} | settings))


def ask(of, *names, as_of=NOON, window=None):
    """The query for all fields of a dataset."""
    selection = Selection.of(of, [field.name for field in of.fields])
    subject = Subject(names[0], names[1:]) if names else Subject("me")
    return Query(selection=selection, subject=subject, as_of=as_of, window=window or Window())


def found(source, query, size=100):
    """The first columns of one page, and the census."""
    with source.snapshot() as snapshot:
        return [row[0] for row in snapshot.page(query, None, size)], snapshot.census(query)


def read(source, query, size):
    """All rows, page by page, by the keys as they were read."""
    with source.snapshot() as snapshot:
        rows, after = [], None
        while page := snapshot.page(query, after, size):
            rows += page
            after = tuple(page[-1][place] for place in query.selection.key)
        return rows


def read_around_a_key(source, key):
    """The ids of two pages of table `t`, the first of two rows, and how many rows come up to its key and after."""
    query = ask(dataset(key=key))
    with source.snapshot() as snapshot:
        first = snapshot.page(query, None, 2)
        last = tuple(first[-1][place] for place in query.selection.key)
        second = snapshot.page(query, last, 10)
        counted = snapshot.count(query, None, last), snapshot.count(query, last, None)
    return [row[0] for row in [*first, *second]], counted


def read_in_turns(source):
    """The ids that `w0` and `w1` have in table `t`: three of each in one snapshot, and then three more of each."""
    queries = ask(dataset(), "w0"), ask(dataset(), "w1")
    with source.snapshot() as snapshot:
        first = [list(snapshot.page(query, None, 3)) for query in queries]
        then = [snapshot.page(query, page[-1][:1], 3) for query, page in zip(queries, first, strict=True)]
    return [[row[0] for page in pages for row in page] for pages in (first, then)]


TIMED = dataset(as_of="at", fields=[Field(name="id", type="integer"), Field(name="at", type="timestamp", unit="s")])
"""Of table `t`, where rows 0, 1 and 2 are before, at and after noon, or the day of it."""

AROUND_NOON = [
    ([0, 1], Census(included=2, later=1, null_keys=(0,))),
    ([1], Census(included=1, later=1, outside=1, null_keys=(0,))),
    ([0], Census(included=1, later=1, outside=1, null_keys=(0,))),
]


def read_around_noon(source, *, days=False):
    """What is found of these as of noon: all, from noon on, and before it."""
    noon = NOON.replace(hour=0) if days else NOON
    return [found(source, ask(TIMED, window=each)) for each in (None, Window(start=noon), Window(end=noon))]
