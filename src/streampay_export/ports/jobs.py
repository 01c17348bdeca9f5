"""The job store: the truth and the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from .._core.job import Artifact, Claim, DatasetProgress, Failure, Job
from .._core.lifecycle import Completeness, State
from .._core.trail import AuditEntry


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


@frozen(kw_only=True)
class Completion:
    """
    How an attempt ended well.
    """

    as_of: datetime
    completeness: Completeness
    datasets: tuple[DatasetProgress, ...] = field(converter=tuple)
    artifact: Artifact
    expires_at: datetime


@frozen(kw_only=True)
class LinkUse:
    """
    A download link at the moment it is used: when its session began (UTC), and whether this use began it.
    """

    begun_at: datetime
    first: bool


class JobStore(Protocol):
    """
    Jobs of all tenants. Thread-safe, and safe for several processes where the store is shared.

    Every update names the state or fence it expects in its WHERE and changes nothing otherwise.
    `now()` is the one clock of leases, tickets and expiry. *entries* go into the outbox in the same
    transaction as the change. Raises `JobStoreUnavailable` when the store does not answer.
    """

    def now(self) -> datetime:
        """
        Return the store's instant, UTC, to the microsecond.
        """

    def add(
        self, job: Job, *, idempotency: Idempotency | None = None, entries: Sequence[AuditEntry] = ()
    ) -> Admitted:
        """
        Add a queued job, unless one is active for the same (tenant, owner tag, profile, requester tag).

        In this order: the same idempotency key of the same (tenant, requester tag, owner tag) with
        the same digest returns the job it made (`REPEATED`); with another digest raises
        `IdempotencyKeyReused`. An active job with an equal `request` is returned (`ACTIVE`, and the
        idempotency key now names it too); one with another `request` raises `ActiveExportDiffers`.
        Of many concurrent calls exactly one creates. *entries* are stored only with `CREATED`.
        """

    def get(self, tenant: str, job_id: str) -> Job | None:
        """
        Return the job, whatever its state, or `None` where this tenant has no such id.
        """

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        """
        Return jobs whose owner tag or requester tag is *tag*, newest first by (received_at, id).

        *before* continues after the job with that (received_at, id), exclusive. Erased jobs are left out.
        """

    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        """
        Claim one job that waits, the longest waiting first, or that one job if named.

        A job waits when it is queued and its `not_before` is not in the future, or running with
        `lease_until` in the past. The claim sets state running, raises fence and attempts by one and
        sets `lease_until` to now + *lease*. A waiting job that has had *max_attempts* is not claimed.
        """

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs that wait (see `claim`) but have had *max_attempts*.
        """

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs that wait (see `claim`), the longest waiting first.
        """

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        """
        Move `lease_until` to now + *lease*, or raise `LeaseLost` unless running with the claim's fence.
        """

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        """
        Store as-of and progress, or raise `LeaseLost`.
        """

    def complete(self, claim: Claim, completion: Completion, entries: Sequence[AuditEntry] = ()) -> Job:
        """
        Make the job ready, if it is running with the claim's fence; else raise `LeaseLost`.
        """

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        """
        Queue the job again, or raise `LeaseLost`; *give_back* uncounts the attempt.
        """

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
    ) -> Job | None:
        """
        Move a job whose state is in *expected* (and whose fence is *fence*, if given) to a final state.

        Raises the fence, so that a worker still at it changes nothing; clears lease, active key,
        wrapped key and sealed subject (the job's data is shredded by that); keeps `artifact` so that
        its object can be deleted. Returns the job as it is now, or `None` where nothing matched.
        """

    def expired(self, limit: int = 100) -> Sequence[Job]:
        """
        Return ready jobs whose `expires_at` is now or past.
        """

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs in a final state that still name an artifact: its object waits to be deleted.
        """

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        """
        Clear the artifact of a job in a final state, once its object is deleted.
        """

    def add_link(self, tenant: str, job_id: str, link_id: str, *, expires_at: datetime) -> bool:
        """
        Record a link that may be begun before *expires_at*; `False` unless the job is ready and unexpired.
        """

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        Begin or go on with a download, in one statement that asks the store's clock and the job's row.

        The first use, before the link's expiry, begins its session; later uses are good until
        begun + *session*. `None` when the link is unknown, late or revoked, or when the job is not ready or is expired.
        """
