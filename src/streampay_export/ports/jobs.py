"""The job store: the truth and the queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from .._core.closed_part import KeptPart, PartClaim, PlannedPart
from .._core.deadline import Deadline
from .._core.erasure import Erasure, Tombstone
from .._core.job import Artifact, Claim, DatasetProgress, Failure, Job, WrappedKey, all_progress
from .._core.lifecycle import Completeness, State
from .._core.notification import PendingNotification
from .._core.ticket import Purpose
from .._core.trail import AuditEntry

LARGEST_COUNT = 10_000
"""Up to here an overview counts; beyond, what it costs would grow and what it says would not."""

LATEST_FAILED = 1_000
"""So many failed jobs an overview looks at for an answer that came later."""

MOST_OVERDUE = 100
"""So many overdue jobs an overview names."""


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
    datasets: tuple[DatasetProgress, ...] = field(converter=all_progress)
    artifact: Artifact
    expires_at: datetime


@frozen(kw_only=True)
class LinkUse:
    """
    A download link at the moment it is used: when its session began (UTC), and whether this use began it.
    """

    begun_at: datetime
    first: bool


def _all_jobs(jobs: Iterable[Job]) -> tuple[Job, ...]:
    return tuple(jobs)


@frozen(kw_only=True)
class Overview:
    """
    How a tenant's exports stand: *counts* by state, each up to `LARGEST_COUNT`, which then means so many or
    more; since when (UTC) the job has waited that waits longest, `None` if none does; and what is *overdue*.
    """

    counts: Mapping[State, int]
    waiting_since: datetime | None
    overdue: tuple[Job, ...] = field(converter=_all_jobs)


class JobStore(Protocol):
    """
    Jobs of all tenants. Thread-safe, and safe for several processes where the store is shared.

    Every update names the state or fence it expects in its WHERE and changes nothing otherwise.
    `now()` is the one clock of leases, tickets and expiry. *entries* and *notifications* go into the outbox in
    the same transaction as the change. Raises `JobStoreUnavailable`, within a bounded wait, when the store does
    not answer. A tenant or id that no job could have (of any length, with any character) is unknown,
    never an error. `revision` rises by one with every change but `renew` and `rewrap`.
    """

    def now(self) -> datetime:
        """
        Return the store's instant, UTC, to the microsecond.
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

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        """
        Return jobs whose owner tag or requester tag is *tag*, newest first by (created_at, id).

        At most *limit*. *before* continues after the job with that (created_at, id), exclusive. Erased
        jobs are left out.
        """

    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        """
        Claim one job that waits, the longest waiting first, or that one job if named.

        A queued job waits from its `not_before`, or else from `created_at`; a running one from its
        `lease_until`; a paused one never. It waits when that is now or past; of jobs that wait equally
        long the lower id comes first. The claim sets state running, clears `not_before`, raises fence and
        attempts by one and sets `lease_until` to now + *lease*. A waiting job that has had *max_attempts*
        is not claimed.
        """

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs that wait (see `claim`) but have had *max_attempts*, the longest waiting first.
        """

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs that wait (see `claim`), the longest waiting first.
        """

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        """
        Move `lease_until` to now + *lease*, or raise `LeaseLost` unless running with the claim's fence.

        A lease that ran out but was taken by nobody is renewed. `LeaseLost.state` is the job's state now.
        """

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        """
        Store as-of and progress, or raise `LeaseLost` (see `renew`).
        """

    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        """
        Store the export's as-of and a closed part, in the place of one with its dataset and number; or raise
        `LeaseLost` (see `renew`). *part.fence* is the claim's. `revision` stays.
        """

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        """
        Return the parts kept of a job, by (dataset, number). `complete` and `end` forget them.
        """

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        """
        Store the export's as-of and the parts that any worker may read; or raise `LeaseLost` (see `renew`).

        A part that is planned or kept already is left as it is. `complete` and `end` forget them. `revision` stays.
        """

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        """
        Return the parts that are planned and not yet closed, by (dataset, number).
        """

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        """
        Claim one planned part that nobody has a lease on, of a running job (that one, if named): the lowest by
        (tenant, job id, dataset, number). Raises its fence by one; its lease ends at now + *lease*.
        """

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        """
        Move the end of the part's lease to now + *lease*, or raise `LeaseLost` unless it is planned with the
        claim's fence.
        """

    def release_part(self, claim: PartClaim) -> None:
        """
        End the part's lease now, so that another worker may claim it; do nothing unless it has the claim's fence.
        """

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        """
        Keep a planned part as closed, or raise `LeaseLost` (see `renew_part`). *part.fence* is the claim's.
        """

    def complete(
        self,
        claim: Claim,
        completion: Completion,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job:
        """
        Make the job ready, if it is running with the claim's fence; else raise `LeaseLost` (see `renew`).

        So it does, in the same transaction, where an erasure reaches the job (see `erase`).

        Stores the completion, sets `finished_at`, clears lease and active key; wrapped key and sealed
        subject stay until the job ends.
        """

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        """
        Queue the job again, or raise `LeaseLost` (see `renew`); *give_back* uncounts the attempt.

        Clears the lease and sets `not_before`; the job stays active.
        """

    def reschedule(
        self,
        before: Job,
        deadline: Deadline,
        *,
        expected: Collection[State],
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        Give a job another deadline, if its state is in *expected* and its deadline is that of *before*.

        A running job that is paused by it is queued again, with its attempt given back and its fence
        raised, so that the worker changes nothing any more. Returns the job as it is now, or `None`
        where nothing matched.
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
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        Move a job whose state is in *expected* (and whose fence is *fence*, if given) to a final state.

        Raises the fence, so that a worker still at it changes nothing; clears lease, active key,
        wrapped key and sealed subject (the job's data is shredded by that) and forgets its links and what was
        still to be told about it, before *notifications* are stored; keeps `artifact` so that its object can be
        deleted. Sets `finished_at` unless it is set, and `failure` where given. Returns the job as it is now,
        or `None` where nothing matched. Raises `IllegalMove` when *state* is not final or the lifecycle has no
        such move from one of *expected*.
        """

    def expired(self, limit: int = 100) -> Sequence[Job]:
        """
        Return ready jobs whose `expires_at` is now or past, the longest expired first.
        """

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs in a final state that still name an artifact: its object waits to be deleted.

        By (finished_at, id).
        """

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        """
        Clear the artifact of a job in a final state, once its object is deleted.
        """

    def overview(self, tenant: str) -> Overview:
        """
        Return how a tenant's jobs stand. What it costs does not grow with what has ended.

        Overdue are jobs whose deadline has passed and that are queued, running, or failed without an answer
        and without a later job of the same (owner tag, profile, requester tag); the longest due first, at most
        `MOST_OVERDUE`. Of failed ones the `LATEST_FAILED` due last are looked at.
        """

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        """
        Delete idempotency keys, then jobs with all that belongs to them; return how many of both.

        Keys that came with a job whose `created_at` is before *keys_before*, at most *limit*. Jobs in a final
        state that were finished before *ended_before* and whose `expires_at`, if any, is before it too: at most
        *limit*, by (finished_at, id). One stays while it names an artifact, and one that failed or was cancelled
        until its `due_at` is past, as a next request takes that over (see `add`). Callers at once never wait
        for each other, and never count a row twice.
        """

    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs of all tenants whose key is wrapped under this key-encryption key, by (tenant, id).
        """

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        """
        Put another wrapping of the job's key in the place of the one that *job* has.

        `False`, and nothing changes, where the row has another one by now, or none, as it was shredded.
        """

    def add_link(
        self,
        tenant: str,
        job_id: str,
        link_id: str,
        *,
        expires_at: datetime,
        purpose: Purpose = Purpose.DOWNLOAD,
        limit: int | None = None,
        opened_from: str | None = None,
    ) -> bool:
        """
        Record a link that may be begun before *expires_at*; `False` unless the job is ready and unexpired,
        and where an erasure reaches it (see `erase`).

        An open link may begin *limit* downloads, or any number. A download link *opened_from* one is
        counted as one of these, in the same transaction; `False` unless `may_open` holds of that one, so
        that of many at once no more begin than it may. *link_id* is new: one that the job already has
        raises `InvalidRequest`.
        """

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        """
        Return whether an open link can begin a download now: neither unknown, late, spent nor revoked, and
        its job ready and unexpired. Changes nothing.
        """

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        Begin or go on with a download, in one statement that asks the store's clock and the job's row.

        The first use, before the link's expiry, begins its session; later uses are good until
        begun + *session*, exclusive. `None` when the link is no download link, is unknown, late or
        revoked, was opened from one that is revoked, or when the job is not ready or its `expires_at`
        is now or past.
        """

    def revoke_links(
        self,
        tenant: str,
        *,
        owner_tag: str | None = None,
        job_id: str | None = None,
        link_id: str | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> int:
        """
        Revoke the tenant's links that were made so far, and what was opened from them, for good.

        Of one owner tag, one job, one link, where given. Returns how many links, sessions included, were
        revoked. *entries* are stored also where it is none.
        """

    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        """
        Begin an erasure, with the store's instant for its tombstone's `at`, and return it as it is stored.

        From then on `add` refuses the tags. Nothing begins, and the latest erasure (see `erasure_of`) is
        returned, where that one covers all the tags, no job with one of them that is not erased is newer
        than it, and its receipt is not *past*. Of many concurrent calls for the same tags one begins.
        """

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        """
        Return the latest erasure, by (at, receipt), that has one of these tags.
        """

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        """
        Return all erasures of all tenants, by (at, receipt); *unfinished*: those whose `sealed` is there.
        """

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        """
        Store a tombstone under its *number*, and erase every job it reaches, in one transaction.

        It reaches the tenant's jobs that were added with one of its tags and made up to its `at`, in whatever
        state. Such a job is erased as `end` does it, and loses its failure and extension too, as those hold
        what somebody wrote. An erasure that is not there, as the database is older than it, is stored without
        `sealed`. Returns the erasure, its exports counted, and the jobs it reaches, erased now or before, by
        id. Done again it changes nothing.
        """

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        """
        Set `finished_at`, and clear `sealed` and its key; where that was done before, nothing changes.

        Returns the erasure as it is now, or `None` where this tenant has no such receipt.
        """
