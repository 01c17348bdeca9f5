"""What SQLite and PostgreSQL declare, held against what they enforce and how they plan."""

import contextlib
import itertools
import secrets
import sqlite3

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import StaticPool

from streampay_export._core.table_facts import IndexFacts, Stored
from streampay_export.errors import SourceUnavailable
from streampay_export.ports.inspection import SchemaInspector
from streampay_export.sources.sqlalchemy import SqlAlchemySource

PAGE = "SELECT 1 FROM t WHERE who = 'me' ORDER BY at, id LIMIT 10"
WANTED = ("who", "at", "id")


@pytest.fixture
def sqlite():
    """A database in memory, and a source that reads it."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with contextlib.closing(engine.raw_connection()) as lent:
        database = lent.driver_connection
        database.isolation_level = None
        yield database, SqlAlchemySource(engine)
    engine.dispose()


@pytest.fixture
def postgresql(postgres_url):
    """A schema of its own in PostgreSQL, and a source that reads it."""
    schema = f"Drift {secrets.token_hex(4)}"
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        psycopg.connect(plain, autocommit=True) as database,
        SqlAlchemySource(postgres_url, schema=schema) as source,
    ):
        database.execute(f'CREATE SCHEMA "{schema}"')
        database.execute("SELECT set_config('search_path', %s, false)", [f'"{schema}"'])
        yield database, source
        database.execute(f'DROP SCHEMA "{schema}" CASCADE')


def stored(source, table="t"):
    """What each column of a table stores."""
    return {each.name: each.stored.name for each in source.table_facts(table).columns}


def serves(source):
    """Whether the facts say that pages are read in order from an index."""
    return any(index.ordered[:3] == WANTED for index in source.table_facts("t").indexes)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_table_names(request, database):
    """Views are among the tables that there are."""
    database, source = request.getfixturevalue(database)
    database.execute("CREATE TABLE t (id INTEGER)")
    database.execute("CREATE VIEW v AS SELECT id FROM t")
    assert ["t", "v"] == sorted(source.table_names())


def test_port(sqlite):
    """The SQL source is an inspector."""
    assert isinstance(sqlite[1], SchemaInspector)
    assert sqlite[1].table_facts("no such table") is None


# --- SQLite


def test_sqlite_types(sqlite):
    """Declared names tell what applications store; whatever is called decimal is stored as a float."""
    database, source = sqlite
    database.execute(
        """CREATE TABLE t (a INTEGER, b bigint, c TEXT, d varchar(10), e REAL, f "DOUBLE PRECISION",
        g NUMERIC(20, 9), h DECIMAL, i MONEY, j BOOLEAN, k DATETIME, l TIMESTAMP, m DATE, n JSON,
        o UUID, p BLOB, q, r ANYTHING, s TEXT AS (c || d))"""
    )
    texts, floats = dict.fromkeys("cds", "TEXT"), dict.fromkeys("efghi", "FLOAT")
    times = {"k": "NAIVE_TIMESTAMP", "l": "NAIVE_TIMESTAMP", "m": "DATE"}
    others = {"a": "INTEGER", "b": "INTEGER", "j": "BOOLEAN", "n": "JSON", "o": "UUID", "p": "BYTES"}
    unknown = dict.fromkeys("qr", "UNKNOWN")
    assert texts | floats | times | others | unknown == stored(source)
    assert "NUMERIC(20, 9)" == source.table_facts("t").column("g").declared
    database.execute("INSERT INTO t (g, h, i) VALUES ('0.10', '0.10', '0.10')")
    assert (0.1, 0.1, 0.1) == database.execute("SELECT g, h, i FROM t").fetchone()


KEYED = [
    "id INTEGER PRIMARY KEY",
    "id integer, PRIMARY KEY (id)",
    "id INTEGER PRIMARY KEY DESC",
    "id INT PRIMARY KEY",
    "id TEXT PRIMARY KEY",
    "id TEXT PRIMARY KEY NOT NULL",
    "id INTEGER, x INTEGER DEFAULT 1, PRIMARY KEY (id, x)",
]
KEYLESS = ["id INTEGER PRIMARY KEY AUTOINCREMENT", "id INTEGER NOT NULL", "id TEXT UNIQUE"]


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        *itertools.product(KEYED, ("", "WITHOUT ROWID", "STRICT", "STRICT, WITHOUT ROWID")),
        *itertools.product(KEYLESS, ("", "STRICT")),
    ],
)
def test_sqlite_null_keys(sqlite, declared, kind):
    """A column is said to be nullable exactly where SQLite takes a NULL: in most of its primary keys too."""
    database, source = sqlite
    database.execute(f"CREATE TABLE t ({declared}) {kind}")
    try:
        database.execute("INSERT INTO t (id) VALUES (NULL)")
        taken = database.execute("SELECT count(*) FROM t WHERE id IS NULL").fetchone() == (1,)
    except sqlite3.IntegrityError:
        taken = False
    assert taken == source.table_facts("t").column("id").nullable


@pytest.mark.parametrize(
    ("columns", "index"),
    [
        ("id INTEGER, at TEXT, who TEXT", "(who, at, id)"),
        ("id INTEGER, at TEXT, who TEXT", "(who, at)"),
        ("id INTEGER, at TEXT, who TEXT", "(who, id, at)"),
        ("id INTEGER, at TEXT, who TEXT", "(who DESC, at, id)"),
        ("id INTEGER, at TEXT, who TEXT", "(who, at DESC, id DESC)"),
        ("id INTEGER, at TEXT, who TEXT", "(who, at DESC, id)"),
        ("id INTEGER, at TEXT, who TEXT", "(who, at, id) WHERE at > 'x'"),
        ("id INTEGER, at TEXT, who TEXT", "(lower(who), at, id)"),
        ("id INTEGER, at TEXT, who TEXT", "(who COLLATE NOCASE, at, id)"),
        ("id INTEGER, at TEXT, who TEXT COLLATE NOCASE", "(who, at, id)"),
        ("id INTEGER PRIMARY KEY, at TEXT, who TEXT", "(who, at)"),
        ("id INTEGER PRIMARY KEY, at TEXT, who TEXT", "(who, at DESC)"),
        ("id INTEGER PRIMARY KEY DESC, at TEXT, who TEXT", "(who, at)"),
        ("id TEXT PRIMARY KEY, at TEXT, who TEXT", "(who, at)"),
        ("id TEXT PRIMARY KEY, at TEXT, who TEXT) WITHOUT ROWID --", "(who, at)"),
    ],
)
def test_sqlite_plans(sqlite, columns, index):
    """An index is said to serve pages exactly where SQLite's plan sorts nothing."""
    database, source = sqlite
    database.execute(f"CREATE TABLE t ({columns}\n)".replace("--\n)", ""))
    database.execute(f"CREATE INDEX i ON t {index}")
    plan = [step[3] for step in database.execute(f"EXPLAIN QUERY PLAN {PAGE}")]
    assert (not any("TEMP B-TREE" in step for step in plan)) == serves(source)


def test_sqlite_unique(sqlite):
    """Primary keys, constraints and indexes make unique; expressions and conditions do not."""
    database, source = sqlite
    database.executescript(
        """CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c, d, UNIQUE (c, d));
        CREATE UNIQUE INDEX i ON t (d); CREATE UNIQUE INDEX e ON t (c, lower(d)); CREATE INDEX n ON t (c);
        CREATE UNIQUE INDEX p ON t (c) WHERE d"""
    )
    found = {index.unique for index in source.table_facts("t").indexes}
    assert {("a",), ("b",), ("c", "d"), ("d",), ()} == found
    assert source.table_facts("T") == source.table_facts("t"), "SQLite's names have no case"


def test_sqlite_views(sqlite):
    """Of a view there are columns and types; neither NULLs nor indexes can be told."""
    database, source = sqlite
    database.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id, 1 AS x FROM t")
    facts = source.table_facts("v")
    assert [("id", Stored.INTEGER, None), ("x", Stored.UNKNOWN, None)] == [
        (each.name, each.stored, each.nullable) for each in facts.columns
    ]
    assert facts.indexes is None


def test_sqlite_schema(sqlite):
    """Facts are of the schema asked for, whatever its name."""
    database, _ = sqlite
    database.executescript("""ATTACH ':memory:' AS "o""ther"; CREATE TABLE "o""ther".t (x TEXT PRIMARY KEY)""")
    engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
    facts = SqlAlchemySource(engine, schema='o"ther').table_facts("t")
    assert (IndexFacts(ordered=("x",), unique=("x",)),) == facts.indexes
    assert SqlAlchemySource(engine).table_facts("t") is None


def test_sqlite_reads_no_row(sqlite):
    """Declarations alone are read."""
    database, source = sqlite
    database.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX i ON t (x)")
    said = []
    database.set_trace_callback(said.append)
    source.table_facts("t")
    database.set_trace_callback(None)
    assert [] == [sql for sql in said if "FROM t" in sql or 'FROM "t"' in sql]
    assert said


def test_broken_off(tmp_path):
    """A driver's failure is ours, without its words."""
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with (
        SqlAlchemySource(f"sqlite:///{tmp_path}/x.db") as source,
        pytest.raises(SourceUnavailable, match="not an SQLite database"),
    ):
        source.table_facts("t")


# --- PostgreSQL


@pytest.mark.server
def test_postgresql_types(postgresql):
    """The server's types are what they are; a domain is what it is made of."""
    database, source = postgresql
    database.execute(
        """CREATE DOMAIN amount AS numeric(20, 9) NOT NULL; CREATE TYPE mood AS ENUM ('a');
        CREATE TABLE t (a int, b bigint, c text, d varchar(10), e char(3), f real, g double precision,
        h numeric(20,9), i boolean, j timestamptz, k timestamp, l date, m json, n jsonb, o uuid,
        p bytea, q amount, r mood, s text[], t text GENERATED ALWAYS AS (c || d) STORED)"""
    )
    names = {"h": "DECIMAL", "q": "DECIMAL", "i": "BOOLEAN", "j": "AWARE_TIMESTAMP", "k": "NAIVE_TIMESTAMP"}
    names |= {"l": "DATE", "o": "UUID", "p": "BYTES"} | dict.fromkeys("ab", "INTEGER")
    names |= dict.fromkeys("cdet", "TEXT") | dict.fromkeys("fg", "FLOAT") | dict.fromkeys("mn", "JSON")
    assert names | dict.fromkeys("rs", "OTHER") == stored(source)
    facts = source.table_facts("t")
    assert "numeric(20,9)" == facts.column("h").declared
    assert (True, False) == (facts.column("h").nullable, facts.column("q").nullable)


@pytest.mark.server
@pytest.mark.parametrize(
    "index",
    [
        "(who, at, id)",
        "(who, at, id, x)",
        "(who, at) INCLUDE (id)",
        "(who, id, at)",
        "(who DESC, at, id)",
        "(who, at DESC, id DESC)",
        "(who, at DESC, id)",
        "(who, at NULLS FIRST, id)",
        "(who, at, id) WHERE x > 3",
        "(lower(who), at, id)",
        '(who COLLATE "POSIX", at, id)',
        "(who, at, id text_pattern_ops)",
        "USING hash (who)",
    ],
)
def test_postgresql_plans(postgresql, index):
    """An index is said to serve pages exactly where PostgreSQL can plan them without a sort."""
    database, source = postgresql
    database.execute("CREATE TABLE t (id text, at timestamptz, who text, x int)")
    database.execute(f"CREATE INDEX i ON t {index}")
    database.execute("SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off")
    plan = [line for (line,) in database.execute(f"EXPLAIN {PAGE}")]
    assert (not any("Sort" in line for line in plan)) == serves(source)


@pytest.mark.server
def test_postgresql_unique(postgresql):
    """Keys, constraints and whole indexes make unique; not those that are partial, invalid or of expressions."""
    database, source = postgresql
    database.execute(
        """CREATE TABLE t (a int PRIMARY KEY, b text, c int, d int, e int, UNIQUE (c, d));
        CREATE UNIQUE INDEX ON t (d) INCLUDE (e); CREATE UNIQUE INDEX ON t (c, lower(b)); CREATE INDEX ON t (c);
        CREATE UNIQUE INDEX ON t (c) WHERE d > 1; INSERT INTO t VALUES (1, '', 1, 1, 1), (2, 'x', 2, 2, 1)"""
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute("CREATE UNIQUE INDEX CONCURRENTLY left_invalid ON t (e)")
    found = {index.unique for index in source.table_facts("t").indexes}
    assert {("a",), ("c", "d"), ("d",), ()} == found


@pytest.mark.server
def test_postgresql_kinds_of_tables(postgresql):
    """Views tell nothing, materialised ones their indexes, partitioned tables all; other schemas are not seen."""
    database, source = postgresql
    database.execute(
        """CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE VIEW v AS TABLE t;
        CREATE MATERIALIZED VIEW m AS TABLE t; CREATE UNIQUE INDEX ON m (id)"""
    )
    told = {name: source.table_facts(name) for name in "tvm"}
    unique = (IndexFacts(ordered=("id",), unique=("id",)),)
    assert {"t": unique, "v": None, "m": unique} == {name: facts.indexes for name, facts in told.items()}
    assert {"t": False, "v": None, "m": None} == {name: facts.columns[0].nullable for name, facts in told.items()}
    assert source.table_facts("pg_class") is None


@pytest.mark.server
def test_postgresql_schema_and_methods(postgresql, postgres_url):
    """Facts are of one schema's table, and of indexes that are in order."""
    database, source = postgresql
    database.execute("CREATE TABLE t (x int NOT NULL); CREATE INDEX ON t USING hash (x)")
    database.execute("DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (x int PRIMARY KEY, y int)")
    with SqlAlchemySource(postgres_url) as visible:
        assert (["x", "y"], 1) == (list(stored(visible)), len(visible.table_facts("t").indexes))
    assert (["x"], 0) == (list(stored(source)), len(source.table_facts("t").indexes))
    database.execute("DROP TABLE public.t")
