"""
The job store in a database: SQLite, PostgreSQL or MariaDB. It is divided as `ports.jobs` is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, literal_column, select, true

from ..._sql.database import Database
from ..._sql.retrying import retrying
from ..._sql.tables import JOBS, job_version_table
from ..._sql.tables import job_table as jobs
from ..._sql.tables import notification_table as notifications
from ..._sql.upgrading import AddedColumn, Upgrades
from ...errors import JobStoreUnavailable
from .claims import SqlClaims
from .deadlines import SqlDeadlines
from .ends import SqlEnds
from .erasures import SqlErasures
from .keys import SqlKeys
from .links import SqlLinks
from .outbox import SqlOutbox
from .parts import SqlParts
from .requests import SqlRequests

metadata = JOBS
"""The tables, as plain SQLAlchemy tables, for those who make and change theirs with Alembic."""
SCHEMA_VERSION = 8
# Jobs of before were all told of; what waited to be told counts as stored when it was to be told.
_UPGRADES: Upgrades = {
    7: [AddedColumn(jobs, "told", true())],
    8: [AddedColumn(notifications, "stored_at", literal_column("0"), notifications.c.waits_from)],
}


@retrying
class SqlJobStore(
    SqlRequests, SqlClaims, SqlParts, SqlDeadlines, SqlEnds, SqlKeys, SqlLinks, SqlErasures, SqlOutbox
):
    """
    Jobs and outbox in a database that several processes share. Thread-safe.

    Takes a database URL, whose connections `close` closes, or an engine, which stays its maker's. The
    tables are made by `create_tables`. An SQLite file is made private to its owner (0600), is written
    ahead (WAL) and overwrites what it deletes; with *make_folder* its folder is made too. *clock*, for
    tests, stands in for the database's clock.
    """

    def __init__(
        self,
        url_or_engine: str | Engine,
        *,
        clock: Callable[[], datetime] | None = None,
        make_folder: bool = False,
    ) -> None:
        self._database = Database(
            url_or_engine,
            key="jobs.url",
            unavailable=JobStoreUnavailable,
            clock=clock,
            make_folder=make_folder,
        )

    def create_tables(self) -> None:
        """
        Make the tables that are missing, and upgrade those of an earlier release (from version 6 on); safe to call
        at every start, by several processes at once, once none of the earlier release is running.

        Raises `InvalidConfiguration` when the tables there are another release's.
        """
        self._database.create(JOBS, job_version_table, SCHEMA_VERSION, _UPGRADES)

    def close(self) -> None:
        """
        Close the connections this store opened.
        """
        self._database.close()

    def has_jobs(self) -> bool:
        """
        Say whether any tenant has a job, in whatever state.
        """
        with self._database.reading() as connection:
            return connection.scalars(select(jobs.c.id).limit(1)).first() is not None

    def now(self) -> datetime:
        """
        Ask the database for the time; SQLite answers in whole milliseconds.
        """
        with self._database.reading() as connection:
            return self._instant(connection)
