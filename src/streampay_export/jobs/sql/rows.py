"""
Jobs as rows of `export_job`: read, locked, changed and ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, Delete, Select, Table, bindparam, delete, select, update

from ..._core.deadline import Extension
from ..._core.job import Artifact, Claim, Failure, Job, WrappedKey
from ..._core.lifecycle import FINAL, State
from ..._core.wire import canonical_json, read_progress, read_request, spell_progress, spell_request
from ..._sql.database import Database
from ..._sql.tables import idempotency_table as made_by
from ..._sql.tables import job_table as jobs
from ..._sql.tables import link_table as links
from ..._sql.tables import notification_table as notifications
from ..._sql.tables import part_table as parts
from ..._sql.tables import planned_part_table as planned
from ...errors import JobStoreUnavailable, LeaseLost

# Two processes may insert at once where a database has no lock on what is not there yet. Then one is told,
# and on its next try finds what the other inserted.
TRIES = 3

_NEVER_CHANGE = ("tenant", "id", "owner_tag", "requester_tag", "created_at", "received_at", "told")
_CHANGE = (
    "sealed",
    "due_at",
    "paused_at",
    "as_of",
    "expires_at",
    "finished_at",
    "attempts",
    "fence",
    "lease_until",
    "not_before",
    "revision",
)
_SPELT = ("capacity", "state", "completeness")

# Statements that every export runs are composed once: composing one, and finding it among those compiled, takes
# SQLAlchemy ten times as long as running it.
THIS_JOB = select(jobs).where(jobs.c.tenant == bindparam("tenant"), jobs.c.id == bindparam("id"))
_LOCKED = THIS_JOB.with_for_update()
_CHANGED = update(jobs).where(
    jobs.c.tenant == bindparam("of_tenant"),
    jobs.c.id == bindparam("of_id"),
    jobs.c.state == bindparam("from_state"),
    jobs.c.fence == bindparam("from_fence"),
)


class SqlRows:
    """
    What all of the store stands on: its database, and how jobs are read from it.
    """

    _database: Database

    def _instant(self, connection: Connection) -> datetime:
        now: datetime = connection.scalars(_asking(self._database.now)).one()
        return now

    def _jobs(self, query: Select[Any], values: Mapping[str, object] | None = None) -> Sequence[Job]:
        with self._database.reading() as connection:
            return [row_to_job(row) for row in connection.execute(query, values).mappings()]


def possible(*names: str) -> bool:
    """
    Say whether there could be such a tenant, id or tag.
    """
    # No driver is asked about a NUL or a lone surrogate, which some refuse with an error.
    return all(name.isascii() and name.isprintable() for name in names)


def locked_job(connection: Connection, tenant: str, job_id: str) -> Job | None:
    """
    Return a job whose row nobody else changes until this transaction ends.
    """
    if not possible(tenant, job_id):
        return None
    row = connection.execute(_LOCKED, {"tenant": tenant, "id": job_id}).mappings().first()
    return None if row is None else row_to_job(row)


def held_job(connection: Connection, claim: Claim) -> Job:
    """
    Return the locked job of a claim, or raise `LeaseLost` unless it is running with the claim's fence.
    """
    job = locked_job(connection, claim.job.tenant, claim.job.id)
    if job is None or job.state is not State.RUNNING or job.fence != claim.fence:
        raise LeaseLost(state=job.state if job else "")
    return job


def change_job(connection: Connection, job: Job, **changes: Any) -> Job:
    """
    Store what changes of a job that is locked; what its request was never does.
    """
    changed = evolve(job, **{"revision": job.revision + 1} | changes)
    same = whose(job)
    before, after = _may_change(job, same), _may_change(changed, same)
    values = {column: value for column, value in after.items() if value != before[column]}
    this = {"of_tenant": job.tenant, "of_id": job.id, "from_state": job.state, "from_fence": job.fence}
    if values and connection.execute(_CHANGED, values | this).rowcount != 1:
        raise JobStoreUnavailable("a job changed although its row was locked")
    return changed


def end_job(connection: Connection, job: Job, state: State, at: datetime, **changes: Any) -> Job:
    """
    End a job that is locked, and forget what belongs to it.
    """
    ended = change_job(connection, job, **job.ended_as(state, at), **changes)
    delete_of(connection, job, links, notifications, parts, planned)
    if state is State.ERASED:
        delete_of(connection, job, made_by)
    return ended


def delete_of(connection: Connection, job: Job, *tables: Table) -> None:
    """
    Delete a job's rows of these tables.
    """
    for table in tables:
        connection.execute(_deleting(table), {"tenant": job.tenant, "job_id": job.id})


def whose(job: Job) -> str:
    """
    Return the hash of whom and what a job is for.
    """
    names = [job.tenant, job.owner_tag, job.request.profile, job.requester_tag]
    return sha256(canonical_json(names).encode()).hexdigest()


def job_to_row(job: Job) -> dict[str, Any]:
    """
    Return a job's columns.
    """
    same = whose(job)
    return {
        **{name: getattr(job, name) for name in _NEVER_CHANGE},
        "capacity": str(job.capacity),
        "request": spell_request(job.request),
        "whose": same,
        **_may_change(job, same),
    }


def _may_change(job: Job, same: str) -> dict[str, Any]:
    artifact, failure, wrapped, extension = job.artifact, job.failure, job.wrapped_key, job.extension
    return {
        **{name: getattr(job, name) for name in _CHANGE},
        "state": str(job.state),
        "completeness": str(job.completeness),
        "datasets": spell_progress(job.datasets),
        "wrapped_key_id": wrapped and wrapped.key_id,
        "wrapped_key": wrapped and wrapped.ciphertext,
        "artifact_key": artifact and artifact.key,
        "artifact_size": artifact and artifact.size,
        "artifact_sha256": artifact and artifact.sha256,
        "artifact_protection": artifact and str(artifact.protection),
        "failure_slug": failure and failure.slug,
        "failure_sentence": failure and failure.sentence,
        "failure_remedies": failure and failure.remedies,
        "failure_detail": failure and failure.detail,
        "extension_reason": extension and extension.reason,
        "extended_at": extension and extension.at,
        "active_key": same if job.active else None,
        "waits_from": job.waits_from,
        "orphaned_at": job.finished_at if job.state in FINAL and artifact else None,
    }


def row_to_job(row: Mapping[Any, Any]) -> Job:
    """
    Return the job of a row.
    """
    return Job(
        **{name: row[name] for name in (*_NEVER_CHANGE, *_CHANGE, *_SPELT)},
        request=read_request(row["request"]),
        datasets=read_progress(row["datasets"]),
        extension=_extension(row),
        wrapped_key=_wrapped_key(row),
        artifact=_artifact(row),
        failure=_failure(row),
    )


@lru_cache
def _asking(now: ColumnElement[datetime]) -> Select[Any]:
    return select(now)


@lru_cache
def _deleting(table: Table) -> Delete:
    return delete(table).where(table.c.tenant == bindparam("tenant"), table.c.job_id == bindparam("job_id"))


def _extension(row: Mapping[Any, Any]) -> Extension | None:
    if row["extended_at"] is None:
        return None
    return Extension(reason=row["extension_reason"], at=row["extended_at"])


def _wrapped_key(row: Mapping[Any, Any]) -> WrappedKey | None:
    if row["wrapped_key"] is None:
        return None
    return WrappedKey(key_id=row["wrapped_key_id"], ciphertext=row["wrapped_key"])


def _artifact(row: Mapping[Any, Any]) -> Artifact | None:
    if row["artifact_key"] is None:
        return None
    return Artifact(**{name: row[f"artifact_{name}"] for name in ("key", "size", "sha256", "protection")})


def _failure(row: Mapping[Any, Any]) -> Failure | None:
    if row["failure_slug"] is None:
        return None
    return Failure(**{part: row[f"failure_{part}"] for part in ("slug", "sentence", "remedies", "detail")})
