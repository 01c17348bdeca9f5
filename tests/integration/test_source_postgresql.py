"""PostgreSQL as a source: exact values, plans that read no table whole, and failures without anybody's data."""

import json
import re
import secrets
import socket
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from tests.s3_server import free_ports
from tests.source_queries import (
    AROUND_NOON,
    EVENT,
    NOON,
    PAYOUT,
    TIMED,
    ask,
    dataset,
    found,
    read,
    read_around_a_key,
    read_around_noon,
    read_in_turns,
)

from streampay_export._core.catalog import Catalog, Field
from streampay_export._core.selection import Census, Window
from streampay_export.errors import (
    InvalidConfiguration,
    KeyForm,
    MissingExtra,
    SourceMismatch,
    SourceUnavailable,
    UnwritableValue,
)
from streampay_export.sources import sqlalchemy_postgresql
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.sources.sqlalchemy_postgresql import Postgresql

pytestmark = pytest.mark.server


@pytest.fixture
def host(postgres_url):
    """The application's own connection, in a schema of its own that is first in its search path."""
    schema = f"host_{secrets.token_hex(4)}"
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, options=f"-c search_path={schema}") as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.schema_name = schema
        yield connection
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def source(postgres_url, host):
    """A source of that schema, with naive times in UTC."""
    with SqlAlchemySource(postgres_url, timezone="UTC", schema=host.schema_name) as opened:
        yield opened


# --- names and values


def test_any_names(postgres_url, host):
    """Schemas, tables and columns may be called anything, also what SQL or the driver has a meaning for."""
    host.execute('CREATE SCHEMA "My %s Schema"')
    host.execute('CREATE TABLE "My %s Schema"."Select: 100%" ("Order" int, "a b" text, "group" text, "%(x)s" text)')
    host.execute(
        """INSERT INTO "My %%s Schema"."Select: 100%%" VALUES (1, 'me', NULL, 'x'), (2, NULL, 'me', %s)""", ["y"]
    )
    strange = dataset(
        table="Select: 100%",
        key=("Order",),
        subject=("a b", "group"),
        fields=[Field(name="n", column="Order", type="integer"), Field(name="x", column="%(x)s", type="text")],
    )
    with SqlAlchemySource(postgres_url, schema="My %s Schema") as source, source.snapshot() as snapshot:
        snapshot.check(strange)
        rows = snapshot.page(ask(strange), None, 5)
        counted = snapshot.count(ask(strange), (1,), (2,))
    host.execute('DROP SCHEMA "My %s Schema" CASCADE')

    assert [(1, "x", "me", None), (2, "y", None, "me")] == list(rows)
    assert 1 == counted


def test_search_path_decides_without_a_schema(postgres_url, host):
    """Without a schema the tables are those that the connection sees, views among them."""
    host.execute("CREATE TABLE t (id int, who text); INSERT INTO t VALUES (1, 'me'); CREATE VIEW v AS TABLE t")
    url = make_url(postgres_url).update_query_dict({"options": f"-csearch_path={host.schema_name}"})
    with SqlAlchemySource(url.render_as_string(hide_password=False)) as source:
        assert [1] == found(source, ask(dataset(table="v")))[0]
        with pytest.raises(SourceMismatch, match="no table 'w'; there are: t, v"):
            source.check(Catalog([dataset(table="w")]))


def test_values_are_exact(source, host):
    """JSON comes as its text with all digits, `char(n)` without padding, the rest as the driver gives it."""
    host.execute(
        """CREATE TABLE t (id bigint, who char(8), amount numeric, j json, b jsonb, u uuid, at timestamptz,
        local timestamp, d date);
        INSERT INTO t VALUES (9223372036854775807, 'me', 170141183460469231731687303715884105727.000000001,
        '{"n": 1.000000000000000000001,  "n": 2}', '{"n": 1.000000000000000000001}',
        '00000000-0000-0000-0000-00000000002a', '2026-06-01 14:00+02',
        '2026-06-01 12:00:00.000001', '2026-06-01')"""
    )
    types = {
        "who": "text",
        "amount": "decimal",
        "j": "json",
        "b": "json",
        "u": "uuid",
        "at": "timestamp",
        "local": "timestamp",
        "d": "date",
    }
    exact = dataset(fields=[Field(name=n, type=t) for n, t in types.items()])

    with source.snapshot() as snapshot:
        ((who, amount, j, b, u, at, local, d, number),) = snapshot.page(ask(exact), None, 5)

    assert ("me", Decimal("170141183460469231731687303715884105727.000000001")) == (who, amount)
    assert ('{"n": 1.000000000000000000001,  "n": 2}', '{"n": 1.000000000000000000001}') == (j, b)
    assert (UUID(int=42), NOON, timedelta()) == (u, at, at.utcoffset())
    assert (NOON.replace(tzinfo=None, microsecond=1), "2026-06-01", 2**63 - 1) == (local, str(d), number)
    assert json.loads(j)


@pytest.mark.parametrize(
    ("column", "theirs", "nobodys"),
    [
        (("smallint", "7"), ["7"], ["32768", "07", "7.0"]),
        (("bigint", "7"), ["7"], [str(2**63), "9" * 50]),
        (("numeric", "7.00"), ["7"], ["7.0", "NaN", "seven"]),
        (("varchar(3)", "'abc'"), ["abc"], ["abcd", "ab"]),
        (("char(5)", "'abc'"), ["abc"], ["abcdef", "abc  x"]),
        (("uuid", "'00000000-0000-0000-0000-00000000002A'"), [str(UUID(int=42))], ["42", "me"]),
        (("mood", "'glad'"), ["glad"], ["angry", "Glad"]),
        (("wallet", "'G7'"), ["G7"], ["g7"]),
        (("inet", "'10.0.0.1'"), ["10.0.0.1/32"], ["10.0.0.1/31", "x"]),
        (("boolean", "true"), [], ["true", "t", "1"]),
        (("timestamptz", "'2026-01-01'"), [], ["2026-01-01", "now"]),
    ],
)
def test_identifiers_take_the_columns_type(source, host, column, theirs, nobodys):
    """Whatever the column's type, an identifier finds what is spelled just so, cut and padded by nobody."""
    host.execute("CREATE TYPE mood AS ENUM ('glad'); CREATE DOMAIN wallet AS varchar(56)")
    host.execute("CREATE TABLE t (id int, who {}); INSERT INTO t VALUES (1, {})".format(*column))

    assert [[1]] * len(theirs) == [found(source, ask(dataset(), name))[0] for name in theirs]
    assert [[]] * len(nobodys) == [found(source, ask(dataset(), name))[0] for name in nobodys]


@pytest.mark.parametrize(
    ("type", "key"),
    [
        ("text", "'b'"),
        ("char(4)", "'b'"),
        ("uuid", "'00000000-0000-0000-0000-00000000002a'"),
        ("int", "7"),
        ("numeric", "7.10"),
        ("timestamptz", "'2026-06-01'"),
        ("timestamp", "'2026-06-01'"),
        ("date", "'2026-06-01'"),
        ("bytea", "'b'"),
        ("boolean", "true"),
        ("double precision", "0.1"),
    ],
)
def test_keys_of_any_type_page(source, host, type, key):
    """A key of any type, as it was read, is the place to go on from."""
    host.execute(f"CREATE TABLE t (k {type}, id int, who text)")
    host.execute(f"INSERT INTO t SELECT {key}, i, 'me' FROM generate_series(1, 5) i")

    assert ([1, 2, 3, 4, 5], (2, 3)) == read_around_a_key(source, ("k", "id"))


# --- instants

FORMS = {
    "timestamptz": (
        "timestamptz",
        ["2026-06-01 13:59:59.999999+02", "2026-06-01 12:00Z", "2026-06-01 12:00:00.000001Z"],
    ),
    "timestamp": ("timestamp", ["2026-06-01 11:59:59.999999", "2026-06-01 12:00", "2026-06-01 12:00:00.000001"]),
    "date": ("date", ["2026-05-31", "2026-06-01", "2026-06-02"]),
    "bigint": ("bigint", [1_780_315_199, 1_780_315_200, 1_780_315_201]),
    "numeric": ("numeric", ["1780315199.999999", "1780315200", "1780315200.000001"]),
    "double": ("double precision", ["1780315199.999999", "1780315200", "1780315200.000001"]),
    "text": (
        "text",
        ["2026-06-01T11:59:59.999999+00:00", "2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00.01+00:00"],
    ),
    "char": ("char(40)", ["2026-06-01 11:59:59", "2026-06-01 12:00:00", "2026-06-01 12:00:01"]),
}


@pytest.mark.parametrize("name", FORMS)
def test_instants_of_any_type(source, host, name):
    """As-of and window hold in whatever type the column is."""
    declared, values = FORMS[name]
    host.execute(f"CREATE TABLE t (id int PRIMARY KEY, who text, at {declared})")
    host.cursor().executemany("INSERT INTO t VALUES (%s, 'me', %s)", [(i, str(v)) for i, v in enumerate(values)])
    source.check(Catalog([TIMED]))
    assert AROUND_NOON == read_around_noon(source, days=name == "date")


def test_mixed_texts_are_refused(source, host):
    """Texts whose order might not be that of time are refused."""
    host.execute("CREATE TABLE t (id int, who text, at text)")
    host.execute("INSERT INTO t VALUES (1, 'me', '2026-06-01T00:00:00Z'), (2, 'me', '2026-06-01T00:00:00.5Z')")

    with pytest.raises(KeyForm, match="'at'"):
        found(source, ask(dataset(as_of="at")))


def test_texts_are_compared_byte_by_byte(source, host):
    """A column's collation may put `+` after `.`; time order is that of bytes."""
    host.execute('CREATE TABLE t (id int, who text, at text COLLATE "en-x-icu")')
    host.execute(
        "INSERT INTO t VALUES (1, 'me', '2026-06-01 12:00:00+00:00'), (2, 'me', '2026-06-01 12:00:00.1+00:00')"
    )

    assert ([1], Census(included=1, later=1, null_keys=(0,))) == found(source, ask(dataset(as_of="at")))


@pytest.mark.parametrize(
    ("declared", "problem"),
    [("timestamp", "`timezone` under"), ("bigint", "a unit"), ("boolean", "holds no times")],
)
def test_times_that_cannot_be_compared(postgres_url, host, declared, problem):
    """What is missing to compare a column's times is said by the check and by the read."""
    host.execute(f"CREATE TABLE t (id int, who text, at {declared}); INSERT INTO t VALUES (1, 'me')")
    with SqlAlchemySource(postgres_url, schema=host.schema_name) as source:
        with pytest.raises(SourceMismatch, match=problem):
            source.check(Catalog([dataset(as_of="at")]))
        with pytest.raises(SourceMismatch, match=problem):
            found(source, ask(dataset(as_of="at")))


def test_naive_times_in_a_zone(postgres_url, host):
    """Timestamps without a zone are compared with what the zone's clock showed."""
    host.execute("CREATE TABLE t (id int, who text, at timestamp)")
    host.execute("INSERT INTO t VALUES (1, 'me', '2026-06-01 14:00'), (2, 'me', '2026-06-01 14:00:01')")
    with SqlAlchemySource(postgres_url, timezone="Europe/Paris", schema=host.schema_name) as source:
        assert [1] == found(source, ask(dataset(as_of="at")))[0]


def test_infinity_is_refused(source, host):
    """A timestamp that Python has no value for is refused by name, not by the driver's text."""
    host.execute("CREATE TABLE t (id int, who text, at timestamptz); INSERT INTO t VALUES (1, 'me', 'infinity')")
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp")]

    with pytest.raises(UnwritableValue, match="field 'at' holds a date outside") as caught:
        found(source, ask(dataset(fields=fields)))
    assert caught.value.__context__ is None


# --- plans


@pytest.fixture(scope="module")
def large(postgres_url):
    """40,000 payouts of some people, and their 40,000 events, with the documented indexes."""
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(
            """CREATE SCHEMA large; SET search_path = large;
            CREATE TABLE payout (id uuid PRIMARY KEY, payer text, payee text, at timestamp, memo text, doc jsonb);
            INSERT INTO payout SELECT md5(i::text)::uuid, CASE i % 3 WHEN 0 THEN 'me' WHEN 1 THEN 'you' END,
                CASE i % 4 WHEN 0 THEN 'me' WHEN 1 THEN 'u' || i % 50 END,
                '2026-06-01 12:00'::timestamp - i / 3 * interval '1 second', repeat('memo ', 20), '{}'
                FROM generate_series(1, 40000) i;
            CREATE TABLE stream (id uuid PRIMARY KEY, payer text, recipient text);
            INSERT INTO stream SELECT md5(i::text)::uuid, CASE WHEN i < 20 THEN 'me' ELSE 'p' || i END,
                CASE i % 10 WHEN 0 THEN 'many' ELSE 'q' || i END FROM generate_series(1, 4000) i;
            CREATE TABLE event (id bigint PRIMARY KEY, stream_id uuid, memo text);
            INSERT INTO event SELECT i, md5((i % 4000 + 1)::text)::uuid, 'memo' FROM generate_series(1, 40000) i;
            CREATE INDEX ON payout (payer, at, id); CREATE INDEX ON payout (payee, at, id);
            CREATE INDEX ON stream (payer); CREATE INDEX ON stream (recipient);
            CREATE INDEX ON event (stream_id, id);
            ANALYZE"""
        )
        with SqlAlchemySource(postgres_url, timezone="UTC", schema="large") as source:
            yield source
        connection.execute("DROP SCHEMA large CASCADE")


@pytest.fixture
def plans(monkeypatch):
    """The plans of the statements that ran on our tables: what each was, and its plan."""
    seen = []
    for method in ("rows", "forward"):
        run = getattr(Postgresql, method)

        def explained(self, connection, statement, parameters, *, run=run, method=method):
            if not statement.startswith("EXPLAIN") and "pg_catalog" not in statement:
                rows = connection.execute(f"EXPLAIN {statement}".encode(), parameters).fetchall()
                seen.append((method, "\n".join(row[0] for row in rows)))
            return run(self, connection, statement, parameters)

        monkeypatch.setattr(Postgresql, method, explained)
    return seen


@pytest.mark.parametrize("names", [("me",), ("me", "you", "u1", "u5")])
@pytest.mark.parametrize("window", [Window(), Window(start=NOON - timedelta(hours=2), end=NOON)])
def test_pages_merge_index_scans(plans, large, names, window):
    """Whatever the page, indexes are scanned from the cursor on and merged: no scan of a table, no sort."""
    query = ask(PAYOUT, *names, window=window)

    with large.snapshot() as snapshot:
        rows = snapshot.page(query, None, 50)
        last = rows[-1]
        snapshot.page(query, (last[3], last[0]), 50)

    for _, plan in plans[-2:]:
        assert "Merge Append" in plan
        assert not re.search(r"Seq Scan|\bSort  ", plan)
    assert 2 * len(names) == plans[-1][1].count("Index Cond") == plans[-1][1].count("ROW(") // 2


def test_counts_are_read_from_indexes(plans, large):
    """Census and count look at the subject's rows alone."""
    query = ask(PAYOUT, "u1")

    with large.snapshot() as snapshot:
        census = snapshot.census(query)
        snapshot.count(query, (datetime.fromisoformat("2026-06-01T11:00"), UUID(int=0)), None)

    assert 400 == census.included
    assert not [plan for _, plan in plans if "Seq Scan" in plan]


def test_events_of_few_streams_are_merged(plans, large):
    """Up to 100 owner rows, each one's events are merged from the index on (via, key)."""
    query = ask(EVENT, "me")

    with large.snapshot() as snapshot:
        rows = snapshot.page(query, None, 30)
        more = snapshot.page(query, (rows[-1][0],), 1000)

    assert 190 == len(rows) + len(more)
    assert sorted(rows) + sorted(more) == [*rows, *more]
    assert not [plan for _, plan in plans if "Seq Scan" in plan]


def test_events_of_many_streams_are_sorted_once(plans, large):
    """Beyond, they are sorted once for the snapshot and read from a cursor, however many the pages."""
    rows = read(large, ask(EVENT, "many"), 500)

    assert 4000 == len(rows)
    assert rows == sorted(rows)
    assert 1 == len([method for method, _ in plans if method == "forward"])


# --- the host


def test_hosts_connection_is_given_back_as_it_was(postgres_url, host):
    """What a snapshot sets is undone after it, and an engine handed in stays open."""
    engine = create_engine(postgres_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    host.execute("CREATE TABLE t (id int, who text); INSERT INTO t VALUES (1, 'me')")

    def settings():
        with engine.connect() as connection:
            names = ("TimeZone", "lock_timeout", "statement_timeout", "cursor_tuple_fraction")
            shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
            return shown, connection.connection.driver_connection.autocommit

    before = settings()
    source = SqlAlchemySource(engine, schema=host.schema_name)
    with source.snapshot() as snapshot:
        assert [(1, "me")] == list(snapshot.page(ask(dataset()), None, 5))
        with pytest.raises(SourceUnavailable, match="connections are busy"):
            source.now()
    assert timedelta() == source.now().utcoffset()
    source.close()

    assert before == settings()
    engine.dispose()


def test_snapshot_cannot_write(source, host):
    """Inside a snapshot the database refuses to be changed."""
    host.execute("CREATE TABLE t (id int, who text)")

    with source.snapshot() as snapshot, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        snapshot._connection.execute(f"INSERT INTO {host.schema_name}.t VALUES (1, 'me')")


def test_two_sorted_readings_at_once(source, host):
    """Two queries may both be read from cursors of the server in one snapshot."""
    host.execute(
        "CREATE TABLE t (id int, who text); INSERT INTO t SELECT i, 'w' || i % 2 FROM generate_series(1, 20) i"
    )

    assert [[2, 4, 6, 1, 3, 5], [8, 10, 12, 7, 9, 11]] == read_in_turns(source)


def test_engine_inside_a_transaction(postgres_url):
    """A connection that is inside a transaction of the application is not touched."""
    from sqlalchemy.pool import StaticPool

    engine = create_engine(postgres_url, poolclass=StaticPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(SourceUnavailable, match="in a transaction"), SqlAlchemySource(engine).snapshot():
            pass
    engine.dispose()


# --- failures


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda url: url.set(port=free_ports(1)[0]), "does not listen"),
        (lambda url: url.set(host="no-such-host.invalid"), "host name is unknown"),
        (lambda url: url.set(database="canary_database"), "no such database"),
        (lambda url: url.set(username="canary_user"), "refused the credentials"),
        (lambda url: url.set(host=None).update_query_dict({"host": "/nowhere"}), "does not listen"),
    ],
    ids=["refused", "unknown-host", "no-database", "no-user", "no-socket"],
)
def test_database_that_is_not_there(postgres_url, change, problem):
    """A database that does not answer is unavailable; user, password and database are not repeated."""
    url = change(make_url(postgres_url)).set(password="canary_password")

    with (
        SqlAlchemySource(url.render_as_string(hide_password=False)) as source,
        pytest.raises(SourceUnavailable, match=problem) as caught,
        source.snapshot(),
    ):
        pass

    assert "canary" not in str(caught.value) + repr(caught.value) + repr(source)
    assert caught.value.retry
    assert caught.value.__context__ is None


def test_server_that_says_nothing(monkeypatch):
    """A host that takes the connection and is silent is given up on."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with (
            SqlAlchemySource(f"postgresql://me@127.0.0.1:{port}/x?connect_timeout=2") as source,
            pytest.raises(SourceUnavailable, match="did not answer in time"),
        ):
            source.now()


def test_connection_cut_in_a_snapshot(source, host, caplog):
    """A session that the server ends makes the source unavailable, quietly, and the next snapshot works."""
    host.execute("CREATE TABLE t (id int, who text); INSERT INTO t VALUES (1, 'me')")

    with source.snapshot() as snapshot:
        pid = snapshot._connection.info.backend_pid
        host.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(SourceUnavailable):
            snapshot.page(ask(dataset()), None, 5)

    assert [] == caplog.records
    assert [1] == found(source, ask(dataset()))[0]


def test_locked_table(source, host, monkeypatch):
    """A table that is being altered is waited for, and then it is said so."""
    monkeypatch.setattr(sqlalchemy_postgresql, "LOCK_TIMEOUT", "50ms")
    host.execute("CREATE TABLE t (id int, who text)")

    with host.transaction():
        host.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(SourceUnavailable, match="locked for more than 50ms"):
            found(source, ask(dataset()))


def test_slow_query(source, host, monkeypatch):
    """A query that takes too long is ended."""
    monkeypatch.setattr(sqlalchemy_postgresql, "STATEMENT_TIMEOUT", "100ms")
    host.execute("CREATE VIEW t AS SELECT 1 AS id, 'me' AS who FROM pg_sleep(5)")

    with pytest.raises(SourceUnavailable, match="took more than 100ms"):
        found(source, ask(dataset()))


def test_any_other_answer(source, host):
    """Other answers are named by their SQLSTATE, without the server's words."""
    host.execute("CREATE VIEW t AS SELECT 1/(random() * 0)::int AS id, 'me'::text AS who")

    with pytest.raises(SourceUnavailable, match=r"answered 22012 \(DivisionByZero\)"):
        found(source, ask(dataset()))


def test_missing_grant(source, host, postgres_url):
    """A table that the user may not read is named, and what to do."""
    role = f"reader_{secrets.token_hex(4)}"
    host.execute(f"CREATE TABLE t (id int, who text); CREATE ROLE {role} LOGIN")
    host.execute(f"GRANT USAGE ON SCHEMA {host.schema_name} TO {role}")
    url = make_url(postgres_url).set(username=role).render_as_string()
    with (
        SqlAlchemySource(url, schema=host.schema_name) as reader,
        pytest.raises(SourceMismatch, match="may not read 't'; grant SELECT"),
    ):
        found(reader, ask(dataset()))
    host.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_missing_driver(monkeypatch):
    """Without psycopg the extra to install is named."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtra, match=r"streampay-export\[postgres\]"):
        SqlAlchemySource("postgresql://127.0.0.1/test")


def test_other_drivers_are_refused():
    """An engine or a URL of another driver is refused by its name."""
    with pytest.raises(InvalidConfiguration, match=r"postgresql\+pg8000' cannot be read"):
        SqlAlchemySource("postgresql+pg8000://127.0.0.1/test")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_bare_schemes_mean_psycopg(postgres_url, scheme):
    """However PostgreSQL is written, it is read through psycopg 3."""
    _, rest = postgres_url.split("://", 1)

    with SqlAlchemySource(f"{scheme}://{rest}") as source:
        assert UTC == source.now().tzinfo


def test_a_view_is_shared_while_its_snapshot_is_open(source, host):
    """Others read what the one who shares sees, committed later or not; afterwards there is nothing to join."""
    host.execute("CREATE TABLE t (id int, who text); INSERT INTO t VALUES (1, 'me')")
    with source.snapshot() as snapshot:
        view = source.share(snapshot)
        host.execute("INSERT INTO t VALUES (2, 'me')")
        with source.joined(view) as joined:
            assert (1, 1) == (snapshot.count(ask(dataset()), None, None), joined.count(ask(dataset()), None, None))
        with source.snapshot() as another:
            assert 2 == another.count(ask(dataset()), None, None)
    for gone in (view, "0-0-0", "'; DROP TABLE t; --"):
        with pytest.raises(SourceUnavailable), source.joined(gone):
            pass
    assert 2 == len(found(source, ask(dataset()))[0])
