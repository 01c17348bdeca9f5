"""
MariaDB as a source, through PyMySQL. Importing this module needs the extra `mariadb`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

import pymysql
from pymysql.constants import FIELD_TYPE, SERVER_STATUS
from pymysql.cursors import Cursor as PyMySqlCursor
from sqlalchemy import ColumnElement, Dialect, and_, or_
from sqlalchemy.dialects.mysql import pymysql as pymysql_dialect

from .._core.selection import Row
from .._core.table_facts import TableFacts
from ..errors import BackendError, SourceUnavailable
from .sqlalchemy_database import Cursor, Kind, Run, SqlColumn, canonical_integer
from .sqlalchemy_declared_types import declared_form, uuids
from .sqlalchemy_mariadb_collations import as_written_in, exactly
from .sqlalchemy_mariadb_facts import index_hints, mariadb_columns, mariadb_facts
from .timestamp_forms import InstantForm, TextForm

# Longer than any page or count takes while the documented indexes exist; a hung query must not hold a worker.
STATEMENT_TIMEOUT = 300
# Reads wait for nobody but a change of the table itself (ALTER TABLE); the export can come back later.
LOCK_TIMEOUT = 10

Value = TypeVar("Value")

# The last one, as CREATE and the like would end a read-only transaction and go on behind it.
_SESSION = ("time_zone", "sql_mode", "max_statement_time", "lock_wait_timeout", "tx_read_only")
_TABLES = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = coalesce(%(schema)s, database()) ORDER BY table_name
"""


class _Unreadable(pymysql.DataError):  # type: ignore[misc]  # PyMySQL ships no types
    """
    A value that Python has none for.
    """


class Mariadb:
    """
    A database that compares texts by collation, and enters an index for a key only where it is told to.

    Its driver knows results that are read whole, and streams that keep the connection from anything else: so
    what is sorted is read ten thousand rows at a time.
    """

    errors: tuple[type[Exception], ...] = (pymysql.Error,)
    dialect: Dialect = pymysql_dialect.MySQLDialect_pymysql(paramstyle="pyformat", is_mariadb=True)
    limits_legs = True
    # A merge here reads all legs up to the limit and sorts: its cost is that of legs times rows.
    most_legs = 10
    most_forward = 10_000
    own_clock = True

    @contextlib.contextmanager
    def reading(self, connection: Any) -> Iterator[datetime]:
        """
        Begin a READ ONLY transaction with a consistent snapshot (REPEATABLE READ): nobody waits for it.

        Its instant is from before the view: all that was committed by then is in it.
        """
        if connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
            raise SourceUnavailable("its one connection is in a transaction of the application; end that first")
        if connection.charset != "utf8mb4":
            raise SourceUnavailable("its connections do not speak utf8mb4, in which alone every text arrives whole")
        names = ", ".join(f"@@SESSION.{name}" for name in _SESSION)
        ((*before,),) = self.rows(connection, f"SELECT {names}", {})
        decoders = connection.decoders
        connection.decoders = _DECODERS
        try:
            self._set(connection, ["+00:00", "", STATEMENT_TIMEOUT, LOCK_TIMEOUT, 1])
            self._run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            read_at = self.now(connection)
            self._run(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            try:
                yield read_at
            finally:
                if connection.open:
                    self._run(connection, "ROLLBACK")
        finally:
            connection.decoders = decoders
            if connection.open:
                self._set(connection, before)

    def _set(self, connection: Any, values: Sequence[object]) -> None:
        settings = ", ".join(f"SESSION {name} = %({name})s" for name in _SESSION)
        self._run(connection, f"SET {settings}", dict(zip(_SESSION, values, strict=True)))

    def _run(self, connection: Any, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        self._executed(connection, sql, parameters or {}).close()

    def now(self, connection: Any) -> datetime:
        """
        Return the server's clock.
        """
        ((now,),) = self.rows(connection, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)", {})
        return datetime.fromisoformat(now).replace(tzinfo=UTC)

    def rows(self, connection: Any, sql: str, parameters: Mapping[str, object]) -> list[Row]:
        """
        Run a statement and return all rows as tuples.
        """
        with self._executed(connection, sql, parameters) as cursor:
            return list(cursor.fetchall())

    def forward(self, connection: Any, sql: str, parameters: Mapping[str, object]) -> Cursor:
        """
        Run a statement with a limit and hold its rows.
        """
        return _Held(self._executed(connection, sql, parameters))

    def _executed(self, connection: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        cursor = connection.cursor(PyMySqlCursor)
        try:
            cursor.execute(sql, parameters)
        except _Unreadable:
            # Half of the answer is still on its way: the connection is of no use any more.
            connection.close()
            raise
        return cursor

    def sorts(self, run: Run, sql: str, parameters: Mapping[str, object]) -> bool:
        """
        Look for a filesort in the plan of a leg; that of their union sorts what they found.
        """
        return any(
            "filesort" in str(step[-1]) and step[1] != "UNION RESULT" for step in run(f"EXPLAIN {sql}", parameters)
        )

    def columns(self, run: Run, table: str, schema: str | None) -> Sequence[SqlColumn]:
        """
        Return a table's or view's columns; none if there is no such table.
        """
        return mariadb_columns(run, table, schema)

    def hints(self, run: Run, table: str, schema: str | None) -> Mapping[tuple[str, ...], str]:
        """
        Return FORCE INDEX for every index: without it, a subject with a large share of the rows is read from
        the beginning for each page.
        """
        return index_hints(run, table, schema)

    def facts(self, run: Run, table: str, schema: str | None) -> TableFacts | None:
        """
        Return the facts about a table or view; `None` if there is no such table.
        """
        columns = self.columns(run, table, schema)
        return mariadb_facts(run, table, schema, columns) if columns else None

    def tables(self, run: Run, schema: str | None) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """
        return [name for (name,) in run(_TABLES, {"schema": schema})]

    def identifier(self, column: SqlColumn, text: str) -> Sequence[object]:
        """
        Return the value of the column's type; bytes are a text's own, or those of a UUID.
        """
        match column.kind:
            case Kind.INTEGER:
                return canonical_integer(text, column.bits)
            case Kind.NUMBER:
                return canonical_integer(text, 128)
            case Kind.UUID:
                return [str(value) for value in uuids(text)]
            case Kind.BYTES:
                return [text.encode(), *(value.bytes for value in uuids(text))]
            case Kind.TEXT | Kind.OTHER:
                return [text]
            case _:
                return []

    def compared(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return a text such that only the same characters equal it.
        """
        return exactly(expression) if column.kind in {Kind.TEXT, Kind.OTHER} else expression

    def about(
        self, column: SqlColumn, expression: ColumnElement[Any], value: ColumnElement[Any]
    ) -> ColumnElement[bool] | None:
        """
        Return the comparison by the column's own collation, which is its index's: it takes `Alice` for `alice`.
        """
        return expression == as_written_in(column.collation, value) if column.collation else None

    def beyond(
        self, columns: Sequence[ColumnElement[Any]], values: Sequence[ColumnElement[Any]], *, above: bool
    ) -> ColumnElement[bool]:
        """
        Return the comparison of rows spelt out, as no index is entered by one of rows.
        """
        column, value = columns[0], values[0]
        if len(columns) == 1:
            return column > value if above else column <= value
        tied = and_(column == value, self.beyond(columns[1:], values[1:], above=above))
        return and_(column >= value, or_(column > value, tied)) if above else or_(column < value, tied)

    def selected(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the column itself: JSON is kept as its text.
        """
        return expression

    def sampled(self, column: SqlColumn) -> bool:
        """
        Say yes for text: all other types tell their form.
        """
        return column.kind is Kind.TEXT

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
        return exactly(expression).op("NOT REGEXP", is_comparison=True)(rf"\A(?:{'|'.join(patterns)})\z")

    def ordered_as_time(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return a text column in the order of its characters: a language's order passes over punctuation.
        """
        return exactly(expression) if column.kind is Kind.TEXT else expression

    def unindexed(self, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the expression: MariaDB enters an index at the tightest of all bounds.
        """
        return expression

    def unavailable(self, error: Exception) -> BackendError:
        """
        Name the error's number, or say what of the connection failed.
        """
        number = error.args[0] if error.args else None
        if isinstance(error, _Unreadable):
            return SourceUnavailable("a value cannot be read")
        said = str(error.args[-1]) if number == _NO_CONNECTION else ""
        matching = (problem for sign, problem in _CONNECTION_PROBLEMS if re.search(sign, said))
        known = (
            _PROBLEMS.get(number) if isinstance(number, int) else "the connection to MariaDB failed or broke off"
        )
        if number == _STATEMENT_TOO_LONG:
            known = f"a query took more than {STATEMENT_TIMEOUT} s; are the indexes there?"
        if number == _LOCKED:
            known = f"a table was locked for more than {LOCK_TIMEOUT} s; try again later"
        return SourceUnavailable(next(matching, known or f"MariaDB answered {number} ({type(error).__name__})"))

    def unreadable(self, error: Exception) -> tuple[int | None, str] | None:
        """
        Recognise days that no calendar has, such as `0000-00-00`.
        """
        if isinstance(error, _Unreadable):
            return None, "a zero date, or another day that no calendar has"
        return None

    def broken(self, connection: Any) -> bool:
        """
        Say whether the server or the network ended the connection.
        """
        return not connection.open

    def forbidden(self, error: Exception) -> bool:
        """
        Recognise a missing GRANT, on a table or a column.
        """
        return bool(error.args) and error.args[0] in {1142, 1143}


class _Held:
    """
    A result that the driver has read whole.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def fetchmany(self, size: int, /) -> list[Row]:
        return list(self._cursor.fetchmany(size))

    def close(self) -> None:
        self._cursor.close()


def _instant(text: str) -> datetime:
    return _read(datetime.fromisoformat, text)


def _aware(text: str) -> datetime:
    # The session's time zone is UTC, and TIMESTAMP comes in that.
    return _instant(text).replace(tzinfo=UTC)


def _day(text: str) -> date:
    return _read(date.fromisoformat, text)


def _read(read: Callable[[str], Value], text: str) -> Value:
    with contextlib.suppress(ValueError):
        return read(text)
    # Outside the handler: the error that quotes the value is then no context of this one.
    raise _Unreadable


def _bits(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


# The application's connection may have others: nothing is exact by chance.
_DECODERS: Mapping[int, Callable[[Any], object]] = {
    **dict.fromkeys(
        (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG), int
    ),
    FIELD_TYPE.YEAR: int,
    FIELD_TYPE.BIT: _bits,
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), Decimal),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), float),
    FIELD_TYPE.DATETIME: _instant,
    FIELD_TYPE.TIMESTAMP: _aware,
    FIELD_TYPE.DATE: _day,
}
_NO_CONNECTION, _STATEMENT_TOO_LONG, _LOCKED = 2003, 1969, 1205
_PROBLEMS = {
    1044: "MariaDB refused the credentials",
    1045: "MariaDB refused the credentials",
    1698: "MariaDB refused the credentials",
    1049: "MariaDB has no such database",
    1193: "it is not MariaDB, or an old one; MySQL is not supported",
    2003: "the connection to MariaDB failed",
    2006: "the connection to MariaDB failed or broke off",
    2013: "the connection to MariaDB failed or broke off",
}
_CONNECTION_PROBLEMS = (
    ("Connection refused|No such file or directory", "MariaDB does not listen at this place"),
    (
        "Name or service not known|nodename nor servname|name resolution|No address",
        "MariaDB's host name is unknown",
    ),
    ("timed out", "MariaDB did not answer in time"),
)
