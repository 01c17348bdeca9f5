"""
SQLite as a source, through the standard library's driver.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Dialect, UnaryExpression, and_, func, or_
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.operators import custom_op

from .._core.selection import Row
from .._core.table_facts import TableFacts
from ..errors import BackendError, SourceUnavailable
from .sqlalchemy_database import MOST_LEGS, Cursor, Kind, Run, SqlColumn, by_rows, canonical_integer
from .sqlalchemy_sqlite_facts import rowid_alias, sqlite_facts
from .timestamp_forms import Epoch, InstantForm, TextForm

_SORT = "USE TEMP B-TREE FOR ORDER BY"
_UNDECODABLE = re.compile(r"Could not decode to UTF-8 column 'c(\d+)'")


class Sqlite:
    """
    A database whose columns hold what was put in, whatever they declare: values tell, not types.
    """

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    dialect: Dialect = pysqlite.SQLiteDialect_pysqlite(paramstyle="named")
    # SQLite merges the legs of an ordered union row by row as they are, and stops at the union's limit.
    limits_legs = False
    most_legs = MOST_LEGS
    most_forward = None
    own_clock = False

    @contextlib.contextmanager
    def reading(self, connection: sqlite3.Connection) -> Iterator[datetime]:
        """
        Begin a deferred transaction and take its snapshot by reading.

        In WAL mode nobody waits for it. In rollback mode writers wait to commit until it ends.
        """
        if connection.in_transaction:
            # Changing isolation_level would commit it.
            raise SourceUnavailable("its one connection is in a transaction of the application; end that first")
        isolation = connection.isolation_level
        connection.isolation_level = None
        try:
            (before,) = connection.execute("PRAGMA query_only").fetchone()
            connection.execute("PRAGMA query_only = ON")
            try:
                connection.execute("BEGIN")
                try:
                    read_at = self.now(connection)
                    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
                    yield read_at
                finally:
                    if self._begun(connection):
                        connection.execute("ROLLBACK")
            finally:
                connection.execute(f"PRAGMA query_only = {int(before)}")
        finally:
            connection.isolation_level = isolation

    @staticmethod
    def _begun(connection: sqlite3.Connection) -> bool:
        # SQLite itself rolls back after some errors, such as a full disk under its sorter.
        return connection.in_transaction

    def now(self, connection: sqlite3.Connection) -> datetime:
        """
        Return this process's clock: it is the one that SQLite's own functions read, but to the millisecond.
        """
        return datetime.now(UTC)

    def rows(self, connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object]) -> list[Row]:
        """
        Run a statement and return all rows as tuples.
        """
        return self._execute(connection, sql, parameters).fetchall()

    def forward(self, connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object]) -> Cursor:
        """
        Run a statement; SQLite computes its rows as they are fetched.
        """
        return self._execute(connection, sql, parameters)

    def _execute(
        self, connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object]
    ) -> sqlite3.Cursor:
        cursor = connection.cursor()
        # A host's engine may have set sqlite3.Row on its connections.
        cursor.row_factory = None
        return cursor.execute(sql, parameters)

    def sorts(self, run: Run, sql: str, parameters: Mapping[str, object]) -> bool:
        """
        Look for the temporary B-tree of a sort in the plan.
        """
        return any(step[3] == _SORT for step in run(f"EXPLAIN QUERY PLAN {sql}", parameters))

    def columns(self, run: Run, table: str, schema: str | None) -> Sequence[SqlColumn]:
        """
        Return a table's or view's columns; none if there is no such table.
        """
        if not run("SELECT 1 FROM pragma_database_list WHERE name = :schema", {"schema": schema or "main"}):
            return []
        rows = run(
            'SELECT name, type, "notnull" FROM pragma_table_xinfo(:table, :schema)',
            {"table": table, "schema": schema or "main"},
        )
        alias = rowid_alias(run, table, schema or "main")
        return [
            SqlColumn(
                name=name,
                kind=_affinity(declared),
                nullable=not notnull and name != alias,
                declared=declared,
            )
            for name, declared, notnull in rows
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
        return sqlite_facts(run, table, schema or "main", columns) if columns else None

    def tables(self, run: Run, schema: str | None) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """
        if not run("SELECT 1 FROM pragma_database_list WHERE name = :schema", {"schema": schema or "main"}):
            return []
        quoted = (schema or "main").replace('"', '""')
        rows = run(
            f'SELECT name FROM "{quoted}".sqlite_master '  # noqa: S608  # quoted, and a schema that exists
            "WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*' ORDER BY name",
            {},
        )
        return [name for (name,) in rows]

    def identifier(self, column: SqlColumn, text: str) -> Sequence[object]:
        """
        Return *text*, or the integer it is the one spelling of, or both where the column may hold either.

        SQLite would take `007` and `7.0` for 7 in a numeric column: such an identifier is nobody's there.
        """
        if column.kind is Kind.TEXT:
            return [text]
        number = canonical_integer(text, 64)
        if column.kind is Kind.ANY:
            return [*number, text]
        return number or ([] if _numeric(text) else [text])

    def compared(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the column itself.
        """
        return expression

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
        Return the column itself.
        """
        return expression

    def sampled(self, column: SqlColumn) -> bool:
        """
        Say yes: any column may hold text or numbers.
        """
        return True

    def form(self, column: SqlColumn, unit: str | None, zone: tzinfo | None, sample: object) -> InstantForm | None:
        """
        Return how *sample* is written.
        """
        match sample:
            case str():
                return TextForm.of(sample, zone)
            case int() | float() if unit is not None:
                # An integer column may hold fractions too: compared as floats, none is cut off.
                return Epoch(unit, float)
            case int() | float():
                raise LookupError("unit")
            case None if column.kind is Kind.INTEGER and unit is None:
                raise LookupError("unit")
            case _:
                return None

    def misshapen(
        self, expression: ColumnElement[Any], form: InstantForm, *, fixed: bool
    ) -> ColumnElement[bool] | None:
        """
        Return the condition that a value is of another type, or of another shape.
        """
        if isinstance(form, TextForm):
            shaped = or_(*(expression.op("GLOB")(pattern) for pattern in form.globs(fixed=fixed)))
            return ~and_(func.typeof(expression) == "text", shaped)
        return and_(*(func.typeof(expression) != number for number in ("integer", "real")))

    def ordered_as_time(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the column itself.
        """
        return expression

    def unindexed(self, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return `+expression`, which is SQLite's documented way of saying so.
        """
        return UnaryExpression(expression, operator=custom_op("+"))

    def unavailable(self, error: Exception) -> BackendError:
        """
        Name SQLite's error code.
        """
        code = getattr(error, "sqlite_errorname", None)
        said = {
            "SQLITE_NOTADB": "the file is not an SQLite database",
            "SQLITE_CANTOPEN": "the database file cannot be opened",
            "SQLITE_BUSY": "another process holds the database locked; try again later",
            "SQLITE_CORRUPT": "the database file is damaged",
        }
        return SourceUnavailable(said.get(str(code), f"SQLite answered {code or type(error).__name__}"))

    def unreadable(self, error: Exception) -> tuple[int | None, str] | None:
        """
        Recognise text that is not UTF-8.
        """
        found = _UNDECODABLE.match(str(error))
        return (int(found[1]), "text that is not UTF-8") if found else None

    def broken(self, connection: sqlite3.Connection) -> bool:
        """
        Say no: a file does not hang up.
        """
        return False

    def forbidden(self, error: Exception) -> bool:
        """
        Say no: SQLite has no users.
        """
        return False


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _affinity(declared: str) -> Kind:
    """
    Return what SQLite makes of a declared type (its documentation, "Determination of column affinity").
    """
    upper = declared.upper()
    if "INT" in upper:
        return Kind.INTEGER
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return Kind.TEXT
    if not upper or "BLOB" in upper:
        return Kind.ANY
    return Kind.FLOAT if any(word in upper for word in ("REAL", "FLOA", "DOUB")) else Kind.NUMBER
