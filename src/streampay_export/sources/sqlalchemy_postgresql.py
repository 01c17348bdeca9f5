"""
PostgreSQL as a source, through psycopg 3. Importing this module needs the extra `postgres`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import count
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Literal
from sqlalchemy import ColumnElement, Dialect, Text, cast, collate
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from .._core.selection import Row
from .._core.table_facts import TableFacts
from ..errors import BackendError, SourceUnavailable
from .sqlalchemy_database import MOST_LEGS, Cursor, Kind, Run, SqlColumn, by_rows, canonical_integer
from .sqlalchemy_declared_types import declared_form, uuids
from .sqlalchemy_postgresql_facts import postgresql_facts
from .timestamp_forms import InstantForm, TextForm

# Longer than any page or count takes while the documented indexes exist; a hung query must not hold a worker.
STATEMENT_TIMEOUT = "300s"
# Reads wait for nobody but a change of the table itself (ALTER TABLE); the export can come back later.
LOCK_TIMEOUT = "10s"

_KINDS = {
    "int2": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.INTEGER,
    "numeric": Kind.NUMBER,
    "float4": Kind.FLOAT,
    "float8": Kind.FLOAT,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "citext": Kind.TEXT,
    "name": Kind.TEXT,
    "bpchar": Kind.PADDED_TEXT,
    "uuid": Kind.UUID,
    "timestamptz": Kind.AWARE_TIMESTAMP,
    "timestamp": Kind.NAIVE_TIMESTAMP,
    "date": Kind.DATE,
    "bool": Kind.BOOLEAN,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
}
_BITS = {"int2": 16, "int4": 32}
# Two cursors of one connection need two names.
_CURSOR_NUMBER = count()
_SORT = re.compile(r"[ >-]*Sort  ")
# A domain is what it is made of.
_COLUMNS = """
    SELECT a.attname::text, coalesce(base.typname, own.typname)::text,
           NOT (a.attnotnull OR own.typnotnull), pg_catalog.format_type(a.atttypid, a.atttypmod)
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type own ON own.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type base ON own.typtype = 'd' AND base.oid = own.typbasetype
    WHERE c.relname = %(table)s AND c.relkind = ANY('{r,p,v,m,f}')
      AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
               ELSE n.nspname = %(schema)s END
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
_TABLES = """
    SELECT c.relname::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = ANY('{r,p,v,m,f}')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
               ELSE n.nspname = %(schema)s END
    ORDER BY c.relname
"""


class Postgresql:
    """
    A database whose types can be trusted. Parameters carry no type of their own: the server gives each
    the type of the column it is compared with, so that nothing is cut (`varchar(10)`) or padded (`char(56)`).
    """

    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    dialect: Dialect = psycopg_dialect.PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    # Without them the planner reads and sorts a whole leg; with them it merges index scans.
    limits_legs = True
    most_legs = MOST_LEGS
    most_forward = None
    own_clock = True

    @contextlib.contextmanager
    def reading(self, connection: psycopg.Connection[Any], view: str | None = None) -> Iterator[datetime]:
        """
        Begin a REPEATABLE READ, READ ONLY transaction: no lock that anyone waits for, no row changed.
        """
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            raise SourceUnavailable("its one connection is in a transaction of the application; end that first")
        autocommit = connection.autocommit
        connection.autocommit = True
        try:
            with connection.cursor(row_factory=tuple_row) as cursor:
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                try:
                    if view is not None:
                        # The statement takes no parameters; whoever named the view is not to be believed.
                        cursor.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(view)))
                    cursor.execute(
                        "SELECT transaction_timestamp(), set_config('TimeZone', 'UTC', true),"
                        " set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),"
                        # A forward cursor is always read to its end: plan for all of its rows.
                        " set_config('cursor_tuple_fraction', '1', true)",
                        (LOCK_TIMEOUT, STATEMENT_TIMEOUT),
                    )
                    (read_at, *_) = _one(cursor)
                    yield read_at.astimezone(UTC)
                finally:
                    if not connection.closed:
                        cursor.execute("ROLLBACK")
        finally:
            if not connection.closed:
                connection.autocommit = autocommit

    def joining(
        self, connection: psycopg.Connection[Any], view: str
    ) -> contextlib.AbstractContextManager[datetime]:
        """
        Begin a transaction in the view that another exported, while that one is open.
        """
        return self.reading(connection, view)

    def export_view(self, connection: psycopg.Connection[Any]) -> str:
        """
        Export the view of the transaction that is open (PostgreSQL's snapshot synchronisation).
        """
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            (view,) = _one(cursor)
            return str(view)

    def now(self, connection: psycopg.Connection[Any]) -> datetime:
        """
        Return the server's clock.
        """
        with connection.cursor(row_factory=tuple_row) as cursor:
            now: datetime = _one(cursor.execute("SELECT pg_catalog.clock_timestamp() AT TIME ZONE 'UTC'"))[0]
        connection.rollback()
        return now.replace(tzinfo=UTC)

    def rows(self, connection: psycopg.Connection[Any], sql: str, parameters: Mapping[str, object]) -> list[Row]:
        """
        Run a statement and return all rows as tuples.
        """
        with connection.cursor(row_factory=tuple_row) as cursor:
            # Never prepared: a generic plan does not know the cursor's position and may sort everything.
            return cursor.execute(sql.encode(), parameters, prepare=False).fetchall()

    def forward(self, connection: psycopg.Connection[Any], sql: str, parameters: Mapping[str, object]) -> Cursor:
        """
        Declare a cursor on the server.
        """
        cursor = connection.cursor(name=f"streampay_export_{next(_CURSOR_NUMBER)}", row_factory=tuple_row)
        try:
            return cursor.execute(sql.encode(), parameters)
        except psycopg.Error:
            cursor.close()
            raise

    def sorts(self, run: Run, sql: str, parameters: Mapping[str, object]) -> bool:
        """
        Look for a Sort in the plan. An Incremental Sort goes through ties only, and stops at the limit.
        """
        return any(_SORT.match(step) for (step,) in run(f"EXPLAIN {sql}", parameters))

    def columns(self, run: Run, table: str, schema: str | None) -> Sequence[SqlColumn]:
        """
        Return a table's or view's columns; none if there is no such table.
        """
        return [
            SqlColumn(
                name=name,
                kind=_KINDS.get(type_, Kind.OTHER),
                nullable=nullable,
                bits=_BITS.get(type_, 64),
                declared=declared,
            )
            for name, type_, nullable, declared in run(_COLUMNS, {"table": table, "schema": schema})
        ]

    def hints(self, run: Run, table: str, schema: str | None) -> Mapping[tuple[str, ...], str]:
        """
        Return none.
        """
        return {}

    def facts(self, run: Run, table: str, schema: str | None) -> TableFacts | None:
        """
        Return the facts about a table or view; `None` if there is no such table.
        """
        columns = self.columns(run, table, schema)
        return postgresql_facts(run, table, schema, columns) if columns else None

    def tables(self, run: Run, schema: str | None) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """
        return [name for (name,) in run(_TABLES, {"schema": schema})]

    def identifier(self, column: SqlColumn, text: str) -> Sequence[object]:
        """
        Return the value of the column's type; text that is its one spelling for types not known here.
        """
        match column.kind:
            case Kind.INTEGER:
                return canonical_integer(text, column.bits)
            case Kind.NUMBER:
                return canonical_integer(text, 128)
            case Kind.UUID:
                return uuids(text)
            case Kind.TEXT | Kind.PADDED_TEXT | Kind.OTHER:
                return [text]
            case _:
                return []

    def compared(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the column; as text where its type might not take any text (an enumeration, inet).
        """
        return cast(expression, Text) if column.kind is Kind.OTHER else expression

    def about(
        self, column: SqlColumn, expression: ColumnElement[Any], value: ColumnElement[Any]
    ) -> ColumnElement[bool] | None:
        """
        Return nothing: comparisons are exact.
        """
        return None

    def beyond(
        self, columns: Sequence[ColumnElement[Any]], values: Sequence[ColumnElement[Any]], *, above: bool
    ) -> ColumnElement[bool]:
        """
        Return a comparison of rows.
        """
        return by_rows(columns, values, above=above)

    def selected(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return JSON as its text, with all digits, and `char(n)` without its padding; the rest as it is.
        """
        as_text = column.kind in {Kind.JSON, Kind.PADDED_TEXT}
        return cast(expression, Text) if as_text else expression

    def sampled(self, column: SqlColumn) -> bool:
        """
        Say yes for text: all other types tell their form.
        """
        return column.kind in {Kind.TEXT, Kind.PADDED_TEXT}

    def form(self, column: SqlColumn, unit: str | None, zone: tzinfo | None, sample: object) -> InstantForm | None:
        """
        Return the form that the column's type has, or that *sample* has.
        """
        return declared_form(column, unit, zone, sample)

    def misshapen(
        self, expression: ColumnElement[Any], form: InstantForm, *, fixed: bool
    ) -> ColumnElement[bool] | None:
        """
        Return the condition that a text is of another shape; other types have but one.
        """
        if not isinstance(form, TextForm):
            return None
        patterns = (glob.replace(".", r"\.").replace("+", r"\+") for glob in form.globs(fixed=fixed))
        return cast(expression, Text).op("!~")(f"^(?:{'|'.join(patterns)})$")

    def ordered_as_time(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return a text column in byte order: a language's order passes over punctuation.
        """
        if column.kind in {Kind.TEXT, Kind.PADDED_TEXT}:
            return collate(cast(expression, Text), "C")
        return expression

    def unindexed(self, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the expression: PostgreSQL enters an index at the tightest of all bounds.
        """
        return expression

    def unavailable(self, error: Exception) -> BackendError:
        """
        Name the SQLSTATE, or say what of the connection failed.
        """
        state = getattr(error, "sqlstate", None)
        if state == "55P03":
            return SourceUnavailable(f"a table was locked for more than {LOCK_TIMEOUT}; try again later")
        if state == "57014":
            return SourceUnavailable(f"a query took more than {STATEMENT_TIMEOUT}; are the indexes there?")
        if state:
            return SourceUnavailable(f"PostgreSQL answered {state} ({type(error).__name__})")
        if isinstance(error, psycopg.errors.ConnectionTimeout):
            return SourceUnavailable("PostgreSQL did not answer in time")
        said = str(error)
        matching = (problem for sign, problem in _CONNECTION_PROBLEMS if re.search(sign, said))
        return SourceUnavailable(next(matching, "the connection to PostgreSQL failed or broke off"))

    def unreadable(self, error: Exception) -> tuple[int | None, str] | None:
        """
        Recognise timestamps that Python has no value for: `infinity`, and years beyond 9999 or before Christ.
        """
        if isinstance(error, psycopg.DataError) and error.sqlstate is None:
            return None, "a date outside the years 1 to 9999, or another value that Python cannot hold"
        return None

    def broken(self, connection: psycopg.Connection[Any]) -> bool:
        """
        Say whether the server or the network ended the connection.
        """
        return connection.closed

    def forbidden(self, error: Exception) -> bool:
        """
        Recognise a missing GRANT.
        """
        return isinstance(error, psycopg.errors.InsufficientPrivilege)


# Before there is a session there are no SQLSTATEs, only sentences.
_CONNECTION_PROBLEMS = (
    (
        'authentication failed|no password supplied|no pg_hba.conf entry|role ".*" does not exist',
        "PostgreSQL refused the credentials",
    ),
    ('database ".*" does not exist', "PostgreSQL has no such database"),
    ("failed to resolve host|could not translate host name", "PostgreSQL's host name is unknown"),
    ("Connection refused|No such file or directory", "PostgreSQL does not listen at this place"),
    ("timeout expired", "PostgreSQL did not answer in time"),
)


def _one(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "a SELECT without FROM has one row"  # noqa: S101  # for the type checker
    return row
