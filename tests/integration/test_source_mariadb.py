"""MariaDB as a source: texts told apart whatever the collation, plans that go on from the cursor, no zero dates."""

import secrets
import socket
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pymysql
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool, StaticPool
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

from streampay_export._core.catalog import Catalog, Field, Owner
from streampay_export._core.selection import Window
from streampay_export._core.table_facts import IndexFacts, Stored
from streampay_export.errors import KeyForm, MissingExtra, SourceMismatch, SourceUnavailable, UnwritableValue
from streampay_export.sources import sqlalchemy_mariadb
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.sources.sqlalchemy_mariadb import Mariadb

pytestmark = pytest.mark.server


class Host:
    """The application's own connection, to a database of its own."""

    def __init__(self, url, collation):
        self.name = f"host_{secrets.token_hex(4)}"
        self.url = make_url(url).set(database=self.name).render_as_string(hide_password=False)
        self.engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self.connection = self.engine.connect()
        self.run(f"CREATE DATABASE {self.name} COLLATE {collation}", f"USE {self.name}")

    def run(self, *statements):
        """Run statements; the percent sign is no more than that."""
        for statement in statements:
            with self.connection.connection.cursor() as cursor:
                cursor.execute(statement)

    def close(self):
        """Leave nothing behind."""
        self.run(f"DROP DATABASE {self.name}")
        self.connection.close()


@pytest.fixture(scope="module")
def server(mariadb_url):
    """A host for all tests of this file, in a database whose collation folds case, accents and spaces."""
    host = Host(mariadb_url, "utf8mb4_general_ci")
    yield host
    host.close()


@pytest.fixture
def host(server):
    """That host, without tables."""
    yield server
    server.run("DROP VIEW IF EXISTS t, v", "DROP TABLE IF EXISTS t, u")


@pytest.fixture
def source(host):
    """A source of that database, with naive times in UTC."""
    with SqlAlchemySource(host.url, timezone="UTC") as opened:
        yield opened


# --- whose a row is

PEOPLE = ["alice", "Alice", "ALICE", "alice ", "Älice", "álice", "ⓐlice", "alice  "]


@pytest.mark.parametrize("indexed", [True, False], ids=["index", "no-index"])
@pytest.mark.parametrize(
    "column",
    [
        "varchar(60) COLLATE utf8mb4_general_ci",
        "varchar(60) COLLATE utf8mb4_unicode_520_ci",
        "varchar(60) COLLATE utf8mb4_bin",
        "varchar(60) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci",
        "varbinary(60)",
    ],
)
def test_nobody_reads_another_whose_name_folds_alike(source, host, column, indexed):
    """Each of people whose ids a collation takes for one finds their own rows alone, as payer and as payee."""
    index = ", KEY (who, id), KEY (other, id)" if indexed else ""
    host.run(f"CREATE TABLE t (id int PRIMARY KEY, who {column}, other {column}, note text {index})")
    with host.connection.connection.cursor() as cursor:
        for n, name in enumerate(PEOPLE):
            row = "INSERT INTO t VALUES (%s, %s, %s, %s)"
            cursor.execute(row, (n, name.encode(), None, f"canary of {n}"))
            cursor.execute(row, (n + 100, PEOPLE[n - 1].encode(), name.encode(), f"canary of {n}"))
    two = dataset(
        subject=("who", "other"), fields=[Field(name="id", type="integer"), Field(name="note", type="text")]
    )

    for n, name in enumerate(PEOPLE):
        theirs = sorted([n, n + 100, (n + 1) % len(PEOPLE) + 100])
        rows = read(source, ask(two, name), 2)
        assert theirs == [row[0] for row in rows]
        assert 3 == found(source, ask(two, name))[1].included
    assert [0, 1, 100, 101, 102] == [row[0] for row in read(source, ask(two, "alice", "Alice"), 2)][:5]
    assert [] == found(source, ask(two, "aLICE"))[0]


def test_names_in_a_small_character_set(source, host):
    """In a column of Latin letters those are found, and what the column cannot hold is nobody's."""
    host.run(
        "CREATE TABLE t (id int, who varchar(20) CHARACTER SET latin1 COLLATE latin1_german1_ci, KEY (who, id))",
        "INSERT INTO t VALUES (1, 'jos\N{LATIN SMALL LETTER E WITH ACUTE}'), (2, 'jos?'), (3, 'jose')",
    )

    assert [[1], [2], [3], [], []] == [
        found(source, ask(dataset(), name))[0] for name in ("josé", "jos?", "jose", "jos😀", "JOSÉ")
    ]


def test_ownership_through_another_table_is_exact(source, host):
    """Who owns a row one table away is compared as exactly."""
    host.run(
        "CREATE TABLE u (id int PRIMARY KEY, payer varchar(20), KEY (payer))",
        "CREATE TABLE t (id int PRIMARY KEY, stream int, KEY (stream, id))",
        "INSERT INTO u VALUES (1, 'alice'), (2, 'Alice'), (3, 'alice ')",
        "INSERT INTO t VALUES (10, 1), (20, 2), (30, 3)",
    )
    owned = dataset(subject=(), owner=Owner(via="stream", table="u", key="id", subject=("payer",)))

    assert [[10], [20], [30], []] == [
        found(source, ask(owned, name))[0] for name in ("alice", "Alice", "alice ", "ALICE")
    ]


@pytest.mark.parametrize(
    ("column", "theirs", "nobodys"),
    [
        (("tinyint", "7"), ["7"], ["128", "07", "7.0"]),
        (("bigint unsigned", "18446744073709551615"), [str(2**64 - 1)], [str(2**64), "-1", "9" * 50]),
        (("decimal(10,2)", "7.00"), ["7"], ["7.0", "NaN", "seven"]),
        (("char(5)", "'abc'"), ["abc"], ["abcdef", "abc ", "ABC"]),
        (("uuid", "'00000000-0000-0000-0000-00000000002A'"), [str(UUID(int=42))], ["42", "me"]),
        (("char(36)", f"'{UUID(int=42)}'"), [str(UUID(int=42))], [str(UUID(int=42)).replace("-", "")]),
        (("binary(16)", "X'0000000000000000000000000000002A'"), [str(UUID(int=42))], ["42", "me"]),
        (("enum('glad')", "'glad'"), ["glad"], ["angry", "Glad"]),
        (("inet6", "'::1'"), ["::1"], ["::2", "x"]),
        (("bit(1)", "1"), [], ["1", "true"]),
        (("datetime", "'2026-01-01'"), [], ["2026-01-01", "now"]),
    ],
)
def test_identifiers_take_the_columns_type(source, host, column, theirs, nobodys):
    """Whatever the column's type, an identifier finds what is spelled just so, cut and padded by nobody."""
    host.run(f"CREATE TABLE t (id int, who {column[0]})", f"INSERT INTO t VALUES (1, {column[1]})")

    assert [[1]] * len(theirs) == [found(source, ask(dataset(), name))[0] for name in theirs]
    assert [[]] * len(nobodys) == [found(source, ask(dataset(), name))[0] for name in nobodys]


# --- names and values


def test_any_names(host):
    """Tables, columns and indexes may be called anything, also what SQL or the driver has a meaning for."""
    host.run(
        "CREATE TABLE `Select: 100%` (`Order` int, `a ``b` varchar(9), `group` varchar(9), `%(x)s` text,"
        " KEY `50% index` (`a ``b`, `Order`), KEY `sel``ect` (`group`, `Order`))",
        "INSERT INTO `Select: 100%` VALUES (1, 'me', NULL, 'x'), (2, NULL, 'me', 'y')",
    )
    strange = dataset(
        table="Select: 100%",
        key=("Order",),
        subject=("a `b", "group"),
        fields=[Field(name="n", column="Order", type="integer"), Field(name="x", column="%(x)s", type="text")],
    )
    with SqlAlchemySource(host.url, schema=host.name) as source, source.snapshot() as snapshot:
        snapshot.check(strange)
        rows = snapshot.page(ask(strange), None, 5)
        counted = snapshot.count(ask(strange), (1,), (2,))
    host.run("DROP TABLE `Select: 100%`")

    assert [(1, "x", "me", None), (2, "y", None, "me")] == list(rows)
    assert 1 == counted


def test_tables_are_found_by_their_own_names(source, host):
    """Without a schema the tables are those of the URL's database, views among them; case is not folded."""
    host.run(
        "CREATE TABLE t (id int, who varchar(9))",
        "INSERT INTO t VALUES (1, 'me')",
        "CREATE VIEW v AS SELECT * FROM t",
    )

    assert [1] == found(source, ask(dataset(table="v")))[0]
    with pytest.raises(SourceMismatch, match="no table 'T'; there are: t, v"):
        source.check(Catalog([dataset(table="T")]))


def test_values_are_exact(source, host):
    """Money is exact, JSON its own text, emoji whole; TIMESTAMP has a zone and DATETIME has none."""
    host.run(
        "CREATE TABLE t (id bigint unsigned, who char(8), amount decimal(65,30), j json, u uuid, b binary(16),"
        " at timestamp(6) NULL, local datetime(6), d date, yes tinyint(1), bit bit(1), memo text)",
        "SET time_zone = '+02:00'",
        "INSERT INTO t VALUES (18446744073709551615, 'me',"
        " 12345678901234567890123456789012345.000000000000000000000000000001,"
        """ '{"n": 1.000000000000000000001,  "n": 2}', '00000000-0000-0000-0000-00000000002a',"""
        " X'0000000000000000000000000000002A', '2026-06-01 14:00:00.000001', '2026-06-01 12:00:00.000001',"
        " '2026-06-01', true, 1, '\N{GRINNING FACE} \\' \\\\ \\0')",
        "SET time_zone = DEFAULT",
    )
    types = {
        "amount": "decimal", "j": "json", "u": "uuid", "b": "uuid", "at": "timestamp", "local": "timestamp",
        "d": "date", "yes": "boolean", "bit": "boolean", "memo": "text",
    }  # fmt: skip
    ((*values, number, who),) = read(
        source, ask(dataset(fields=[Field(name=n, type=t) for n, t in types.items()])), 1
    )

    amount, j, u, b, at, local, day, yes, bit, memo = values
    assert (Decimal("12345678901234567890123456789012345.000000000000000000000000000001"), "me") == (amount, who)
    assert ('{"n": 1.000000000000000000001,  "n": 2}', str(UUID(int=42)), UUID(int=42).bytes) == (j, u, b)
    assert (NOON.replace(microsecond=1), timedelta()) == (at, at.utcoffset())
    assert (NOON.replace(microsecond=1, tzinfo=None), date(2026, 6, 1)) == (local, day)
    assert (1, 1, "\N{GRINNING FACE} ' \\ \0", 2**64 - 1) == (yes, bit, memo, number)


@pytest.mark.parametrize("column", ["d date", "d datetime", "d timestamp NULL"])
@pytest.mark.parametrize("value", ["0000-00-00", "2026-00-10"])
def test_days_that_no_calendar_has_are_refused(source, host, column, value):
    """A zero date, which MariaDB keeps, is refused by the field's name and without the value."""
    if column.startswith("d timestamp") and value != "0000-00-00":
        pytest.skip("TIMESTAMP keeps real instants, and zero")
    host.run(
        f"CREATE TABLE t (id int, who varchar(9), {column})", "SET sql_mode = ''",
        f"INSERT INTO t VALUES (1, 'me', '{value}')", "SET sql_mode = DEFAULT",
    )  # fmt: skip
    kind = "date" if column == "d date" else "timestamp"
    dated = dataset(fields=[Field(name="id", type="integer"), Field(name="d", type=kind)])

    with pytest.raises(UnwritableValue, match="field 'd' holds a zero date, or another day") as caught:
        found(source, ask(dated))
    assert caught.value.__context__ is None
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("type", "key"),
    [
        ("varchar(9)", "'b'"),
        ("char(9)", "'b'"),
        ("uuid", "'00000000-0000-0000-0000-00000000002a'"),
        ("binary(16)", "'b'"),
        ("int", "7"),
        ("decimal(9,2)", "7.10"),
        ("timestamp(6) NULL", "'2026-06-01'"),
        ("datetime(3)", "'2026-06-01 00:00:00.5'"),
        ("date", "'2026-06-01'"),
        ("bit(8)", "1"),
        ("double", "0.1"),
    ],
)
def test_keys_of_any_type_page(source, host, type, key):
    """A key of any type, as it was read, is the place to go on from."""
    host.run(
        f"CREATE TABLE t (k {type}, id int, who varchar(9), KEY (who, k, id))",
        f"INSERT INTO t SELECT {key}, seq, 'me' FROM seq_1_to_5",
    )

    assert ([1, 2, 3, 4, 5], (2, 3)) == read_around_a_key(source, ("k", "id"))


# --- instants

MICROSECONDS = ["2026-06-01 11:59:59.999999", "2026-06-01 12:00", "2026-06-01 12:00:00.000001"]
FORMS = {
    "timestamp": ("timestamp(6) NULL", MICROSECONDS),
    "datetime": ("datetime(6)", MICROSECONDS),
    "date": ("date", ["2026-05-31", "2026-06-01", "2026-06-02"]),
    "bigint": ("bigint unsigned", ["1780315199", "1780315200", "1780315201"]),
    "decimal": ("decimal(20,6)", ["1780315199.999999", "1780315200", "1780315200.000001"]),
    "double": ("double", ["1780315199.999999", "1780315200", "1780315200.000001"]),
    "text": (
        "varchar(40)",
        ["2026-06-01T11:59:59.999999+00:00", "2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00.01+00:00"],
    ),
    "char": ("char(40)", ["2026-06-01 11:59:59", "2026-06-01 12:00:00", "2026-06-01 12:00:01"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_instants_of_any_type(source, host, name):
    """As-of and window hold in whatever type the column is."""
    declared, values = FORMS[name]
    rows = ", ".join(f"({n}, 'me', '{value}')" for n, value in enumerate(values))
    host.run(f"CREATE TABLE t (id int PRIMARY KEY, who varchar(9), at {declared})", f"INSERT INTO t VALUES {rows}")
    source.check(Catalog([TIMED]))
    assert AROUND_NOON == read_around_noon(source, days=name == "date")


@pytest.mark.parametrize("other", ["2026-06-01T00:00:00.5Z", "2026-06-01t00:00:00z", "2026-06-01T00:00:00Z\n"])
def test_mixed_texts_are_refused(source, host, other):
    """Texts whose order might not be that of time are refused, also where a collation takes them for one form."""
    host.run(
        "CREATE TABLE t (id int, who varchar(9), at varchar(40))",
        f"INSERT INTO t VALUES (1, 'me', '2026-06-01T00:00:00Z'), (2, 'me', '{other}')",
    )

    with pytest.raises(KeyForm, match="'at'"):
        found(source, ask(dataset(as_of="at")))


@pytest.mark.parametrize(
    ("declared", "problem"),
    [("datetime", "`timezone` under"), ("bigint", "a unit"), ("bit(1)", "holds no times")],
)
def test_times_that_cannot_be_compared(host, declared, problem):
    """What is missing to compare a column's times is said by the check and by the read."""
    host.run(f"CREATE TABLE t (id int, who varchar(9), at {declared})", "INSERT INTO t VALUES (1, 'me', NULL)")
    with SqlAlchemySource(host.url) as source:
        with pytest.raises(SourceMismatch, match=problem):
            source.check(Catalog([dataset(as_of="at")]))
        with pytest.raises(SourceMismatch, match=problem):
            found(source, ask(dataset(as_of="at")))


# --- plans


@pytest.fixture(scope="module")
def large(mariadb_url):
    """40,000 payouts, half of them of one person, and 40,000 events, with the documented indexes."""
    host = Host(mariadb_url, "utf8mb4_unicode_ci")
    host.run(
        "CREATE TABLE payout (id binary(16) PRIMARY KEY, payer varchar(40), payee varchar(40), at datetime(6),"
        " memo text, doc json, KEY (payer, at, id), KEY (payee, at, id))",
        "INSERT INTO payout SELECT unhex(md5(seq)), elt(seq % 4 + 1, 'me', 'ME', 'you'),"
        " elt(seq % 4 + 1, 'me', concat('u', seq % 50)), '2026-06-01 12:00' - interval (seq div 3) second,"
        " repeat('memo ', 20), '{}' FROM seq_1_to_40000",
        "CREATE TABLE stream (id int PRIMARY KEY, payer varchar(40), recipient varchar(40),"
        " KEY (payer), KEY (recipient))",
        "INSERT INTO stream SELECT seq, if(seq < 5, 'me', concat('p', seq)), if(seq % 10, concat('q', seq), 'many')"
        " FROM seq_1_to_4000",
        "CREATE TABLE event (id bigint PRIMARY KEY, stream_id int, memo text, KEY (stream_id, id))",
        "INSERT INTO event SELECT seq, seq % 4000 + 1, 'memo' FROM seq_1_to_40000",
        "ANALYZE TABLE payout, stream, event",
    )  # fmt: skip
    with SqlAlchemySource(host.url, timezone="UTC") as source:
        yield source
    host.close()


@pytest.fixture
def plans(monkeypatch):
    """The plans of the statements that ran on our tables: the method, and (table, type, length of key, extra)."""
    seen = []
    for method in ("rows", "forward"):
        run = getattr(Mariadb, method)

        def explained(self, connection, statement, parameters, *, run=run, method=method):
            if " AS r" in statement and not statement.startswith("EXPLAIN"):
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN {statement}", parameters)
                    seen.append((method, [(row[2], row[3], row[6], row[9]) for row in cursor.fetchall()]))
            return run(self, connection, statement, parameters)

        monkeypatch.setattr(Mariadb, method, explained)
    return seen


@pytest.mark.parametrize("names", [("me",), ("me", "ME", "you", "u1")])
@pytest.mark.parametrize("window", [Window(), Window(start=NOON - timedelta(hours=2), end=NOON)])
def test_pages_go_on_from_the_cursor(plans, large, names, window):
    """Whatever the page and the subject's share, each leg enters its index at the cursor, and sorts nothing."""
    query = ask(PAYOUT, *names, window=window)

    with large.snapshot() as snapshot:
        rows = snapshot.page(query, None, 50)
        last = rows[-1]
        snapshot.page(query, (last[3], last[0]), 50)

    first, second = ([step for step in plan if step[0] == "r"] for _, plan in plans[-2:])
    assert 2 * len(names) == len(first) == len(second)
    assert {"ref", "range"} >= {step[1] for step in first}
    assert {"range"} == {step[1] for step in second}
    assert not [step for step in first + second if "filesort" in step[3]]
    # Subject, instant and id: 163 bytes of text and NULL, 9 of the instant, 16 of the id.
    assert {"188"} == {step[2] for step in second}


def test_counts_are_read_from_indexes(plans, large):
    """Census and count look at the subject's rows alone."""
    query = ask(PAYOUT, "u1")

    with large.snapshot() as snapshot:
        census = snapshot.census(query)
        snapshot.count(query, (datetime.fromisoformat("2026-06-01T11:00"), b""), None)

    assert 400 == census.included
    assert 2 == len(plans)
    assert {"ref", "range"} >= {step[1] for _, plan in plans for step in plan if step[0] == "r"}


def test_events_of_few_streams_are_merged(plans, large):
    """With few owner rows, each one's events are read from the index on (via, key)."""
    query = ask(EVENT, "me")

    with large.snapshot() as snapshot:
        rows = snapshot.page(query, None, 15)
        more = snapshot.page(query, (rows[-1][0],), 1000)

    assert 40 == len(rows) + len(more)
    assert sorted(rows) + sorted(more) == [*rows, *more]
    assert {"ref", "range"} >= {step[1] for _, plan in plans for step in plan if step[0] == "r"}


def test_events_of_many_streams_are_sorted_in_portions(plans, large, monkeypatch):
    """With many, they are sorted and held some thousands at a time, however many the pages."""
    monkeypatch.setattr(Mariadb, "most_forward", 1200)

    rows = read(large, ask(EVENT, "many"), 500)

    assert 4000 == len(rows)
    assert rows == sorted(rows)
    assert 2 == len([method for method, _ in plans if method == "forward"]) // 2


def test_a_missing_index_is_noticed(plans, source, host):
    """Where no index has the order, rows are sorted once and not for every page."""
    host.run(
        "CREATE TABLE t (id int, who varchar(9), KEY (who))", "INSERT INTO t SELECT seq, 'me' FROM seq_1_to_50"
    )

    assert list(range(1, 51)) == [row[0] for row in read(source, ask(dataset()), 20)]
    assert ["forward"] == [method for method, _ in plans]


# --- what is declared


def test_facts(source, host):
    """Types, NULLs and indexes as declared; JSON by its check; a view's indexes are unknown."""
    host.run(
        "CREATE TABLE t (id int PRIMARY KEY, who varchar(9) NOT NULL, j json, b binary(16), flag bool,"
        " amount decimal(9,2), rate float, at timestamp, local datetime,"
        " UNIQUE (who, at), KEY (at DESC, local), KEY (who(3), local))",
        "CREATE VIEW v AS SELECT * FROM t",
    )  # fmt: skip
    facts, view = source.table_facts("t"), source.table_facts("v")

    assert ["int(11)", "varchar(9)"] == [each.declared for each in facts.columns][:2]
    assert [False, False, True] == [each.nullable for each in facts.columns][:3]
    assert [
        Stored.INTEGER, Stored.TEXT, Stored.JSON, Stored.UUID, Stored.INTEGER, Stored.DECIMAL, Stored.FLOAT,
        Stored.AWARE_TIMESTAMP, Stored.NAIVE_TIMESTAMP,
    ] == [each.stored for each in facts.columns]  # fmt: skip
    assert {
        IndexFacts(ordered=("id",), unique=("id",)),
        IndexFacts(ordered=("who", "at", "id"), unique=("who", "at")),
        IndexFacts(ordered=("at", "local", "id")),
        IndexFacts(),
    } == set(facts.indexes)
    assert (None, {None}) == (view.indexes, {each.nullable for each in view.columns})
    assert source.table_facts("w") is None
    assert {"t", "v"} <= set(source.table_names())


# --- the host


def test_hosts_connection_is_given_back_as_it_was(host):
    """What a snapshot sets is undone after it, and an engine handed in stays open."""
    engine = create_engine(
        host.url, pool_size=1, max_overflow=0, pool_timeout=0.05,
        connect_args={"init_command": "SET time_zone = '+05:00', sql_mode = 'ANSI', max_statement_time = 7"},
    )  # fmt: skip
    host.run("CREATE TABLE t (id int, who varchar(9))", "INSERT INTO t VALUES (1, 'me')")

    def settings():
        with engine.connect() as connection:
            names = (
                "time_zone",
                "sql_mode",
                "max_statement_time",
                "lock_wait_timeout",
                "tx_isolation",
                "tx_read_only",
            )
            shown = connection.exec_driver_sql("SELECT " + ", ".join(f"@@{name}" for name in names)).one()
            return tuple(shown), dict(connection.connection.driver_connection.decoders)

    before = settings()
    source = SqlAlchemySource(engine)
    with source.snapshot() as snapshot:
        assert [(1, "me")] == list(snapshot.page(ask(dataset()), None, 5))
        with pytest.raises(SourceUnavailable, match="connections are busy"):
            source.now()
    assert timedelta() == source.now().utcoffset()
    source.close()

    assert before == settings()
    engine.dispose()


@pytest.mark.parametrize(
    "statement", ["INSERT INTO t VALUES (1, 'me')", "DROP TABLE t", "CREATE TABLE u (id int)", "TRUNCATE t"]
)
def test_snapshot_cannot_write(source, host, statement):
    """Inside a snapshot the database refuses to be changed, also by what would end a transaction."""
    host.run("CREATE TABLE t (id int, who varchar(9))")

    with source.snapshot() as snapshot, pytest.raises(pymysql.OperationalError, match="READ ONLY"):
        snapshot.connection.cursor().execute(statement)


def test_two_sorted_readings_at_once(source, host):
    """Two queries may both be sorted in one snapshot, page by page in turns."""
    host.run(
        "CREATE TABLE t (id int, who varchar(9))", "INSERT INTO t SELECT seq, concat('w', seq % 2) FROM seq_1_to_20"
    )

    assert [[2, 4, 6, 1, 3, 5], [8, 10, 12, 7, 9, 11]] == read_in_turns(source)


def test_engine_inside_a_transaction(host):
    """A connection that is inside a transaction of the application is not touched."""
    engine = create_engine(host.url, poolclass=StaticPool)
    host.run("CREATE TABLE t (id int)")
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        with pytest.raises(SourceUnavailable, match="in a transaction"), SqlAlchemySource(engine).snapshot():
            pass
        connection.rollback()
    engine.dispose()


def test_a_small_character_set_is_refused(host):
    """Connections that would lose characters are refused."""
    with (
        SqlAlchemySource(f"{host.url}?charset=latin1") as source,
        pytest.raises(SourceUnavailable, match="utf8mb4"),
        source.snapshot(),
    ):
        pass


# --- failures


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda url: url.set(port=free_ports(1)[0]), "does not listen"),
        (lambda url: url.set(host="no-such-host.invalid"), "host name is unknown"),
        (lambda url: url.set(database="canary_database"), "no such database"),
        (lambda url: url.set(username="canary_user"), "refused the credentials"),
    ],
    ids=["refused", "unknown-host", "no-database", "no-user"],
)
def test_database_that_is_not_there(host, change, problem):
    """A database that does not answer is unavailable; user, password and database are not repeated."""
    url = change(make_url(host.url))
    if url.username != "root":
        url = url.set(password="canary_password")

    with (
        SqlAlchemySource(url.render_as_string(hide_password=False)) as source,
        pytest.raises(SourceUnavailable, match=problem) as caught,
        source.snapshot(),
    ):
        pass

    assert "canary" not in str(caught.value) + repr(caught.value) + repr(source)
    assert caught.value.retry
    assert caught.value.__context__ is None


def test_server_that_says_nothing():
    """A host that takes the connection and is silent is given up on."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with (
            SqlAlchemySource(f"mariadb://me@127.0.0.1:{port}/x?connect_timeout=1") as source,
            pytest.raises(SourceUnavailable, match="MariaDB"),
        ):
            source.now()


def test_connection_cut_in_a_snapshot(source, host, caplog):
    """A session that the server ends makes the source unavailable, quietly, and the next snapshot works."""
    host.run("CREATE TABLE t (id int, who varchar(9))", "INSERT INTO t VALUES (1, 'me')")

    with source.snapshot() as snapshot:
        host.run(f"KILL {snapshot.connection.thread_id()}")
        with pytest.raises(SourceUnavailable, match="failed or broke off"):
            snapshot.page(ask(dataset()), None, 5)

    assert [] == caplog.records
    assert [1] == found(source, ask(dataset()))[0]


def test_locked_table(source, host, monkeypatch):
    """A table that is being altered is waited for, and then it is said so."""
    monkeypatch.setattr(sqlalchemy_mariadb, "LOCK_TIMEOUT", 1)
    host.run("CREATE TABLE t (id int, who varchar(9))", "LOCK TABLES t WRITE")
    try:
        with pytest.raises(SourceUnavailable, match="locked for more than 1 s"):
            found(source, ask(dataset()))
    finally:
        host.run("UNLOCK TABLES")


def test_slow_query(source, host, monkeypatch):
    """A query that takes too long is ended."""
    monkeypatch.setattr(sqlalchemy_mariadb, "STATEMENT_TIMEOUT", 0.1)
    host.run("CREATE VIEW t AS SELECT sleep(5) AS id, 'me' AS who")

    with pytest.raises(SourceUnavailable, match=r"took more than 0\.1 s"):
        found(source, ask(dataset()))


def test_any_other_answer(source, host):
    """Other answers are named by their number, without the server's words."""
    host.run("CREATE VIEW t AS SELECT (SELECT seq FROM seq_1_to_2) AS id, 'me' AS who")

    with pytest.raises(SourceUnavailable, match=r"answered 1242 \(OperationalError\)"):
        found(source, ask(dataset()))


def test_missing_grant(host):
    """A table of which the user may not read all columns is named, and what to do."""
    user = f"reader_{secrets.token_hex(4)}"
    host.run(
        "CREATE TABLE t (id int, who varchar(9))", f"CREATE USER {user}@'%'",
        f"GRANT UPDATE ON {host.name}.t TO {user}@'%'",
    )  # fmt: skip
    url = make_url(host.url).set(username=user).render_as_string()
    with (
        SqlAlchemySource(url) as reader,
        pytest.raises(SourceMismatch, match="may not read 't'; grant SELECT"),
    ):
        found(reader, ask(dataset()))
    host.run(f"DROP USER {user}@'%'")


def test_missing_driver(monkeypatch):
    """Without PyMySQL the extra to install is named."""
    monkeypatch.setitem(sys.modules, "pymysql", None)

    with pytest.raises(MissingExtra, match=r"streampay-export\[mariadb\]"):
        SqlAlchemySource("mariadb://127.0.0.1/test")


@pytest.mark.parametrize("scheme", ["mariadb", "mysql", "mariadb+pymysql", "mysql+pymysql"])
def test_all_schemes_mean_pymysql(host, scheme):
    """However MariaDB is written, it is read through PyMySQL."""
    _, rest = host.url.split("://", 1)

    with SqlAlchemySource(f"{scheme}://{rest}") as source:
        assert UTC == source.now().tzinfo
