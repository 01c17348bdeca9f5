"""
The statements that let a request in: repeated, already active, or new.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select

from .._core.job import Job
from .._core.trail import AuditEntry
from .._sql.tables import idempotency_table as made_by
from .._sql.tables import job_table as jobs
from ..errors import ActiveExportDiffers, IdempotencyKeyReused
from ..ports.jobs import Admission, Admitted, Idempotency
from .sql_outbox import put_entries
from .sql_rows import job_to_row, row_to_job, whose


def admit(
    connection: Connection, job: Job, idempotency: Idempotency | None, entries: Sequence[AuditEntry]
) -> Admitted:
    """
    Return the job that the request made before, or that is active, or else *job*, now stored.

    `IntegrityError` says that another process was first, or that the id is taken.
    """
    if idempotency is None:
        return _active(connection, job) or _create(connection, job, entries)
    repeated = _repeated(connection, job, idempotency)
    if repeated is not None:
        return repeated
    admitted = _active(connection, job) or _create(connection, job, entries)
    row = {"job_id": admitted.job.id, "request_digest": idempotency.digest, "made_at": job.created_at}
    connection.execute(insert(made_by).values(row | _key_of(job, idempotency)))
    return admitted


def forget_keys(connection: Connection, tenant: str, job_id: str) -> None:
    """
    Forget the idempotency keys that name a job.
    """
    connection.execute(delete(made_by).where(made_by.c.tenant == tenant, made_by.c.job_id == job_id))


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
    same = select(jobs).where(jobs.c.tenant == job.tenant, jobs.c.active_key == whose(job))
    row = connection.execute(same).mappings().first()
    if row is None:
        return None
    active = row_to_job(row)
    if active.request != job.request:
        raise ActiveExportDiffers(job_id=active.id)
    return Admitted(job=active, admission=Admission.ACTIVE)


def _create(connection: Connection, job: Job, entries: Sequence[AuditEntry]) -> Admitted:
    earlier = select(jobs).where(jobs.c.tenant == job.tenant, jobs.c.whose == whose(job))
    latest = earlier.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(1)
    row = connection.execute(latest).mappings().first()
    if row is not None:
        job = job.following(row_to_job(row))
    connection.execute(insert(jobs).values(job_to_row(job)))
    put_entries(connection, entries)
    return Admitted(job=job, admission=Admission.CREATED)
