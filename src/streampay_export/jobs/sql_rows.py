"""
Jobs as rows of `export_job`, and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from .._core.deadline import Extension
from .._core.job import Artifact, Failure, Job, WrappedKey
from .._core.lifecycle import FINAL
from .._core.wire import canonical_json, read_progress, read_request, spell_progress, spell_request

_SAME = (
    "tenant",
    "id",
    "owner_tag",
    "requester_tag",
    "sealed",
    "created_at",
    "received_at",
    "due_at",
    "paused_at",
    "told",
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
    artifact, failure, wrapped, extension = job.artifact, job.failure, job.wrapped_key, job.extension
    return {
        **{name: getattr(job, name) for name in _SAME},
        **{name: str(getattr(job, name)) for name in _SPELT},
        "request": spell_request(job.request),
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
        "whose": whose(job),
        "active_key": whose(job) if job.active else None,
        "waits_from": job.waits_from,
        "orphaned_at": job.finished_at if job.state in FINAL and artifact else None,
    }


def row_to_job(row: Mapping[Any, Any]) -> Job:
    """
    Return the job of a row.
    """
    return Job(
        **{name: row[name] for name in (*_SAME, *_SPELT)},
        request=read_request(row["request"]),
        datasets=read_progress(row["datasets"]),
        extension=_extension(row),
        wrapped_key=_wrapped_key(row),
        artifact=_artifact(row),
        failure=_failure(row),
    )


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
