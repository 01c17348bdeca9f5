"""
Erasures: what was erased, and which jobs that reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, insert, select, update

from ..._core.erasure import Erasure, Tombstone
from ..._core.job import Job, WrappedKey
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._core.wire import read_tombstone, spell_tombstone
from ..._sql.tables import erasure_table as erasures
from ..._sql.tables import erasure_tag_table as tags_of_erasures
from ..._sql.tables import job_table as jobs
from ..._sql.tables import job_tag_table as tags_of_jobs
from ..._sql.tables import job_version_table
from ...errors import SubjectErased
from ...ports.jobs.erasures import JobErasures
from .outbox import SqlOutbox
from .rows import end_job, possible, row_to_job

_SHARED = select(job_version_table.c.version).with_for_update(read=True)
_ALONE = select(job_version_table.c.version).with_for_update()
_LOCKED = (
    select(erasures)
    .where(erasures.c.tenant == bindparam("tenant"), erasures.c.receipt == bindparam("receipt"))
    .with_for_update()
)
_TAGGED = select(tags_of_erasures.c.receipt).where(
    tags_of_erasures.c.tenant == bindparam("tenant"), tags_of_erasures.c.tag.in_(bindparam("tags", expanding=True))
)
_LATEST = (
    select(erasures)
    .where(erasures.c.tenant == bindparam("tenant"), erasures.c.receipt.in_(_TAGGED))
    .order_by(erasures.c.at.desc(), erasures.c.receipt.desc())
    .limit(1)
)


class SqlErasures(SqlOutbox, JobErasures):
    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        with self._database.writing() as connection:
            _hold_requests(connection)
            stone = evolve(erasure.tombstone, at=self._instant(connection))
            latest = _latest(connection, stone.tenant, stone.tags)
            if latest is not None and latest.tombstone.receipt != past and latest.tombstone.covers(stone.tags):
                since = evolve(stone, at=latest.tombstone.at)
                newer = _jobs_with(since).where(jobs.c.created_at > since.at, jobs.c.state != State.ERASED)
                if connection.execute(newer.limit(1)).first() is None:
                    return latest
            return _put(connection, evolve(erasure, tombstone=stone))

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        if not possible(tenant, *tags):
            return None
        with self._database.reading() as connection:
            return _latest(connection, tenant, tags)

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        query = select(erasures).order_by(erasures.c.at, erasures.c.receipt)
        if unfinished:
            query = query.where(erasures.c.sealed.is_not(None))
        with self._database.reading() as connection:
            return [_erasure(row) for row in connection.execute(query).mappings()]

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        """
        See `JobStore.erase`. On SQLite the write-ahead log is emptied of what was shredded.
        """
        with self._database.writing() as connection:
            _hold_requests(connection)
            erasure = _locked(connection, tombstone.tenant, tombstone.receipt)
            erasure = erasure or _put(connection, Erasure(tombstone=tombstone))
            theirs = _jobs_with(tombstone).where(jobs.c.created_at <= tombstone.at).with_for_update()
            found = [row_to_job(row) for row in connection.execute(theirs).mappings().all()]
            living = [job for job in found if job.state is not State.ERASED]
            ended = {
                job.id: end_job(
                    connection, job, State.ERASED, self._instant(connection), failure=None, extension=None
                )
                for job in living
            }
            self._post(connection, (), notifications)
            exports = erasure.exports + len(living)
            erasure = _change(connection, erasure, number=number, exports=exports)
        self._database.truncate_log()
        return erasure, [ended.get(job.id, job) for job in found]

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        """
        See `JobStore.finish_erasure`. On SQLite the write-ahead log is emptied of who it was.
        """
        if not possible(tenant, receipt):
            return None
        with self._database.writing() as connection:
            erasure = _locked(connection, tenant, receipt)
            if erasure is None or erasure.finished_at is not None:
                return erasure
            self._post(connection, entries)
            now = self._instant(connection)
            finished = _change(connection, erasure, sealed=None, wrapped_key=None, finished_at=now)
        self._database.truncate_log()
        return finished


def refuse_erased(connection: Connection, tenant: str, tags: Collection[str], past: str | None) -> None:
    """
    Raise `SubjectErased` if somebody with these tags was erased, unless the caller knows of it as *past*.

    An erasure that begins waits until this transaction ends, and then reaches what it stores.
    """
    # SQLite has one writer at a time anyway.
    if connection.dialect.name != "sqlite":
        connection.execute(_SHARED).all()
    found = _latest(connection, tenant, tags)
    if found is not None and found.tombstone.receipt != past:
        raise SubjectErased(erased_at=found.tombstone.at)


def reached() -> ColumnElement[bool]:
    """
    Return the condition that an erasure reaches a row of `export_job`.
    """
    same_tag = and_(
        tags_of_erasures.c.tenant == tags_of_jobs.c.tenant, tags_of_erasures.c.tag == tags_of_jobs.c.tag
    )
    same_erasure = and_(
        erasures.c.tenant == tags_of_erasures.c.tenant, erasures.c.receipt == tags_of_erasures.c.receipt
    )
    return exists(
        select(erasures.c.receipt)
        .select_from(tags_of_jobs)
        .join(tags_of_erasures, same_tag)
        .join(erasures, same_erasure)
        .where(
            tags_of_jobs.c.tenant == jobs.c.tenant,
            tags_of_jobs.c.job_id == jobs.c.id,
            erasures.c.at >= jobs.c.created_at,
        )
    )


def _hold_requests(connection: Connection) -> None:
    # Waits for those that are being stored, and lets none in until this transaction ends.
    connection.execute(_ALONE).all()


def _latest(connection: Connection, tenant: str, tags: Collection[str]) -> Erasure | None:
    return _first(connection, _LATEST, tenant=tenant, tags=sorted(set(tags)))


def _locked(connection: Connection, tenant: str, receipt: str) -> Erasure | None:
    return _first(connection, _LOCKED, tenant=tenant, receipt=receipt)


def _put(connection: Connection, erasure: Erasure) -> Erasure:
    stone = erasure.tombstone
    connection.execute(insert(erasures).values(_row(erasure)))
    rows = [{"tenant": stone.tenant, "tag": tag, "receipt": stone.receipt} for tag in stone.tags]
    connection.execute(insert(tags_of_erasures), rows)
    return erasure


def _change(connection: Connection, erasure: Erasure, **changes: Any) -> Erasure:
    changed = evolve(erasure, **changes)
    stone = changed.tombstone
    this = update(erasures).where(erasures.c.tenant == stone.tenant, erasures.c.receipt == stone.receipt)
    connection.execute(this.values(_row(changed)))
    return changed


def _jobs_with(stone: Tombstone) -> Select[Any]:
    tagged = select(tags_of_jobs.c.job_id).where(
        tags_of_jobs.c.tenant == stone.tenant, tags_of_jobs.c.tag.in_(stone.tags)
    )
    return select(jobs).where(jobs.c.tenant == stone.tenant, jobs.c.id.in_(tagged)).order_by(jobs.c.id)


def _first(connection: Connection, query: Select[Any], **values: object) -> Erasure | None:
    row = connection.execute(query, values).mappings().first()
    return None if row is None else _erasure(row)


def _row(erasure: Erasure) -> dict[str, Any]:
    stone, wrapped = erasure.tombstone, erasure.wrapped_key
    return {
        "tenant": stone.tenant,
        "receipt": stone.receipt,
        "at": stone.at,
        "tombstone": spell_tombstone(stone),
        "number": erasure.number,
        "sealed": erasure.sealed,
        "wrapped_key_id": wrapped and wrapped.key_id,
        "wrapped_key": wrapped and wrapped.ciphertext,
        "exports": erasure.exports,
        "finished_at": erasure.finished_at,
    }


def _erasure(row: Any) -> Erasure:
    wrapped = None
    if row["wrapped_key"] is not None:
        wrapped = WrappedKey(key_id=row["wrapped_key_id"], ciphertext=row["wrapped_key"])
    return Erasure(
        tombstone=read_tombstone(row["tombstone"]),
        number=row["number"],
        sealed=row["sealed"],
        wrapped_key=wrapped,
        exports=row["exports"],
        finished_at=row["finished_at"],
    )
