"""
What the SQL source needs to know of one kind of database. A further kind is one more class of this protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, tzinfo
from enum import Enum, auto
from typing import Any, Protocol, TypeAlias, runtime_checkable

from attrs import field, frozen
from sqlalchemy import ColumnElement, Dialect, tuple_

from .._core.selection import Row
from .._core.table_facts import TableFacts
from ..errors import BackendError
from .timestamp_forms import InstantForm

Run: TypeAlias = Callable[[str, Mapping[str, object]], list[Row]]
"""Runs SQL inside the snapshot and returns all rows."""

CANONICAL_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
# Every identifier stands in the SQL several times; databases bound the length and depth of a statement.
MOST_IDENTIFIERS = 500
# Each leg costs planning and a seek per page: 1,000,000 rows in parts of 50,000 take 2 to 4 s by 2 legs, 5 to 10 s
# by 100, and 16 s by one sort per part (SQLite, PostgreSQL).
MOST_LEGS = 100


class Kind(Enum):
    """
    What a column holds, as far as comparing with it goes.
    """

    BYTES = auto()
    INTEGER = auto()
    NUMBER = auto()
    FLOAT = auto()
    TEXT = auto()
    PADDED_TEXT = auto()
    UUID = auto()
    AWARE_TIMESTAMP = auto()
    NAIVE_TIMESTAMP = auto()
    DATE = auto()
    BOOLEAN = auto()
    JSON = auto()
    ANY = auto()
    OTHER = auto()


@frozen(kw_only=True)
class SqlColumn:
    """
    One column as the database declares it, *declared* in its own words. *bits* is the width of an integer;
    *collation* is that of a text where comparing needs to know it.
    """

    name: str
    kind: Kind
    nullable: bool = True
    bits: int = 64
    declared: str = ""
    collation: str = ""


@frozen(kw_only=True)
class SqlTable:
    """
    One table or view as the database declares it. *hints* are the indexes that a page has to name (see
    `Database.hints`), by their columns.
    """

    name: str
    schema: str | None
    columns: Mapping[str, SqlColumn] = field(eq=lambda columns: tuple(columns.values()))
    hints: Mapping[tuple[str, ...], str] = field(factory=dict, eq=lambda hints: tuple(hints.items()))


class Cursor(Protocol):
    """
    A cursor that is read forward.
    """

    def fetchmany(self, size: int, /) -> list[Any]:
        """
        Return the next at most *size* rows.
        """

    def close(self) -> None:
        """
        Give up what the database keeps for it.
        """


@runtime_checkable
class SharesViews(Protocol):
    """
    A kind of database in which one transaction can read in the view of another that is open.
    """

    def export_view(self, connection: Any) -> str:
        """
        Return a name of the view of the transaction that is open.
        """

    def joining(self, connection: Any, view: str) -> AbstractContextManager[datetime]:
        """
        As `Database.reading`, in the view of that name.
        """


class Database(Protocol):
    """
    One kind of database behind one DBAPI driver. Stateless.

    *connection* is always the driver's own, so that rows come as its tuples with nothing in between.
    Methods let the driver's errors pass; `unavailable` makes ours of them.
    """

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """
        The driver's root exceptions.
        """

    @property
    def dialect(self) -> Dialect:
        """
        The dialect that writes statements, with parameters by name.
        """

    @property
    def limits_legs(self) -> bool:
        """
        Whether each leg of a union may have an order and a limit, and is planned better with them.
        """

    @property
    def most_legs(self) -> int:
        """
        How many legs a page may have; with more, rows are sorted once.
        """

    @property
    def most_forward(self) -> int | None:
        """
        How many rows `forward` may be asked for at once; `None`: any number.
        """

    @property
    def own_clock(self) -> bool:
        """
        Whether it has a clock of its own; else `now` returns this process's, and asks no connection.
        """

    def reading(self, connection: Any) -> AbstractContextManager[datetime]:
        """
        Begin one consistent, read-only transaction, yield its instant, roll it back and undo all settings.
        """

    def now(self, connection: Any) -> datetime:
        """
        Return the database's current instant.
        """

    def rows(self, connection: Any, sql: str, parameters: Mapping[str, object]) -> list[Row]:
        """
        Run a statement and return all rows as tuples.
        """

    def forward(self, connection: Any, sql: str, parameters: Mapping[str, object]) -> Cursor:
        """
        Run a statement whose rows stay with the database until they are fetched.
        """

    def sorts(self, run: Run, sql: str, parameters: Mapping[str, object]) -> bool:
        """
        Whether the plan of a page sorts rows, which every page would do again.
        """

    def columns(self, run: Run, table: str, schema: str | None) -> Sequence[SqlColumn]:
        """
        Return a table's or view's columns; none if there is no such table.
        """

    def hints(self, run: Run, table: str, schema: str | None) -> Mapping[tuple[str, ...], str]:
        """
        Return what is written after a table's name so that an index is used, by the index's columns in order.

        None where the database finds indexes well enough by itself.
        """

    def facts(self, run: Run, table: str, schema: str | None) -> TableFacts | None:
        """
        Return the facts about a table or view (see `SchemaInspector`); `None` if there is no such table.
        """

    def tables(self, run: Run, schema: str | None) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """

    def identifier(self, column: SqlColumn, text: str) -> Sequence[object]:
        """
        Return the values of the column's type that *text* stands for: none where it cannot be one.
        """

    def compared(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return what of a subject column is compared with an `identifier`, exactly.
        """

    def about(
        self, column: SqlColumn, expression: ColumnElement[Any], value: ColumnElement[Any]
    ) -> ColumnElement[bool] | None:
        """
        Return a condition that lets in more than the exact comparison and enters an index, which that does not;
        `None` where it does.
        """

    def beyond(
        self, columns: Sequence[ColumnElement[Any]], values: Sequence[ColumnElement[Any]], *, above: bool
    ) -> ColumnElement[bool]:
        """
        Return the condition that a key is greater than the values, or (not *above*) at most them, in the form
        by which an index is entered.
        """

    def selected(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return what is read of a column that is no key, such that no digit is lost.
        """

    def form(self, column: SqlColumn, unit: str | None, zone: tzinfo | None, sample: object) -> InstantForm | None:
        """
        Return how the column, holding *sample*, writes instants; `None` if it does not.

        Raises `LookupError` with what is missing: `timezone` or `unit`.
        """

    def sampled(self, column: SqlColumn) -> bool:
        """
        Whether only a value tells the column's form.
        """

    def misshapen(
        self, expression: ColumnElement[Any], form: InstantForm, *, fixed: bool
    ) -> ColumnElement[bool] | None:
        """
        Return the condition that a value is not of the form; `None` where the database's types see to that.
        """

    def ordered_as_time(self, column: SqlColumn, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return what of the column is compared with a bound.
        """

    def unindexed(self, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """
        Return the same value such that no index is entered by it, where that matters.
        """

    def unavailable(self, error: Exception) -> BackendError:
        """
        Say what happened without the driver's words, which quote values.
        """

    def unreadable(self, error: Exception) -> tuple[int | None, str] | None:
        """
        If a value could not be read: the place of its column, where known, and what it is.
        """

    def broken(self, connection: Any) -> bool:
        """
        Whether the connection is of no use any more.
        """

    def forbidden(self, error: Exception) -> bool:
        """
        Whether the database user lacks the right to read.
        """


def by_rows(
    columns: Sequence[ColumnElement[Any]], values: Sequence[ColumnElement[Any]], *, above: bool
) -> ColumnElement[bool]:
    """
    Return `Database.beyond` for databases that enter an index by a comparison of rows.
    """
    if len(columns) == 1:
        return columns[0] > values[0] if above else columns[0] <= values[0]
    return tuple_(*columns) > tuple_(*values) if above else tuple_(*columns) <= tuple_(*values)


def canonical_integer(text: str, bits: int) -> list[object]:
    """
    Return the integer that *text* is the one spelling of, if it fits.
    """
    if len(text) > 40 or not CANONICAL_INTEGER.match(text):
        return []
    number = int(text)
    return [number] if -(1 << bits - 1) <= number < 1 << bits - 1 else []


def in_one_direction(columns: Iterable[tuple[str | None, bool]]) -> tuple[str, ...]:
    """
    Return the columns of an index by which it can be read in order, of (name, descending) each.

    One value of the first is looked up, so that one may run either way; the others are read forward or
    backward, all together. `None` is an expression or a column in an order of its own: there it ends.
    """
    ordered: list[str] = []
    way: bool | None = None
    for name, descending in columns:
        if name is None or (ordered and way not in {None, descending}):
            break
        way = descending if ordered else None
        ordered.append(name)
    return tuple(ordered)
