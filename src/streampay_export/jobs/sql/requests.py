"""
Requests: repeated, already active, or new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

from ..._core.job import Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._sql.tables import idempotency_table as made_by
from ..._sql.tables import job_table as jobs
from ..._sql.tables import job_tag_table as tags_of_jobs
from ...errors import ActiveExportDiffers, IdempotencyKeyReused, InvalidRequest
from ...ports.jobs import Admission, Admitted, Idempotency
from ...ports.jobs.requests import JobRequests
from .erasures import refuse_erased
from .outbox import SqlOutbox
from .rows import THIS_JOB, TRIES, job_to_row, possible, row_to_job, whose

_ACTIVE = select(jobs).where(jobs.c.tenant == bindparam("tenant"), jobs.c.active_key == bindparam("whose"))
_EARLIER = (
    select(jobs)
    .where(jobs.c.tenant == bindparam("tenant"), jobs.c.whose == bindparam("whose"))
    .order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
    .limit(1)
)


class SqlRequests(SqlOutbox, JobRequests):
    def add(
        self,
        job: Job,
        *,
        tags: Collection[str] = (),
        past: str | None = None,
        idempotency: Idempotency | None = None,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Admitted:
        for _ in range(TRIES):
            with suppress(IntegrityError), self._database.writing() as connection:
                refuse_erased(connection, job.tenant, tags, past)
                admitted = _admit(connection, job, idempotency)
                if admitted.admission is Admission.CREATED:
                    _tag(connection, job, tags)
                    self._post(connection, entries, notifications)
                return admitted
        raise InvalidRequest("id", "an export with this id exists already; make a new id")

    def get(self, tenant: str, job_id: str) -> Job | None:
        if not possible(tenant, job_id):
            return None
        found = self._jobs(THIS_JOB, {"tenant": tenant, "id": job_id})
        return found[0] if found else None

    def get_many(self, tenant: str, job_ids: Collection[str]) -> Sequence[Job]:
        ids = [each for each in job_ids if possible(tenant, each)]
        return self._jobs(select(jobs).where(jobs.c.tenant == tenant, jobs.c.id.in_(ids))) if ids else []

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        if not possible(tenant, tag):
            return []
        theirs = [jobs.c.tenant == tenant, jobs.c.state != State.ERASED]
        if before is not None:
            theirs.append(tuple_(jobs.c.created_at, jobs.c.id) < before)
        owned = jobs.c.owner_tag == tag
        asked_for = (jobs.c.requester_tag == tag) & (jobs.c.owner_tag != tag)
        # One index-ordered leg each: with OR a database reads all that an operator ever asked for.
        newest = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        found = [job for leg in (owned, asked_for) for job in self._jobs(newest.where(leg, *theirs))]
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)[:limit]


def _admit(connection: Connection, job: Job, idempotency: Idempotency | None) -> Admitted:
    # `IntegrityError` says that another process was first, or that the id is taken.
    if idempotency is None:
        return _active(connection, job) or _create(connection, job)
    repeated = _repeated(connection, job, idempotency)
    if repeated is not None:
        return repeated
    admitted = _active(connection, job) or _create(connection, job)
    row = {"job_id": admitted.job.id, "request_digest": idempotency.digest, "made_at": job.created_at}
    connection.execute(insert(made_by), row | _key_of(job, idempotency))
    return admitted


def _tag(connection: Connection, job: Job, tags: Collection[str]) -> None:
    rows = [{"tenant": job.tenant, "tag": tag, "job_id": job.id} for tag in sorted(set(tags))]
    if rows:
        connection.execute(insert(tags_of_jobs), rows)


def _key_of(job: Job, idempotency: Idempotency) -> dict[str, str]:
    return {
        "tenant": job.tenant,
        "requester_tag": job.requester_tag,
        "owner_tag": job.owner_tag,
        "key_digest": sha256(idempotency.key.encode()).hexdigest(),
    }


def _repeated(connection: Connection, job: Job, idempotency: Idempotency) -> Admitted | None:
    same_key = [made_by.c[column] == value for column, value in _key_of(job, idempotency).items()]
    same_job = (jobs.c.tenant == made_by.c.tenant) & (jobs.c.id == made_by.c.job_id)
    made = select(jobs, made_by.c.request_digest).join(made_by, same_job).where(*same_key)
    row = connection.execute(made).mappings().first()
    if row is None:
        return None
    if row["request_digest"] != idempotency.digest:
        raise IdempotencyKeyReused
    return Admitted(job=row_to_job(row), admission=Admission.REPEATED)


def _active(connection: Connection, job: Job) -> Admitted | None:
    row = connection.execute(_ACTIVE, {"tenant": job.tenant, "whose": whose(job)}).mappings().first()
    if row is None:
        return None
    active = row_to_job(row)
    if active.request != job.request:
        raise ActiveExportDiffers(job_id=active.id)
    return Admitted(job=active, admission=Admission.ACTIVE)


def _create(connection: Connection, job: Job) -> Admitted:
    row = connection.execute(_EARLIER, {"tenant": job.tenant, "whose": whose(job)}).mappings().first()
    if row is not None:
        job = job.following(row_to_job(row))
    connection.execute(insert(jobs), job_to_row(job))
    return Admitted(job=job, admission=Admission.CREATED)
