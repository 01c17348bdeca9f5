"""SQLite as a source: any names and forms, plans that read no table whole, and a host that notices nothing."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.pool import StaticPool
from tests.source_queries import AROUND_NOON, EVENT, NOON, ask, dataset, found, read, read_around_noon

from streampay_export import Keep, Policy, SubjectIn, Withhold, by_row
from streampay_export._core.catalog import Catalog, Dataset, Direction, Field, Omission
from streampay_export._core.cut import compile_cut
from streampay_export._core.party import Subject
from streampay_export._core.selection import Census, Query, Window
from streampay_export.errors import (
    InvalidConfiguration,
    InvalidRequest,
    KeyForm,
    SourceMismatch,
    SourceUnavailable,
    UnwritableValue,
)
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.sources.sqlalchemy_sqlite import Sqlite


@pytest.fixture
def path(tmp_path):
    """Where the database is."""
    return tmp_path / "history.db"


@pytest.fixture
def sql(path):
    """Run a script in the database."""

    def run(script, rows=()):
        with closing(sqlite3.connect(path)) as connection:
            if rows:
                connection.executemany(script, rows)
            else:
                connection.executescript(script)
            connection.commit()

    return run


@pytest.fixture
def source(path, sql):
    """A source of the database, with times in UTC."""
    sql("SELECT 1")
    path.touch()
    with SqlAlchemySource(f"sqlite:///{path}", timezone="UTC") as opened:
        yield opened


# --- names


def test_any_names(source, sql):
    """Tables and columns may be called anything, also what SQL has a meaning for."""
    sql(
        """CREATE TABLE "Select: 100%s ""of"" it" ("Order" INTEGER, "a b" TEXT, "group" TEXT, "c0" TEXT, "é%" TEXT);
        INSERT INTO "Select: 100%s ""of"" it" VALUES (1, 'me', NULL, 'x', 'y'), (2, NULL, 'me', 'x', 'y')"""
    )
    names = ("c0", "é%", "Order")
    strange = dataset(
        table='Select: 100%s "of" it',
        key=("Order",),
        subject=("a b", "group"),
        fields=[Field(name=f"f{i}", column=name, type="text") for i, name in enumerate(names)],
    )

    source.check(Catalog([strange]))
    with source.snapshot() as snapshot:
        assert [("x", "y", 1, "me", None), ("x", "y", 2, None, "me")] == list(snapshot.page(ask(strange), None, 5))
        assert 1 == snapshot.count(ask(strange), (1,), (2,))


def test_a_rule_may_look_at_a_column_that_no_field_maps(source, sql):
    """The column is read for the rule alone; one that is not there is the catalog's fault, at the first read."""
    sql(
        """CREATE TABLE t (id INTEGER, who TEXT, memo TEXT, author TEXT);
        INSERT INTO t VALUES (1, 'me', 'mine', 'me'), (2, 'me', 'theirs', 'you'), (3, 'me', 'nobodys', NULL)"""
    )
    noted = dataset(fields=[Field(name="memo", type="text")])
    for column in ("author", "writer"):
        written = by_row("x", "memo", when=SubjectIn(column=column), then=Keep(), otherwise=Withhold())
        policy = Policy(profile="self", rules={"things": written})
        cut = compile_cut(noted, policy, timezone="UTC", pseudonym_key=b"", owners={"me"})
        query = Query(selection=cut.selection, subject=Subject("me"), as_of=NOON)
        with source.snapshot() as snapshot:
            if column == "author":
                assert [["mine", None, None]] == cut.columns(snapshot.page(query, None, 5))
            else:
                with pytest.raises(SourceMismatch, match="table 't' has no column 'writer'; it has: id, who, memo"):
                    snapshot.census(query)


def test_attached_database_is_a_schema(path, sql, tmp_path):
    """A schema is an attached database; one that is not attached has no tables."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT); INSERT INTO t VALUES (1, 'me')"
        )
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda c, _: c.execute("ATTACH ? AS old", (str(other),)).close())

    assert [1] == found(SqlAlchemySource(engine, schema="old"), ask(dataset()))[0]
    with pytest.raises(SourceMismatch, match="there is no table 't' in schema 'new'; there are: none"):
        SqlAlchemySource(engine, schema="new").check(Catalog([dataset()]))
    engine.dispose()


# --- identifiers


@pytest.mark.parametrize(
    ("column", "theirs", "nobodys"),
    [
        (("INTEGER", 7), ["7"], ["07", "7.0", " 7", "seven", "9" * 25]),
        (("BIGINT", "W7"), ["W7"], ["w7"]),
        (("DECIMAL(20)", 7), ["7"], ["7.0", "7e0", "07"]),
        (("UUID", "0a-b"), ["0a-b"], ["0A-B"]),
        (("REAL", 7.0), ["7"], ["7.0"]),
        (("VARCHAR(3)", "007"), ["007"], ["7", "07"]),
        (("TEXT", "7"), ["7"], ["7.0"]),
        (("BLOB", 7), ["7"], ["7.0"]),
        (("", "007"), ["007"], ["7"]),
        (("", 7), ["7"], ["007"]),
    ],
)
def test_identifiers_match_one_spelling(source, sql, column, theirs, nobodys):
    """Whatever the column's affinity, an identifier finds what is spelled just so."""
    sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, who {column[0]})")
    sql("INSERT INTO t VALUES (1, ?)", [column[1:]])

    assert [[1]] * len(theirs) == [found(source, ask(dataset(), name))[0] for name in theirs]
    assert [[]] * len(nobodys) == [found(source, ask(dataset(), name))[0] for name in nobodys]


def test_too_many_identifiers(source, sql):
    """Beyond 500 names the request is refused; 500 are read."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, other TEXT); INSERT INTO t VALUES (1, NULL, 'W498')")
    both = dataset(subject=("who", "other"))

    assert [1] == found(source, ask(both, *(f"W{i}" for i in range(500))))[0]
    with pytest.raises(InvalidRequest, match="at most 500"):
        found(source, ask(both, *(f"W{i}" for i in range(501))))


# --- instants

FORMS = {
    "isoformat": (["2026-06-01T11:59:59.999999", "2026-06-01T12:00:00", "2026-06-01T12:00:00.000001"], "TEXT"),
    "space": (["2026-06-01 11:59:59", "2026-06-01 12:00:00", "2026-06-01 12:00:01"], "DATETIME"),
    "zulu": (["2026-06-01T11:59:59.999Z", "2026-06-01T12:00:00.000Z", "2026-06-01T12:00:00.001Z"], "TEXT"),
    "offset": (["2026-06-01 13:59:59.5+02:00", "2026-06-01 14:00:00+02:00", "2026-06-01 14:00:00.5+02:00"], ""),
    "day": (["2026-05-31", "2026-06-01", "2026-06-02"], "DATE"),
    "seconds": ([1_780_315_199, 1_780_315_200, 1_780_315_201], "INTEGER"),
    "fractions": ([1_780_315_199.999999, 1_780_315_200.0, 1_780_315_200.000001], "REAL"),
}


@pytest.mark.parametrize("name", FORMS)
def test_instants_in_any_form(source, sql, name):
    """As-of and window hold in whatever form the column is."""
    values, declared = FORMS[name]
    sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at {declared})")
    sql("INSERT INTO t VALUES (?, 'me', ?)", list(enumerate(values)))
    assert AROUND_NOON == read_around_noon(source, days=name == "day")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["2026-06-01T00:00:00Z", "2026-06-01T00:00:00.5Z"], ("id",)),
        (["2026-06-01T00:00:00", "2026-06-01 00:00:00"], ("id",)),
        (["2026-06-01T00:00:00+00:00", "2026-06-01T00:00:00+02:00"], ("id",)),
        (["2026-06-01T00:00:00", "2026-06-01T00:00:00.5"], ("at", "id")),
        (["2026-06-01T00:00:00", 1_780_315_199], ("id",)),
        ([1_780_315_199, "2026-06-01T00:00:00"], ("id",)),
        (["yesterday"], ("id",)),
    ],
)
def test_mixed_forms_are_refused(source, sql, values, key):
    """Texts whose order might not be that of time are refused, naming the column and no value."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at)")
    sql("INSERT INTO t VALUES (?, 'me', ?)", list(enumerate(values)))
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp", unit="s")]

    with pytest.raises(KeyForm, match="'at'") as caught:
        found(source, ask(dataset(as_of="at", key=key, fields=fields)))

    assert not any(str(value) in str(caught.value) for value in values)


def test_time_in_a_key_has_one_form(source, sql):
    """A text timestamp that orders the pages has one form, also when it bounds nothing."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at TEXT)")
    rows = [(1, "me", "2026-06-01T00:00:00"), (2, "me", "2026-06-01T00:00:00.5"), (3, "you", "never")]
    sql("INSERT INTO t VALUES (?, ?, ?)", rows)
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp")]
    timed = dataset(key=("at", "id"), fields=fields)

    with pytest.raises(KeyForm, match="'at'"):
        found(source, ask(timed))
    assert ([], Census(included=0, null_keys=(0, 0))) == found(source, ask(timed, "nobody"))


def test_numbers_in_a_key_need_no_form(source, sql):
    """A key of numbers is in order as it is."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at INTEGER); INSERT INTO t VALUES (1, 'me', 5)")
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp")]

    assert [1] == found(source, ask(dataset(key=("at", "id"), fields=fields)))[0]


def test_times_without_a_zone_need_one(path, sql):
    """Where times have no offset and no zone is given, the error says which setting to make."""
    sql(
        """CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at TEXT);
        INSERT INTO t VALUES (1, 'me', '2026-06-01 10:00:00')"""
    )

    with pytest.raises(SourceMismatch, match="`timezone` under"):
        found(SqlAlchemySource(f"sqlite:///{path}"), ask(dataset(as_of="at")))


def test_times_in_a_zone(path, sql):
    """A zone's clock is compared with."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at TEXT)")
    sql("INSERT INTO t VALUES (?, 'me', ?)", [(1, "2026-06-01 14:00:00"), (2, "2026-06-01 14:00:01")])

    assert [1] == found(SqlAlchemySource(f"sqlite:///{path}", timezone="Europe/Paris"), ask(dataset(as_of="at")))[0]


def test_numbers_need_a_unit(source, sql):
    """Where times are numbers and no field says of what, the check says so, and the read does."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at INTEGER); INSERT INTO t VALUES (1, 'me', 17)")

    with pytest.raises(SourceMismatch, match="a unit"):
        source.check(Catalog([dataset(as_of="at")]))
    with pytest.raises(SourceMismatch, match="a unit"):
        found(source, ask(dataset(as_of="at")))


def test_blob_is_no_time(source, sql):
    """Bytes in an as-of column are no timestamps."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, at BLOB); INSERT INTO t VALUES (1, 'me', x'00')")

    with pytest.raises(KeyForm):
        found(source, ask(dataset(as_of="at")))


# --- plans


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """20,000 payouts of two people, and their 20,000 events, with the documented indexes."""
    path = tmp_path_factory.mktemp("large") / "history.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """CREATE TABLE payout (id TEXT PRIMARY KEY, payer TEXT, payee TEXT, at TEXT, memo TEXT);
            CREATE TABLE stream (id TEXT PRIMARY KEY NOT NULL, payer TEXT, recipient TEXT);
            CREATE TABLE event (id INTEGER PRIMARY KEY, stream_id TEXT, memo TEXT)"""
        )
        connection.executemany(
            "INSERT INTO payout VALUES (?, ?, ?, ?, 'memo')",
            [
                (
                    f"{i * 7919 % 20011:06}",
                    "me" if i % 2 else None,
                    "me" if i % 3 else "you",
                    (NOON - timedelta(seconds=i // 3)).isoformat(),
                )
                for i in range(20_000)
            ],
        )
        connection.executemany(
            "INSERT INTO stream VALUES (?, ?, ?)",
            [(f"s{i}", "me" if i < 20 else f"u{i}", "many" if i % 10 == 0 else "you") for i in range(2_000)],
        )
        connection.executemany(
            "INSERT INTO event VALUES (?, ?, 'memo')", [(i, f"s{i * 7 % 2000}") for i in range(20_000)]
        )
        connection.executescript(
            """CREATE INDEX payout_payer ON payout (payer, at, id);
            CREATE INDEX payout_payee ON payout (payee, at, id);
            CREATE INDEX stream_payer ON stream (payer); CREATE INDEX stream_recipient ON stream (recipient);
            CREATE INDEX event_stream ON event (stream_id, id)"""
        )
        connection.commit()
    return path


PAYOUT = Dataset(
    name="payouts",
    table="payout",
    key=("at", "id"),
    subject=("payer", "payee"),
    as_of="at",
    fields=[Field(name="id", type="text"), Field(name="memo", type="text")],
)


@pytest.fixture
def plans(monkeypatch, large):
    """The plans of the statements that ran on our tables, in one list of steps."""
    steps = []
    for method in ("rows", "forward"):
        run = getattr(Sqlite, method)

        def explained(self, connection, statement, parameters, run=run):
            if not statement.startswith("EXPLAIN") and "pragma_" not in statement:
                rows = connection.execute("EXPLAIN QUERY PLAN " + statement, parameters).fetchall()
                steps.extend(row[3] for row in rows)
            return run(self, connection, statement, parameters)

        monkeypatch.setattr(Sqlite, method, explained)
    return steps


def scans(steps):
    """The steps that read a table from end to end; a subquery of ours is no table."""
    return [step for step in steps if step.startswith("SCAN") and step not in {"SCAN u", "SCAN CONSTANT ROW"}]


@pytest.mark.parametrize("names", [("me",), ("me", "you"), ("me", *(f"u{i}" for i in range(9)))])
@pytest.mark.parametrize("window", [Window(), Window(start=NOON - timedelta(hours=1), end=NOON)])
def test_pages_are_read_from_indexes_in_order(plans, large, names, window):
    """Whatever the page, no table is read whole, and nothing is sorted."""
    query = ask(PAYOUT, *names, window=window)

    with SqlAlchemySource(f"sqlite:///{large}", timezone="UTC").snapshot() as snapshot:
        rows = snapshot.page(query, None, 10)
        snapshot.page(query, (rows[-1][2], rows[-1][0]) if rows else ("2026", "1"), 10)

    assert [] == scans(plans)
    assert [] == [step for step in plans if "TEMP B-TREE" in step]
    cursors = [step for step in plans if "(at,id)>(?,?)" in step]
    assert 2 * len(names) == len(cursors)


def test_counts_are_read_from_indexes(plans, large):
    """Census and count look at the subject's rows alone."""
    query = ask(PAYOUT)

    with SqlAlchemySource(f"sqlite:///{large}", timezone="UTC").snapshot() as snapshot:
        census = snapshot.census(query)
        counted = snapshot.count(query, ("2026-06-01T11:00:00", ""), ("2026-06-01T11:30:00", ""))

    assert (16_666, 4500) == (census.included, counted)
    assert [] == scans(plans)
    assert 2 == len([step for step in plans if "(at,id)>(?,?) AND (at,id)<(?,?)" in step])


def test_events_of_few_streams_are_read_in_order(plans, large):
    """Up to 100 owner rows, each one's events are merged from the index on (via, key): no scan, no sort."""
    query = ask(EVENT, "me")

    with SqlAlchemySource(f"sqlite:///{large}").snapshot() as snapshot:
        rows = snapshot.page(query, None, 10)
        more = snapshot.page(query, (rows[-1][0],), 1000)

    assert 200 == len(rows) + len(more)
    assert [] == scans(plans)
    assert [] == [step for step in plans if "TEMP B-TREE" in step]


def test_events_of_many_streams_are_sorted_once(plans, large):
    """Beyond, they are sorted once for the snapshot, however many its pages; still no table is read whole."""
    rows = read(SqlAlchemySource(f"sqlite:///{large}"), ask(EVENT, "many"), 100)

    assert 2000 == len(rows)
    assert rows == sorted(rows)
    assert 2 == len([step for step in plans if "TEMP B-TREE" in step])
    assert [] == scans(plans)


def test_without_an_index_for_the_order_rows_are_sorted_once(monkeypatch, source, sql):
    """With an index on the subject alone, pages are read from one sort, not from a sort each."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, n INTEGER); CREATE INDEX t_who ON t (who)")
    sql("INSERT INTO t VALUES (?, 'me', ?)", [(i, -i) for i in range(50)])
    sorts, forward = [], Sqlite.forward

    def counted(*given):
        sorts.append(1)
        return forward(*given)

    monkeypatch.setattr(Sqlite, "forward", counted)

    rows = read(source, ask(dataset(key=("n", "id"))), 7)

    assert list(range(49, -1, -1)) == [row[0] for row in rows]
    assert [1] == sorts


# --- databases that are not there


def test_missing_file_is_not_made(tmp_path):
    """A database file that is not there is an error, and still not there afterwards."""
    missing = tmp_path / "missing.db"

    with pytest.raises(SourceUnavailable, match=r"there is no database file .*missing\.db"):
        SqlAlchemySource(f"sqlite:///{missing}")
    assert [] == list(tmp_path.iterdir())


def test_file_that_went_away_is_not_made(source, path):
    """A database file that was there when the source was opened is not made anew when it is gone."""
    path.unlink()

    with pytest.raises(SourceUnavailable, match="cannot be opened"), source.snapshot():
        pass
    assert not path.exists()


def test_uri_is_opened_as_it_says(path, sql):
    """An SQLite URI is passed on; unless it says otherwise, it makes no file."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")

    for uri in (f"sqlite:///file:{path}", f"sqlite:///file:{path}?mode=ro&uri=true"):
        SqlAlchemySource(uri).check(Catalog([dataset()]))
    with pytest.raises(SourceUnavailable), SqlAlchemySource(f"sqlite:///file:{path}-2").snapshot():
        pass
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "é?.db", "#1.db"])
def test_any_file_name(tmp_path, name):
    """The file's name may hold what a URI would read otherwise."""
    with closing(sqlite3.connect(tmp_path / name)) as connection:
        connection.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")
    url = sqlalchemy.URL.create("sqlite", database=str(tmp_path / name)).render_as_string()

    SqlAlchemySource(url).check(Catalog([dataset()]))


def test_not_a_database(path):
    """A file that is no database is said to be none."""
    path.write_bytes(b"no database, but long enough to be taken for one" * 100)

    with (
        pytest.raises(SourceUnavailable, match="not an SQLite database"),
        SqlAlchemySource(f"sqlite:///{path}").snapshot(),
    ):
        pass


def test_locked_database(path, sql):
    """A database that another process holds is unavailable for now."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")
    source = SqlAlchemySource(create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.05}))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="locked") as caught, source.snapshot():
            pass

    assert caught.value.retry
    source.check(Catalog([dataset()]))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("not a url", "no database URL"),
        ("postgresql://user:secret@host:port/db", "no database URL"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("oracle://user:secret@host/db", "'oracle' cannot be read"),
        ("sqlite+aiosqlite:///x.db", "cannot be read"),
    ],
)
def test_unsupported_urls(url, problem):
    """What cannot be read is refused at once, and no part of the URL but its scheme is repeated."""
    with pytest.raises(InvalidConfiguration, match=problem) as caught:
        SqlAlchemySource(url)

    assert "secret" not in str(caught.value)


def test_unknown_zone(path, sql):
    """A zone that does not exist is refused."""
    sql("SELECT 1")

    with pytest.raises(InvalidConfiguration, match=r"source\.timezone"):
        SqlAlchemySource(f"sqlite:///{path}", timezone="Mars/Olympus")


# --- data that cannot be read


def test_text_that_is_not_utf8(source, sql):
    """Text that is not UTF-8 is refused by its column's name, and nothing of it is in the error's chain."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, memo TEXT)")
    sql("INSERT INTO t VALUES (2, 'me', CAST(x'63616e617279ff' AS TEXT))")
    fields = [Field(name="id", type="integer"), Field(name="memo", type="text")]

    with pytest.raises(UnwritableValue, match="'memo' holds text that is not UTF-8") as caught:
        found(source, ask(dataset(fields=fields)))

    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


# --- a host that notices nothing


@pytest.fixture
def engine(path, sql):
    """An application's own engine, with one connection, and habits of its own."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT); INSERT INTO t VALUES (1, 'me')")
    engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=0.05)

    @event.listens_for(engine, "connect")
    def configured(connection, _):
        connection.isolation_level = "IMMEDIATE"
        connection.row_factory = sqlite3.Row

    @event.listens_for(engine, "begin")
    def begun(connection):
        connection.exec_driver_sql("BEGIN")

    yield engine
    engine.dispose()


def test_hosts_connection_is_given_back_as_it_was(engine):
    """Rows come as tuples, whatever the host set; what a snapshot sets is undone after it."""
    source = SqlAlchemySource(engine)
    with source.snapshot() as snapshot:
        assert [(1, "me")] == list(snapshot.page(ask(dataset()), None, 5))
        assert tuple is type(snapshot.page(ask(dataset()), None, 5)[0])
    source.close()

    raw = engine.raw_connection()
    assert ("IMMEDIATE", sqlite3.Row, False) == (
        raw.driver_connection.isolation_level,
        raw.driver_connection.row_factory,
        raw.driver_connection.in_transaction,
    )
    assert 0 == raw.driver_connection.execute("PRAGMA query_only").fetchone()[0]
    raw.close()


def test_snapshot_cannot_write(engine):
    """Inside a snapshot the database refuses to be changed."""
    with (
        SqlAlchemySource(engine).snapshot() as snapshot,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        snapshot._connection.execute("DELETE FROM t")


def test_busy_pool(engine):
    """Where the host's pool has no connection left, the source is unavailable for now."""
    with engine.connect(), pytest.raises(SourceUnavailable, match="connections are busy"):
        SqlAlchemySource(engine).check(Catalog([dataset()]))


def test_the_time_needs_no_connection(engine):
    """SQLite's clock is the process's, which answers while the host's pool is busy."""
    with engine.connect():
        assert abs(SqlAlchemySource(engine).now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_whatever_is_raised_inside_passes(engine):
    """An exception of the caller's ends the snapshot and passes unchanged."""
    with pytest.raises(ZeroDivisionError), SqlAlchemySource(engine).snapshot():
        raise ZeroDivisionError

    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM t")


def test_database_in_memory():
    """An engine that filled a database in memory can be read, but not inside a transaction of its own."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'me')")

    assert [1] == found(SqlAlchemySource(engine), ask(dataset()))[0]
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (2, 'me')")
        with pytest.raises(SourceUnavailable, match="in a transaction"), SqlAlchemySource(engine).snapshot():
            pass
    engine.dispose()


def test_write_ahead_log_blocks_nobody(engine, path):
    """In WAL mode others write while a snapshot is open."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        with SqlAlchemySource(engine).snapshot() as snapshot:
            connection.execute("INSERT INTO t VALUES (2, 'me')")
            connection.commit()
            assert [1] == [row[0] for row in snapshot.page(ask(dataset()), None, 5)]


def test_omission_in_a_view(source, sql):
    """A view is read like a table."""
    sql(
        """CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, gone TEXT);
        INSERT INTO t VALUES (1, 'me', NULL), (2, 'me', 'x'); CREATE VIEW v AS SELECT * FROM t"""
    )
    omitting = dataset(table="v", omit=Omission(column="gone", reason="not held any more"))

    assert ([1], Census(included=1, omitted=1, null_keys=(0,))) == found(source, ask(omitting))


def test_direction_columns_are_read(source, sql):
    """Columns that say which way money went are read beside the fields."""
    sql(
        """CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, out TEXT, into_ TEXT);
        INSERT INTO t VALUES (1, 'me', 'a', 'b')"""
    )
    directed = dataset(direction=Direction(out="out", into="into_"))

    with source.snapshot() as snapshot:
        assert [(1, "me", "a", "b")] == list(snapshot.page(ask(directed), None, 5))
    with pytest.raises(SourceMismatch, match="'inward'"):
        source.check(Catalog([dataset(direction=Direction(out="out", into="inward"))]))


def test_nobody_can_be_named_so(source, sql):
    """Where no identifier can be of the column's type, there is nothing to ask the database."""
    sql("CREATE TABLE t (id INTEGER PRIMARY KEY, who INTEGER); INSERT INTO t VALUES (1, 7)")

    with source.snapshot() as snapshot:
        assert 0 == snapshot.count(ask(dataset(), "07"), None, None)
        assert Census(included=0, null_keys=(0,)) == snapshot.census(ask(dataset(), "07"))


def test_transaction_that_sqlite_ended(engine):
    """Where SQLite itself rolled back, as it does on a full disk, leaving the snapshot is no second error."""
    with SqlAlchemySource(engine).snapshot() as snapshot:
        snapshot._connection.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("raised", "problem"),
    [
        (InvalidRequestError("canary"), "cannot be connected to"),
        (DBAPIError("canary", {}, sqlite3.OperationalError("canary")), "SQLite answered OperationalError"),
    ],
)
def test_engine_that_cannot_connect(path, raised, problem):
    """Whatever the engine raises when it connects is ours, without its words."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def refused(connection, _):
        connection.close()
        raise raised

    with pytest.raises(SourceUnavailable, match=problem) as caught:
        SqlAlchemySource(engine).check(Catalog([dataset()]))
    assert "canary" not in str(caught.value)


def test_engine_of_another_driver():
    """An engine of a driver whose rows we do not know is refused by name."""
    engine = sqlalchemy.create_mock_engine("sqlite://", print)
    engine.dialect.driver = "pysqlcipher"

    with pytest.raises(InvalidConfiguration, match=r"sqlite\+pysqlcipher cannot be read"):
        SqlAlchemySource(engine)


def test_repr_names_the_kind_alone(source):
    """A source prints what it is, not where."""
    assert "SqlAlchemySource(sqlite)" == repr(source)


def test_views_are_not_shared(tmp_path):
    """Whoever asks is told that there is none, and a name of one joins nothing."""
    path = tmp_path / "shop.db"
    sqlite3.connect(path).close()
    with SqlAlchemySource(f"sqlite:///{path}") as source, source.snapshot() as snapshot:
        assert source.share(snapshot) is None
        with pytest.raises(SourceUnavailable, match="cannot be shared"):
            source.joined("a view")
