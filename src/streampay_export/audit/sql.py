"""
The audit trail as a table in a database: SQLite, PostgreSQL or MariaDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from .._core.chain import ChainedEntry, Head, Mac, chained, origin
from .._core.checkpoint import Checkpoint
from .._core.trail import AuditEntry
from .._core.wire import read_entry, spell_entry
from .._sql.database import Database
from .._sql.retrying import retried
from .._sql.tables import AUDIT, audit_version_table
from .._sql.tables import audit_head_table as heads
from .._sql.tables import audit_table as trail
from ..errors import AuditUnavailable
from .checkpoints import Checkpoints
from .group_commit import GroupCommit

metadata = AUDIT
"""The tables, as plain SQLAlchemy tables, for those who make and change theirs with Alembic."""
SCHEMA_VERSION = 2
LONGEST_WAIT = 10.0
"""Seconds to wait for the database."""

_PAGE = 1000


class SqlAudit:
    """
    Audit sink, reader and chained trail on a table, one row per entry. Thread-safe, and safe for several
    processes: whoever adds to a tenant's chain locks the row that says how far it goes.

    Takes a database URL, whose connections `close` closes, or an engine, which stays its maker's. *chain*
    links the entries, *checkpoints* signs how far they go; `close` signs that once more. The tables are
    made by `create_tables`. An SQLite file is made private to its owner (0600); with *make_folder* its
    folder is made too.
    """

    def __init__(
        self,
        url_or_engine: str | Engine,
        *,
        chain: Mac,
        checkpoints: Checkpoints | None = None,
        make_folder: bool = False,
    ) -> None:
        self._database = Database(
            url_or_engine, key="audit.url", unavailable=AuditUnavailable, make_folder=make_folder
        )
        self._chain = chain
        self._checkpoints = checkpoints
        self._commits = GroupCommit(self._commit, LONGEST_WAIT)

    def create_tables(self) -> None:
        """
        Make the tables that are missing; safe to call at every start, by several processes at once.

        Raises `InvalidConfiguration` when the tables there are another release's.
        """
        self._database.create(AUDIT, audit_version_table, SCHEMA_VERSION)

    def close(self) -> None:
        """
        Sign how far the trail goes, and close the connections this sink opened.
        """
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._database.close()

    def append(self, entry: AuditEntry) -> None:
        """
        See `AuditSink.append`.
        """
        self._commits.append(entry)

    def entries(
        self, tenant: str, job_id: str | None = None, *, subject: str | None = None
    ) -> Iterator[AuditEntry]:
        """
        See `AuditReader.entries`. Reads a thousand rows at a time, and holds no connection in between.
        """
        theirs = select(trail.c.number, trail.c.entry).where(trail.c.tenant == tenant)
        if job_id is not None:
            theirs = theirs.where(trail.c.job_id == job_id)
        if subject is not None:
            theirs = theirs.where(trail.c.subject == subject)
        for _, text in self._pages(theirs):
            yield _entry(text)

    def tenants(self) -> Sequence[str]:
        """
        See `ChainedTrail.tenants`.
        """
        with self._database.reading() as connection:
            return sorted(connection.scalars(select(trail.c.tenant).distinct()))

    def chain(self, tenant: str) -> Iterator[ChainedEntry]:
        """
        See `ChainedTrail.chain`, by number. A row whose columns do not say what its entry says is no entry.
        """
        columns = trail.c.number, trail.c.link, trail.c.entry, trail.c.id, trail.c.job_id, trail.c.subject
        for number, link, entry, *named in self._pages(select(*columns).where(trail.c.tenant == tenant)):
            own = entry.encode() if _named(entry) == named else b""
            yield ChainedEntry(number=number, link=_octets(link), entry=own)

    def checkpoint(self) -> None:
        """
        See `ChainedTrail.checkpoint`.
        """
        if self._checkpoints is None:
            return
        with self._database.reading() as connection:
            rows = connection.execute(select(heads).where(heads.c.number > 0)).all()
        for tenant, number, link in rows:
            self._checkpoints.reached(tenant, Head(number=number, link=_octets(link)))

    @retried
    def prune(self, checkpoint: Checkpoint) -> int:
        """
        See `ChainedTrail.prune`.
        """
        theirs = trail.c.tenant == checkpoint.tenant
        bounds = select(func.min(trail.c.number), func.max(trail.c.number)).where(theirs)
        with self._database.writing() as connection:
            first, last = connection.execute(bounds).one()
            numbers = range(first or 0, min(checkpoint.size + 1, last or 0))
            # All or nothing; in steps, as each statement has to end in time.
            steps = (numbers[n : n + _PAGE] for n in range(0, len(numbers), _PAGE))
            return sum(
                connection.execute(delete(trail).where(theirs, trail.c.number.between(step[0], step[-1]))).rowcount
                for step in steps
            )

    def _pages(self, query: Select[Any]) -> Iterator[Any]:
        last = -(1 << 63)
        while True:
            page = query.where(trail.c.number > last).order_by(trail.c.number).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1].number

    def _commit(self, entries: Sequence[AuditEntry]) -> None:
        for tenant in sorted({entry.tenant for entry in entries}):
            head = self._add_new(tenant, {entry.id: entry for entry in entries if entry.tenant == tenant})
            if head is not None and self._checkpoints is not None:
                self._checkpoints.reached(tenant, head)

    def _add_new(self, tenant: str, entries: dict[str, AuditEntry]) -> Head | None:
        """
        Add the entries that are not there yet, and return the chain's head; `None` where all of them are.
        """
        while entries:
            try:
                head = self._add(tenant, entries)
            except IntegrityError:
                new = self._missing(tenant, entries)
                if len(new) == len(entries):
                    # So it is a number that is taken: somebody set the head back.
                    raise AuditUnavailable("its head is not where its entries end; run audit verify") from None
                entries = new
                continue
            if head is not None:
                return head
            self._begin(tenant)
        return None

    @retried
    def _add(self, tenant: str, entries: dict[str, AuditEntry]) -> Head | None:
        """
        Add entries to a tenant's chain in one transaction, or return `None` where none is begun.

        Asking first which are there would be one more round trip for each, and they hardly ever are.
        """
        with self._database.writing() as connection:
            head = self._locked_head(connection, tenant)
            if head is None:
                return None
            rows = []
            for entry in entries.values():
                link = chained(self._chain, head, spell_entry(entry).encode("ascii"))
                head = Head(number=link.number, link=link.link)
                rows.append(_row(entry, link))
            connection.execute(insert(trail), rows)
            moved = update(heads).where(heads.c.tenant == tenant)
            connection.execute(moved.values(number=head.number, link=head.link.hex()))
            return head

    def _missing(self, tenant: str, entries: dict[str, AuditEntry]) -> dict[str, AuditEntry]:
        known = select(trail.c.id).where(trail.c.tenant == tenant, trail.c.id.in_(list(entries)))
        with self._database.reading() as connection:
            there = set(connection.scalars(known))
        return {entry_id: entry for entry_id, entry in entries.items() if entry_id not in there}

    @retried
    def _begin(self, tenant: str) -> None:
        """
        Begin a tenant's chain, or take it up where its rows end; of several at once, one does.
        """
        last = select(trail.c.number, trail.c.link).where(trail.c.tenant == tenant)
        try:
            with self._database.writing() as connection:
                row = connection.execute(last.order_by(trail.c.number.desc()).limit(1)).first()
                head = Head(number=row.number, link=_octets(row.link)) if row else origin(self._chain, tenant)
                values = {"tenant": tenant, "number": head.number, "link": head.link.hex()}
                connection.execute(insert(heads).values(values))
        except IntegrityError:
            return

    def _locked_head(self, connection: Connection, tenant: str) -> Head | None:
        row = connection.execute(select(heads).where(heads.c.tenant == tenant).with_for_update()).first()
        return None if row is None else Head(number=row.number, link=_octets(row.link))


def _row(entry: AuditEntry, link: ChainedEntry) -> dict[str, object]:
    text = link.entry.decode("ascii")
    return {
        "tenant": entry.tenant,
        "number": link.number,
        "link": link.link.hex(),
        "id": entry.id,
        "job_id": entry.job_id,
        "subject": entry.subject,
        "entry": text,
    }


def _octets(link: str) -> bytes:
    try:
        return bytes.fromhex(link)
    except ValueError:
        return b""


def _named(text: str) -> list[str]:
    try:
        entry = read_entry(text)
    except ValueError:
        return []
    return [entry.id, entry.job_id, entry.subject]


def _entry(text: str) -> AuditEntry:
    try:
        return read_entry(text)
    except ValueError:
        raise AuditUnavailable("a row of the trail is not an audit entry") from None
