"""
Claims: leases on jobs, and what a claim may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select

from ..._core.job import Claim, DatasetProgress, Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._sql.tables import job_table as jobs
from ..._sql.tables import part_table as parts
from ..._sql.tables import planned_part_table as planned
from ...errors import LeaseLost
from ...ports.jobs import Completion
from ...ports.jobs.claims import JobClaims
from .erasures import reached
from .outbox import SqlOutbox
from .rows import change_job, delete_of, held_job, possible, row_to_job


class SqlClaims(SqlOutbox, JobClaims):
    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        if not possible(tenant or "", job_id or ""):
            return None
        with self._database.writing() as connection:
            only = {"tenant": tenant, "id": job_id}
            named = {name: value for name, value in only.items() if value is not None}
            claimable = _claimable(self._database.now, tuple(named))
            row = connection.execute(claimable, named | {"most": max_attempts}).mappings().first()
            if row is None:
                return None
            job = row_to_job(row)
            claimed = change_job(
                connection,
                job,
                state=State.RUNNING,
                not_before=None,
                fence=job.fence + 1,
                attempts=job.attempts + 1,
                lease_until=row["at"] + lease,
            )
            return Claim(job=claimed, at=row["at"])

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        return self._jobs(_longest_waiting(self._database.now).where(jobs.c.attempts >= max_attempts).limit(limit))

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        return self._jobs(_longest_waiting(self._database.now).limit(limit))

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        with self._database.writing() as connection:
            job = held_job(connection, claim)
            now = self._instant(connection)
            renewed = change_job(connection, job, revision=job.revision, lease_until=now + lease)
            return Claim(job=renewed, at=now)

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        with self._database.writing() as connection:
            change_job(connection, held_job(connection, claim), as_of=as_of, datasets=datasets)

    def complete(
        self,
        claim: Claim,
        completion: Completion,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job:
        with self._database.writing() as connection:
            held = held_job(connection, claim)
            this = {"of_tenant": held.tenant, "of_id": held.id}
            found = connection.execute(_last_look(self._database.now), this).one()
            if found.reached:
                raise LeaseLost(state=State.ERASED)
            ready = change_job(
                connection,
                held,
                state=State.READY,
                lease_until=None,
                as_of=completion.as_of,
                completeness=completion.completeness,
                datasets=completion.datasets,
                artifact=completion.artifact,
                expires_at=found.at + completion.kept_for,
                finished_at=found.at,
            )
            if found.in_parts:
                delete_of(connection, ready, parts, planned)
            self._post(connection, entries, notifications)
            return ready

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        with self._database.writing() as connection:
            job = held_job(connection, claim)
            return change_job(
                connection,
                job,
                state=State.QUEUED,
                lease_until=None,
                not_before=not_before,
                attempts=job.attempts - give_back,
            )


def _longest_waiting(now: ColumnElement[datetime]) -> Select[Any]:
    return select(jobs).where(jobs.c.waits_from <= now).order_by(jobs.c.waits_from, jobs.c.id)


@lru_cache
def _claimable(now: ColumnElement[datetime], named: tuple[str, ...]) -> Select[Any]:
    only = [jobs.c[name] == bindparam(name) for name in named]
    claimable = _longest_waiting(now).where(jobs.c.attempts < bindparam("most"), *only)
    return claimable.add_columns(now.label("at")).limit(1).with_for_update(skip_locked=True)


@lru_cache
def _last_look(now: ColumnElement[datetime]) -> Select[datetime, bool, bool]:
    """
    Ask for the time, whether an erasure reaches the job, and whether it has rows of parts.
    """
    this = and_(jobs.c.tenant == bindparam("of_tenant"), jobs.c.id == bindparam("of_id"))
    in_parts = [
        exists().where(table.c.tenant == bindparam("of_tenant"), table.c.job_id == bindparam("of_id"))
        for table in (parts, planned)
    ]
    found = exists(select(jobs.c.id).where(this, reached()))
    return select(now.label("at"), found.label("reached"), or_(*in_parts).label("in_parts"))
