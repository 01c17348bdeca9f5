"""
One consistent view of a database: tables looked up once, one `Reading` for each query, errors made ours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from .._core.catalog import Dataset, Direction
from .._core.selection import Census, Column, Key, Query, Row
from .._core.table_facts import TableFacts
from ..errors import ExportError, SourceMismatch, SourceUnavailable, UnwritableValue, listed, quoted
from .sqlalchemy_database import Database, SqlTable
from .sqlalchemy_reading import Reading, instant_form
from .sqlalchemy_statements import Statements

Answer = TypeVar("Answer")


class SqlSnapshot:
    """
    One consistent view of the database. Made by `SqlAlchemySource.snapshot`; used by one thread.
    """

    def __init__(
        self,
        database: Database,
        statements: Statements,
        connection: Any,
        *,
        read_at: datetime,
        zone: tzinfo | None,
        schema: str | None,
    ) -> None:
        self._database = database
        self._statements = statements
        self._connection = connection
        self._read_at = read_at
        self._zone = zone
        self._schema = schema
        self._tables: dict[str, SqlTable] = {}
        self._readings: dict[Query, Reading] = {}

    @property
    def connection(self) -> Any:
        """
        The driver's connection, for the source that made this snapshot.
        """
        return self._connection

    @property
    def read_at(self) -> datetime:
        """
        The database's instant of this view, UTC: everything committed before it is in the view.
        """
        return self._read_at

    def census(self, query: Query) -> Census:
        """
        Count the subject's rows by ownership alone. A row later than the as-of is later whatever the window.
        """
        return self._reading(query).census()

    def count(self, query: Query, after: Key | None, upto: Key | None) -> int:
        """
        Count the included rows with *after* < key <= *upto*; `None` is no bound.
        """
        return self._reading(query).count(after, upto)

    def page(self, query: Query, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Return the next at most *limit* included rows with key > *after*, in key order.
        """
        reading = self._reading(query)
        return self._ours(query, lambda: reading.page(after, limit))

    def check(self, dataset: Dataset) -> None:
        """
        Raise `SourceMismatch` unless the dataset's tables and columns are there, and its times can be compared.
        """
        shape, _ = self._shapes(dataset)
        if dataset.as_of is not None:
            column = shape.columns[dataset.as_of]
            form = instant_form(self._database, dataset, column, self._zone, None)
            if form is None and not self._database.sampled(column):
                raise SourceMismatch(dataset.name, f"as-of column {quoted(dataset.as_of)} holds no times")

    def table_facts(self, table: str) -> TableFacts | None:
        """
        Return what the database declares of a table or view; `None` if there is no such table.
        """
        return self._database.facts(self._run, table, self._schema)

    def table_names(self) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """
        return self._database.tables(self._run, self._schema)

    def close(self) -> None:
        """
        Give up what the database keeps for this view.
        """
        for reading in self._readings.values():
            with contextlib.suppress(*self._database.errors):
                reading.close()

    def _reading(self, query: Query) -> Reading:
        reading = self._readings.get(query)
        if reading is None:
            shape, owner_shape = self._shapes(query.selection.dataset, query.selection.columns)
            reading = self._readings[query] = Reading(
                self._database,
                self._statements,
                query,
                shape,
                owner_shape,
                zone=self._zone,
                fetch=lambda sql, parameters: self._ours(
                    query, lambda: self._database.rows(self._connection, sql, parameters)
                ),
                open_cursor=lambda sql, parameters: self._database.forward(self._connection, sql, parameters),
            )
        return reading

    def _shapes(self, dataset: Dataset, read: Sequence[Column] = ()) -> tuple[SqlTable, SqlTable | None]:
        optional = [dataset.as_of, dataset.omit and dataset.omit.column, dataset.owner and dataset.owner.via]
        if isinstance(dataset.direction, Direction):
            optional += [dataset.direction.out, dataset.direction.into]
        needed = [each.column for each in dataset.fields]
        needed += [*dataset.key, *dataset.subject, *(name for name in optional if name)]
        needed += [each.name for each in read if not each.of_owner]
        shape = self._shape(dataset, dataset.table, needed)
        owner = dataset.owner
        if owner is None:
            return shape, None
        return shape, self._shape(dataset, owner.table, [owner.key, *owner.subject])

    def _shape(self, dataset: Dataset, table: str, needed: Sequence[str]) -> SqlTable:
        if table not in self._tables:
            columns = self._database.columns(self._run, table, self._schema)
            if not columns:
                where = f" in schema {quoted(self._schema)}" if self._schema else ""
                problem = f"there is no table {quoted(table)}{where}; there are: {listed(self.table_names())}"
                raise SourceMismatch(dataset.name, problem)
            self._tables[table] = SqlTable(
                name=table,
                schema=self._schema,
                columns={c.name: c for c in columns},
                hints=self._database.hints(self._run, table, self._schema),
            )
        shape = self._tables[table]
        missing = [name for name in dict.fromkeys(needed) if name not in shape.columns]
        if missing:
            raise SourceMismatch(
                dataset.name,
                f"table {quoted(table)} has no column {', '.join(map(quoted, missing))}; "
                f"it has: {listed(list(shape.columns))}",
            )
        return shape

    def _run(self, sql: str, parameters: Mapping[str, object]) -> list[Row]:
        return translating(self._database, lambda: self._database.rows(self._connection, sql, parameters))

    def _ours(self, query: Query, call: Callable[[], Answer]) -> Answer:
        """
        Make the call; say of which dataset and field a value could not be read.
        """
        try:
            return call()
        except self._database.errors as error:
            ours = self._explained(query, error)
        # Outside the handler: the driver's error, which quotes values, is then not even this one's context.
        raise ours

    def _explained(self, query: Query, error: Exception) -> ExportError:
        selection = query.selection
        if self._database.forbidden(error):
            tables = [
                selection.dataset.table,
                *([selection.dataset.owner.table] if selection.dataset.owner else []),
            ]
            return SourceMismatch(
                selection.dataset.name,
                f"the database user may not read {' and '.join(map(quoted, tables))}; grant SELECT",
            )
        unreadable = self._database.unreadable(error)
        if unreadable is None:
            return self._database.unavailable(error)
        place, what = unreadable
        columns = selection.columns if place is None else selection.columns[place : place + 1]
        times = [c.name for c in columns if place is not None or (c.type and c.type.value in {"timestamp", "date"})]
        return UnwritableValue(selection.dataset.name, " or ".join(times) or "a column", what)


def translating(database: Database, call: Callable[[], Answer]) -> Answer:
    """
    Make the call; whatever the driver or SQLAlchemy raises becomes ours, without their words.
    """
    try:
        return call()
    except NoConnectionLeft:
        ours: ExportError = SourceUnavailable("all its connections are busy; try again later")
    except database.errors as error:
        ours = database.unavailable(error)
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        ours = database.unavailable(original) if original else SourceUnavailable("it cannot be connected to")
    raise ours
