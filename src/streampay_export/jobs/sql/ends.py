"""
Ends: what is shredded at once, and what is deleted after its period.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, or_, select, tuple_

from ..._core.job import Failure, Job
from ..._core.lifecycle import FINAL, UNSETTLED, State, check_ending
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._sql.tables import JOBS
from ..._sql.tables import idempotency_table as keys
from ..._sql.tables import job_table as jobs
from ...ports.jobs.ends import JobEnds
from .outbox import SqlOutbox
from .rows import change_job, end_job, locked_job

_OF_A_JOB = [
    table
    for table in JOBS.sorted_tables
    if any(key.referred_table is jobs for key in table.foreign_key_constraints)
]


class SqlEnds(SqlOutbox, JobEnds):
    def end(
        self,
        tenant: str,
        job_id: str,
        *,
        expected: Collection[State],
        state: State,
        fence: int | None = None,
        failure: Failure | None = None,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        See `JobStore.end`. On SQLite the write-ahead log is emptied of what was shredded.
        """
        check_ending(expected, state)
        with self._database.writing() as connection:
            job = locked_job(connection, tenant, job_id)
            if job is None or job.state not in expected or fence not in {None, job.fence}:
                return None
            ended = end_job(connection, job, state, self._instant(connection), failure=failure or job.failure)
            self._post(connection, entries, notifications)
        self._database.truncate_log()
        return ended

    def expired(self, limit: int = 100) -> Sequence[Job]:
        ready = select(jobs).where(jobs.c.state == State.READY, jobs.c.expires_at <= self._database.now)
        return self._jobs(ready.order_by(jobs.c.expires_at, jobs.c.id).limit(limit))

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        ended = select(jobs).where(jobs.c.orphaned_at.is_not(None))
        return self._jobs(ended.order_by(jobs.c.orphaned_at, jobs.c.id).limit(limit))

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        with self._database.writing() as connection:
            job = locked_job(connection, tenant, job_id)
            if job is not None and job.state in FINAL and job.artifact is not None:
                change_job(connection, job, artifact=None)

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        with self._database.writing() as connection:
            keys = _prune_keys(connection, keys_before, limit)
            return keys + _prune_jobs(connection, self._database.now, ended_before, limit)


def _prune_keys(connection: Connection, before: datetime, limit: int) -> int:
    oldest = select(*keys.primary_key).where(keys.c.made_at < before).order_by(keys.c.made_at)
    found = _claimed(connection, oldest.limit(limit))
    connection.execute(delete(keys).where(tuple_(*keys.primary_key).in_(found)))
    return len(found)


def _prune_jobs(connection: Connection, now: ColumnElement[datetime], before: datetime, limit: int) -> int:
    over = and_(
        jobs.c.state.in_(FINAL),
        jobs.c.orphaned_at.is_(None),
        jobs.c.finished_at < before,
        or_(jobs.c.expires_at.is_(None), jobs.c.expires_at < before),
        or_(jobs.c.state.not_in(UNSETTLED), jobs.c.due_at < now),
    )
    longest = select(jobs.c.tenant, jobs.c.id).where(over).order_by(jobs.c.finished_at, jobs.c.id)
    found = _claimed(connection, longest.limit(limit))
    for table in _OF_A_JOB:
        connection.execute(delete(table).where(tuple_(table.c.tenant, table.c.job_id).in_(found)))
    connection.execute(delete(jobs).where(tuple_(jobs.c.tenant, jobs.c.id).in_(found)))
    return len(found)


def _claimed(connection: Connection, these: Select[Any]) -> Sequence[tuple[str, ...]]:
    # Named first, as no DELETE has a limit everywhere; what another prunes just now is left to them.
    return [tuple(row) for row in connection.execute(these.with_for_update(skip_locked=True))]
