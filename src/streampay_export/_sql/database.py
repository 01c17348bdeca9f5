"""
A database as the SQL adapters use it: one short transaction per call, every error our own.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, MetaData, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.schema import CreateIndex, CreateTable

from ..errors import ExportError, InvalidConfiguration
from .engine import ISOLATION, LONGEST_WAIT, begin_immediate, is_busy, open_engine, prepare_sqlite
from .retrying import RolledBack, is_rolled_back
from .types import MARIADB, Instant, database_now
from .upgrading import Upgrades, add_columns

# Any number will do, as long as nobody else's advisory lock has it.
_POSTGRESQL_CREATING = 0x5745_1DB0
_MARIADB_CREATING = "streampay_export tables"


class Database:
    """
    Transactions on an engine. Thread-safe; safe for several processes. `close` what a URL opened.

    *key* names the setting in errors, *unavailable* makes the error of a database that does not
    answer. *clock* stands in for the database's own, in tests. On SQLite a writer takes the write lock
    at once (BEGIN IMMEDIATE), as one that reads first may be refused it later without a wait.
    """

    def __init__(
        self,
        url_or_engine: str | Engine,
        *,
        key: str,
        unavailable: Callable[[str], ExportError],
        clock: Callable[[], datetime] | None = None,
        make_folder: bool = False,
    ) -> None:
        self._key = key
        self._unavailable = unavailable
        self._now = database_now() if clock is None else bindparam("now", callable_=clock, type_=Instant)
        self._opened = isinstance(url_or_engine, str)
        self._log_waits = False
        if isinstance(url_or_engine, str):
            self._engine = open_engine(url_or_engine, key, make_folder=make_folder)
        elif url_or_engine.dialect.name == "sqlite":
            self._engine = url_or_engine
        else:
            self._engine = url_or_engine.execution_options(isolation_level=ISOLATION)
        self._sqlite = self._engine.dialect.name == "sqlite"

    @property
    def now(self) -> ColumnElement[datetime]:
        """
        The SQL expression of the current instant, always the same one.
        """
        return self._now

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """
        Lend a connection for one SELECT.
        """
        with self._translated(), self._engine.connect() as connection:
            if self._sqlite:
                prepare_sqlite(connection)
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """
        Lend a connection for one transaction, committed at the end. `IntegrityError` passes: it answers.
        """
        with self.reading() as connection, connection.begin():
            if self._sqlite:
                begin_immediate(connection)
            yield connection
        if self._log_waits:
            self.truncate_log(patience=0)

    def create(
        self, tables: MetaData, version_table: Table, version: int, upgrades: Upgrades | None = None
    ) -> None:
        """
        Make the tables that are missing, once those that are there are of the version, or upgraded to it.

        Raises `InvalidConfiguration` when tables of any other version are there; then none is made.
        """
        if self._sqlite:
            self._write_ahead()
            self.truncate_log(patience=0)
        self._create([version_table])
        found = self._version(version_table)
        if found is None:
            with contextlib.suppress(IntegrityError), self.writing() as connection:
                connection.execute(insert(version_table).values(version=version))
            found = self._version(version_table)
        if found != version:
            self._upgrade(version_table, version, upgrades or {})
        self._create(tables.sorted_tables)

    def truncate_log(self, *, patience: int = 1000) -> None:
        """
        Empty SQLite's write-ahead log, so that what was shredded is not in it.

        Whoever reads may be in the way, and is waited for *patience* milliseconds. Then the next write
        tries again, and so does the next start.
        """
        if not self._sqlite:
            return
        self._log_waits = True
        with contextlib.suppress(SQLAlchemyError), self._engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            self._log_waits = bool(busy)
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(LONGEST_WAIT * 1000)}")

    def close(self) -> None:
        """
        Close the connections of an engine made here; one that was handed in stays open.
        """
        if self._opened:
            self._engine.dispose()

    def _upgrade(self, version_table: Table, version: int, upgrades: Upgrades) -> None:
        with self._changing_tables() as connection:
            # Another process may have upgraded them meanwhile.
            found = connection.scalars(select(version_table.c.version).with_for_update()).one()
            steps = range(found + 1, version + 1)
            if found > version or not all(step in upgrades for step in steps):
                problem = f"its tables are of version {found}; this release works with version {version}"
                raise InvalidConfiguration(self._key, problem)
            for step in steps:
                add_columns(connection, upgrades[step])
            connection.execute(update(version_table).values(version=version))

    @contextlib.contextmanager
    def _changing_tables(self) -> Iterator[Connection]:
        with self.writing() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_CREATING})")
            elif self._engine.dialect.name in MARIADB:
                # Not the transaction's: every change of a table commits it.
                lock = connection.exec_driver_sql(f"SELECT GET_LOCK('{_MARIADB_CREATING}', {LONGEST_WAIT - 2})")
                if not lock.scalar():
                    raise self._unavailable("others were changing its tables; try again later")
            try:
                yield connection
            finally:
                if self._engine.dialect.name in MARIADB:
                    connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{_MARIADB_CREATING}')")

    def _create(self, tables: Iterable[Table]) -> None:
        with self._changing_tables() as connection:
            for table in tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in sorted(table.indexes, key=lambda each: str(each.name)):
                    connection.execute(CreateIndex(index, if_not_exists=True))

    def _version(self, version_table: Table) -> int | None:
        with self.reading() as connection:
            return connection.scalars(select(version_table.c.version)).first()

    def _write_ahead(self) -> None:
        # Going over to WAL does not wait for others, whatever busy_timeout says.
        deadline = time.monotonic() + LONGEST_WAIT
        while True:
            with self.reading() as connection:
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()
                except OperationalError as error:
                    if not is_busy(error.orig) or time.monotonic() > deadline:
                        raise
                else:
                    return
            time.sleep(0.02)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except NoConnectionLeft:
            problem, lost = f"all its connections were busy for {LONGEST_WAIT} s", None
        except SQLAlchemyError as error:
            problem = _problem(str(getattr(error, "orig", error)))
            lost = RolledBack() if is_rolled_back(error) else None
        else:
            return
        raise self._unavailable(problem) from lost


# By signs in a driver's text, which itself may quote values, and of MariaDB's is in the server's language.
_PROBLEMS = (
    (r"database is locked|lock timeout|^\(1205,", "others held its lock for {wait} s"),
    (r"deadlock|^\(1213,", "others were in its way for {wait} s"),
    (r"authentication failed|no password supplied|^\((1044|1045|1698),", "the server refused the credentials"),
    ('no pg_hba.conf entry|role ".*" does not exist', "the server refused the credentials"),
    (r'database ".*" does not exist|^\(1049,', "the server has no such database"),
    (r"no such table|does not exist|^\(1146,", "its tables are missing; create_tables() makes them"),
    (
        "resolve host|translate host name|Name or service not known|nodename nor servname|name resolution",
        "the server's host name is unknown",
    ),
    ("Connection refused|No such file or directory", "no server listens at this place"),
    ("timeout expired|timed out", "the server did not answer in time"),
    ("disk is full", "its disk is full"),
    ("readonly", "it is read-only"),
    ("not a database", "the file is not an SQLite database"),
    ("malformed", "the file is damaged"),
)


def _problem(text: str) -> str:
    found = (problem for signs, problem in _PROBLEMS if re.search(signs, text))
    return next(found, "the database did not answer, or refused").format(wait=LONGEST_WAIT)
