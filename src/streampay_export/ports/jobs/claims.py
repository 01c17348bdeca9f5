"""Claims: who works on a job, and what they may do with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import field, frozen

from ..._core.job import Artifact, Claim, DatasetProgress, Job, all_progress
from ..._core.lifecycle import Completeness
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry


@frozen(kw_only=True)
class Completion:
    """
    How an attempt ended well. The artifact is kept *kept_for* so long from when its job is ready.
    """

    as_of: datetime
    completeness: Completeness
    datasets: tuple[DatasetProgress, ...] = field(converter=all_progress)
    artifact: Artifact
    kept_for: timedelta


class JobClaims(Protocol):
    """
    Jobs as workers claim them. See `JobStore`.
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

        Stores the completion, sets `finished_at` to now and `expires_at` to *kept_for* later, clears lease and
        active key; wrapped key and sealed subject stay until the job ends.
        """

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        """
        Queue the job again, or raise `LeaseLost` (see `renew`); *give_back* uncounts the attempt.

        Clears the lease and sets `not_before`; the job stays active.
        """
