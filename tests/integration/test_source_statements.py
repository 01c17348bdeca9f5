"""A source that has answered many questions answers the next as one that was just opened."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from streampay_export._core.catalog import Dataset, Field, Omission, Owner
from streampay_export._core.party import Subject
from streampay_export._core.selection import Query, Selection, Window
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.sources.sqlalchemy_statements import MOST_KEPT, Statement, Statements

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIELDS = [Field(name="id", type="integer"), Field(name="at", type="timestamp")]
PAYOUTS = Dataset(
    name="payouts", table="payout", key=("at", "id"), subject=("payer", "payee"), as_of="at", fields=FIELDS
)
OF_OWNER = Dataset(
    name="events",
    table="event",
    key=("id",),
    owner=Owner(via="stream", table="stream", key="id", subject=("payer",)),
    as_of="at",
    omit=Omission(column="gone", reason="Withdrawn."),
    fields=FIELDS,
)
PEOPLE = ("ann", "bob", "cyd", "nobody")
HOURS = st.integers(min_value=-3, max_value=30).map(lambda hours: NOON + timedelta(hours=hours))


@st.composite
def queries(draw):
    """Anybody's question about one of the datasets, with any bounds."""
    names = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True))
    dataset = draw(st.sampled_from([PAYOUTS, OF_OWNER]))
    bounds = sorted(draw(st.lists(HOURS, min_size=2, max_size=2, unique=True)))
    start, end = (draw(st.sampled_from([None, bound])) for bound in bounds)
    return Query(
        selection=Selection.of(dataset, draw(st.sampled_from([["id"], ["id", "at"]]))),
        subject=Subject(names[0], names[1:]),
        as_of=draw(HOURS),
        window=Window(start=start, end=end),
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Where a small database is."""
    path = tmp_path_factory.mktemp("source") / "history.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "CREATE TABLE payout (id INTEGER PRIMARY KEY, payer TEXT, payee TEXT, at TEXT);"
            "CREATE TABLE stream (id INTEGER PRIMARY KEY, payer TEXT);"
            "CREATE TABLE event (id INTEGER PRIMARY KEY, stream INTEGER, at TEXT, gone TEXT);"
            "CREATE INDEX payers ON payout (payer, at, id); CREATE INDEX payees ON payout (payee, at, id);"
        )
        when = [f"{NOON + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}" for number in range(24)]
        sides = (*PEOPLE[:3], None)
        db.executemany(
            "INSERT INTO payout VALUES (?, ?, ?, ?)",
            [(n, sides[n % 4], sides[n // 4 % 4], when[n]) for n in range(24)],
        )
        db.executemany("INSERT INTO stream VALUES (?, ?)", list(enumerate(PEOPLE[:3])))
        db.executemany(
            "INSERT INTO event VALUES (?, ?, ?, ?)",
            [(n, n % 3, when[n] if n % 5 else None, "yes" if n % 7 == 0 else None) for n in range(24)],
        )
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def kept(url):
    """A source that goes through the whole module."""
    with SqlAlchemySource(url) as source:
        yield source


def answers(source, query):
    """All that one snapshot says."""
    with source.snapshot() as snapshot:
        first = snapshot.page(query, None, 3)
        last = first and tuple(first[-1][place] for place in query.selection.key)
        rest = snapshot.page(query, last, 50) if first else []
        return snapshot.census(query), first, rest, snapshot.count(query, last or None, None)


@given(query=queries())
def test_what_was_asked_before_changes_no_answer(url, kept, query):
    """Whatever was asked first, by whomever: a source that was just opened says the same."""
    with SqlAlchemySource(url) as fresh:
        assert answers(kept, query) == answers(fresh, query)


def test_a_statement_is_written_once_for_everybody(url, monkeypatch):
    """The second person's export composes nothing."""
    written = []
    of = Statement.of
    monkeypatch.setattr(Statement, "of", lambda *given: written.append(given) or of(*given))
    later = NOON + timedelta(days=1)
    with SqlAlchemySource(url) as source:
        for name in ("ann", "bob"):
            written.clear()
            query = Query(selection=Selection.of(PAYOUTS, ["id"]), subject=Subject(name), as_of=later)
            assert answers(source, query)[1]
    assert not written


def test_a_table_that_changed_is_read_as_it_is(tmp_path):
    """A column that may be NULL since is asked for by another statement, which leaves no row out."""
    path = tmp_path / "history.db"
    selection = Selection.of(evolve(PAYOUTS, key=("id",)), ["id", "at"])
    query = Query(selection=selection, subject=Subject("ann"), as_of=NOON + timedelta(days=1))
    table = "CREATE TABLE payout (id INTEGER PRIMARY KEY, payer TEXT, payee TEXT, at TEXT{})"
    row = "INSERT INTO payout VALUES (?, 'ann', NULL, ?)"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(table.format(" NOT NULL"))
        db.execute(row, (1, "2026-06-01T13:00:00Z"))
        with SqlAlchemySource(f"sqlite:///{path}") as source:
            assert answers(source, query)[1] == [(1, "2026-06-01T13:00:00Z", "ann", None)]
            db.execute("DROP TABLE payout")
            db.execute(table.format(""))
            db.execute(row, (2, None))
            assert answers(source, query)[1] == [(2, None, "ann", None)]


def test_the_longest_unused_statement_is_forgotten():
    """However many forms there are, so many are kept and no more."""
    composed = []
    statements = Statements(SQLiteDialect_pysqlite(paramstyle="named"))

    def ask(form):
        return statements.of(form, lambda: composed.append(form) or select(literal(form)))

    for form in range(MOST_KEPT):
        ask(form)
    ask(0)
    ask(MOST_KEPT)
    composed.clear()
    assert ask(0).constants == {"param_1": 0}
    ask(1)
    assert composed == [1]
