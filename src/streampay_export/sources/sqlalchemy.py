"""
History in an SQL database: SQLite, PostgreSQL and MariaDB, of any names, through SQLAlchemy Core.

SQLAlchemy writes the SQL and keeps the connections; rows come straight from the driver's cursor, as its tuples.

Indexes that make pages flat (every page costs the same, nothing is sorted, no table is read whole):

- one per subject column, that column first, then the key: `payouts (payer, requested_at, id)` and
  `payouts (payee, requested_at, id)`;
- with ownership through another table, `events (stream_id, id)`: *via* first, then the key; a unique index
  on the owner table's key; and one per subject column of the owner table.

What is guaranteed with them: up to 100 legs, on MariaDB 10 (subject columns x identifiers, or the subject's rows
in the owner table), are merged from their indexes, page by page. Beyond that, and where the plan of a page shows
that the index for the order is missing, the database sorts the subject's remaining rows once per snapshot and
hands them out from a cursor, on MariaDB ten thousand at a time: a part costs a sort, a page does not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from .._core.catalog import Catalog
from .._core.table_facts import TableFacts
from ..errors import InvalidConfiguration, SourceUnavailable, quoted
from ..ports.source import Snapshot
from .sqlalchemy_database import Database, SharesViews
from .sqlalchemy_engine import database_of, open_engine
from .sqlalchemy_snapshot import SqlSnapshot, translating
from .sqlalchemy_statements import Statements


class SqlAlchemySource:
    """
    Reads history from a database URL, or from an application's own engine.

    *timezone* (an IANA name) is that of timestamps stored without one. *schema* is where the tables are;
    absent, PostgreSQL's search path decides. Thread-safe; a snapshot belongs to one thread. `close`
    (or leaving the context) closes the connections of an engine made here, never of one handed in.

    Reads only: REPEATABLE READ READ ONLY on PostgreSQL and MariaDB, with a lock timeout of 10 s and a statement
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
        self._statements = Statements(self._database.dialect)

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
        if not self._database.own_clock:
            return self._database.now(None)
        with self._connection() as connection:
            return translating(self._database, lambda: self._database.now(connection))

    def check(self, catalog: Catalog) -> None:
        """
        Raise `SourceMismatch` unless every table and column of the catalog is there, and times are of a known form.
        """
        with self.snapshot() as snapshot:
            for dataset in catalog.datasets:
                snapshot.check(dataset)

    def table_facts(self, table: str) -> TableFacts | None:
        """
        Return what the database declares of a table or view; `None` if there is no such table. Reads no row.
        """
        with self.snapshot() as snapshot:
            return snapshot.table_facts(table)

    def table_names(self) -> Sequence[str]:
        """
        Return the names of the tables and views.
        """
        with self.snapshot() as snapshot:
            return snapshot.table_names()

    def snapshot(self) -> contextlib.AbstractContextManager[SqlSnapshot]:
        """
        Open one consistent view; leaving the context rolls it back and gives the connection back.
        """
        return self._opened(self._database.reading)

    def share(self, snapshot: Snapshot) -> str | None:
        """
        Return a name of the snapshot's view where the database can share it (PostgreSQL), else `None`.
        """
        if not isinstance(self._database, SharesViews) or not isinstance(snapshot, SqlSnapshot):
            return None
        database = self._database
        return translating(self._database, lambda: database.export_view(snapshot.connection))

    def joined(self, view: str) -> contextlib.AbstractContextManager[SqlSnapshot]:
        """
        Open a snapshot of a view that is shared. Raises `SourceUnavailable` where there is none of that name.
        """
        if not isinstance(self._database, SharesViews):
            raise SourceUnavailable("its views cannot be shared")
        return self._opened(partial(self._database.joining, view=view))

    @contextlib.contextmanager
    def _opened(self, begin: Callable[[Any], contextlib.AbstractContextManager[datetime]]) -> Iterator[SqlSnapshot]:
        with self._connection() as connection, contextlib.ExitStack() as stack:
            reading = begin(connection)
            read_at = translating(self._database, lambda: stack.enter_context(_ending(reading, self._database)))
            snapshot = SqlSnapshot(
                self._database,
                self._statements,
                connection,
                read_at=read_at,
                zone=self._zone,
                schema=self._schema,
            )
            stack.callback(snapshot.close)
            yield snapshot

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        """
        Lend the driver's connection; a broken one is thrown away.
        """
        lent = translating(self._database, self._engine.raw_connection)
        try:
            yield lent.driver_connection
        finally:
            if self._database.broken(lent.driver_connection):
                lent.invalidate()
            lent.close()


@contextlib.contextmanager
def _ending(reading: contextlib.AbstractContextManager[datetime], database: Database) -> Iterator[datetime]:
    """
    Pass the transaction on, translating only what goes wrong when it begins or ends.
    """
    read_at = reading.__enter__()
    try:
        yield read_at
    finally:
        translating(database, lambda: reading.__exit__(None, None, None))


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        problem = f"{quoted(name)} is no time zone; use a name such as UTC or Europe/Paris"
    raise InvalidConfiguration("source.timezone", problem)
