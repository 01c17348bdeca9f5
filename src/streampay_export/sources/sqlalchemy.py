"""
History in an SQL database: SQLite and PostgreSQL, of any names, through SQLAlchemy Core.

SQLAlchemy writes the SQL and keeps the connections; rows come straight from the driver's cursor, as its tuples.

Indexes that make pages flat (every page costs the same, nothing is sorted, no table is read whole):

- one per subject column, that column first, then the key: `payouts (payer, requested_at, id)` and
  `payouts (payee, requested_at, id)`;
- with ownership through another table, `events (stream_id, id)`: *via* first, then the key; a unique index
  on the owner table's key; and one per subject column of the owner table.

What is guaranteed with them: up to 32 legs (subject columns x identifiers, or the subject's rows in the owner
table) are merged from their indexes, page by page. Beyond 32 the database sorts the subject's remaining rows
once per snapshot, not per page, and hands them out from a cursor: a part costs a sort, a page does not. With an
index on the subject column alone, the rest still holds but each page sorts the rows of its legs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from .._core.catalog import Catalog, Dataset, Direction
from .._core.selection import Census, Key, Query, Row
from ..errors import (
    ExportError,
    InvalidConfiguration,
    SourceMismatch,
    SourceUnavailable,
    UnwritableValue,
    listed,
    quoted,
)
from .sqlalchemy_database import Database, SqlTable
from .sqlalchemy_engine import database_of, open_engine
from .sqlalchemy_reading import Reading, instant_form

Answer = TypeVar("Answer")


class SqlAlchemySource:
    """
    Reads history from a database URL, or from an application's own engine.

    *timezone* (an IANA name) is that of timestamps stored without one. *schema* is where the tables are;
    absent, PostgreSQL's search path decides. Thread-safe; a snapshot belongs to one thread. `close`
    (or leaving the context) closes the connections of an engine made here, never of one handed in.

    Reads only: REPEATABLE READ READ ONLY on PostgreSQL, with a lock timeout of 10 s and a statement
    timeout of 300 s; `query_only` on SQLite, where in rollback mode writers wait for a snapshot to end
    and in WAL mode they do not. Connecting takes at most 10 s. Raises `InvalidConfiguration`,
    `MissingExtra`, and `SourceUnavailable` for an SQLite file that is not there.
    """

    def __init__(
        self, url_or_engine: str | Engine, *, timezone: str | None = None, schema: str | None = None
    ) -> None:
        self._zone = _zone(timezone)
        self._schema = schema
        self._own = isinstance(url_or_engine, str)
        self._engine = open_engine(url_or_engine) if isinstance(url_or_engine, str) else url_or_engine
        self._database = database_of(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.dialect.name})"

    def close(self) -> None:
        """
        Close the connections of an engine made here; a snapshot still open keeps its own until it is left.
        """
        if self._own:
            self._engine.dispose()

    def now(self) -> datetime:
        """
        Return the database's current instant, UTC; on SQLite, whose clock is the process's, that of the process.
        """
        with self._connection() as connection:
            return _translating(self._database, lambda: self._database.now(connection))

    def check(self, catalog: Catalog) -> None:
        """
        Raise `SourceMismatch` unless every table and column of the catalog is there, and times are of a known form.
        """
        with self.snapshot() as snapshot:
            for dataset in catalog.datasets:
                snapshot.check(dataset)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[SqlSnapshot]:
        """
        Open one consistent view; leaving the context rolls it back and gives the connection back.
        """
        with self._connection() as connection, contextlib.ExitStack() as stack:
            reading = self._database.reading(connection)
            read_at = _translating(self._database, lambda: stack.enter_context(_ending(reading, self._database)))
            snapshot = SqlSnapshot(
                self._database, connection, read_at=read_at, zone=self._zone, schema=self._schema
            )
            stack.callback(snapshot.close)
            yield snapshot

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        """
        Lend the driver's connection; a broken one is thrown away.
        """
        lent = _translating(self._database, self._engine.raw_connection)
        try:
            yield lent.driver_connection
        finally:
            if self._database.broken(lent.driver_connection):
                lent.invalidate()
            lent.close()


class SqlSnapshot:
    """
    One consistent view of the database. Made by `SqlAlchemySource.snapshot`; used by one thread.
    """

    def __init__(
        self,
        database: Database,
        connection: Any,
        *,
        read_at: datetime,
        zone: tzinfo | None,
        schema: str | None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._read_at = read_at
        self._zone = zone
        self._schema = schema
        self._tables: dict[str, SqlTable] = {}
        self._readings: dict[Query, Reading] = {}

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
            shape, owner_shape = self._shapes(query.selection.dataset)
            reading = self._readings[query] = Reading(
                self._database,
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

    def _shapes(self, dataset: Dataset) -> tuple[SqlTable, SqlTable | None]:
        optional = [dataset.as_of, dataset.omit and dataset.omit.column, dataset.owner and dataset.owner.via]
        if isinstance(dataset.direction, Direction):
            optional += [dataset.direction.out, dataset.direction.into]
        needed = [each.column for each in dataset.fields]
        needed += [*dataset.key, *dataset.subject, *(name for name in optional if name)]
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
                there = self._database.tables(self._run, self._schema)
                raise SourceMismatch(
                    dataset.name, f"there is no table {quoted(table)}{where}; there are: {listed(there)}"
                )
            self._tables[table] = SqlTable(name=table, schema=self._schema, columns={c.name: c for c in columns})
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
        return _translating(self._database, lambda: self._database.rows(self._connection, sql, parameters))

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


@contextlib.contextmanager
def _ending(reading: contextlib.AbstractContextManager[datetime], database: Database) -> Iterator[datetime]:
    """
    Pass the transaction on, translating only what goes wrong when it begins or ends.
    """
    read_at = reading.__enter__()
    try:
        yield read_at
    finally:
        _translating(database, lambda: reading.__exit__(None, None, None))


def _translating(database: Database, call: Callable[[], Answer]) -> Answer:
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


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        problem = f"{quoted(name)} is no time zone; use a name such as UTC or Europe/Paris"
    raise InvalidConfiguration("source.timezone", problem)
