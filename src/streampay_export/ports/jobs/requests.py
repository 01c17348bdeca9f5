"""Requests: let in once, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from ..._core.job import Job
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry


class Admission(StrEnum):
    """
    What became of a request.
    """

    CREATED = "created"
    ACTIVE = "active"
    REPEATED = "repeated"


@frozen(kw_only=True)
class Admitted:
    """
    The job a request led to: new, the one already active, or the one its idempotency key made before.
    """

    job: Job
    admission: Admission


@frozen(kw_only=True)
class Idempotency:
    """
    A caller's idempotency key and the digest (hex) of the request it came with.
    """

    key: str = field(repr=False)
    digest: str


class JobRequests(Protocol):
    """
    Jobs as people ask for them. See `JobStore`.
    """

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
        """
        Add a queued job, unless one is active for the same (tenant, owner tag, profile, requester tag).

        In this order: the same idempotency key of the same (tenant, requester tag, owner tag) with
        the same digest returns the job it made (`REPEATED`); with another digest raises
        `IdempotencyKeyReused`. An active job with an equal `request` is returned (`ACTIVE`, and the
        idempotency key now names it too); one with another `request` raises `ActiveExportDiffers`.
        Of many concurrent calls exactly one creates. *entries* and *notifications* are stored only with
        `CREATED`. Of the idempotency key only a hash is kept; erasing the job forgets it, so that it makes a
        new one. A job id that is taken raises `InvalidRequest`.

        *tags* are the tombstone tags of the subject's identifiers, by which an erasure finds the job. If
        the latest erasure that has one of them (see `erasure_of`) is another than *past*, it raises
        `SubjectErased` before anything else, in the same transaction.

        A created job is stored as it follows the latest one, by (created_at, id), of the same four,
        whatever its state (see `Job.following`).
        """

    def get(self, tenant: str, job_id: str) -> Job | None:
        """
        Return the job, whatever its state, or `None` where this tenant has no such id.
        """

    def get_many(self, tenant: str, job_ids: Collection[str]) -> Sequence[Job]:
        """
        Return those of a tenant's jobs that have these ids, in any order. The caller bounds how many it asks for.
        """

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        """
        Return jobs whose owner tag or requester tag is *tag*, newest first by (created_at, id).

        At most *limit*. *before* continues after the job with that (created_at, id), exclusive. Erased
        jobs are left out.
        """
