"""
The audit trail as a table in a database: SQLite, or PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from .._core.trail import AuditEntry
from .._core.wire import read_entry, spell_entry
from .._sql.database import Database
from .._sql.tables import AUDIT, audit_version_table
from .._sql.tables import audit_table as trail
from ..errors import AuditUnavailable

SCHEMA_VERSION = 1
_PAGE = 1000


class SqlAudit:
    """
    Audit sink and reader on a table, one row per entry. Thread-safe, and safe for several processes.

    Takes a database URL, whose connections `close` closes, or an engine, which stays its maker's. The
    tables are made by `create_tables`. An SQLite file is made private to its owner (0600); with
    *make_folder* its folder is made too.
    """

    def __init__(self, url_or_engine: str | Engine, *, make_folder: bool = False) -> None:
        self._database = Database(
            url_or_engine, key="audit.url", unavailable=AuditUnavailable, make_folder=make_folder
        )

    def create_tables(self) -> None:
        """
        Make the tables that are missing; safe to call at every start, by several processes at once.

        Raises `InvalidConfiguration` when the tables there are another release's.
        """
        self._database.create(AUDIT, audit_version_table, SCHEMA_VERSION)

    def close(self) -> None:
        """
        Close the connections this sink opened.
        """
        self._database.close()

    def append(self, entry: AuditEntry) -> None:
        """
        See `AuditSink.append`.
        """
        row = {"tenant": entry.tenant, "id": entry.id, "job_id": entry.job_id, "entry": spell_entry(entry)}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(trail).values(row))
        except IntegrityError:
            # The one way to break this table's rules: the entry is there.
            return

    def entries(self, tenant: str, job_id: str | None = None) -> Iterator[AuditEntry]:
        """
        See `AuditReader.entries`. Reads a thousand rows at a time, and holds no connection in between.
        """
        theirs = select(trail.c.number, trail.c.entry).where(trail.c.tenant == tenant)
        if job_id is not None:
            theirs = theirs.where(trail.c.job_id == job_id)
        last = 0
        while True:
            page = theirs.where(trail.c.number > last).order_by(trail.c.number).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            for _, text in rows:
                yield _entry(text)
            if len(rows) < _PAGE:
                return
            last = rows[-1].number


def _entry(text: str) -> AuditEntry:
    try:
        return read_entry(text)
    except ValueError:
        raise AuditUnavailable("a row of the trail is not an audit entry") from None
