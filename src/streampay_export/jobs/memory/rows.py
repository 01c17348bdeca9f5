"""
What the store holds, and jobs in it: found, held, changed and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from threading import RLock
from typing import Any, TypeAlias

from attrs import evolve, frozen

from ..._core.closed_part import KeptPart, PlannedPart
from ..._core.erasure import Erasure
from ..._core.job import Claim, Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.ticket import Purpose
from ..._core.trail import AuditEntry
from ...errors import LeaseLost

Place: TypeAlias = tuple[str, str, str, int]
"""Of a part: tenant, job id, dataset, number."""


@frozen(kw_only=True)
class StoredLink:
    """
    A link as it is held.
    """

    purpose: Purpose
    expires_at: datetime
    begun_at: datetime | None = None
    begun: int = 0
    limit: int | None = None
    opened_from: str | None = None


@frozen(kw_only=True)
class StoredNotification:
    """
    A notification as it is held.
    """

    pending: PendingNotification
    stored_at: datetime
    waits_from: datetime


class MemoryRows:
    """
    All that the store holds, under one lock.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = RLock()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._made_by: dict[tuple[str, str, str, str], tuple[str, str, datetime]] = {}
        self._links: dict[tuple[str, str, str], StoredLink] = {}
        self._parts: dict[Place, KeptPart] = {}
        self._planned: dict[Place, tuple[PlannedPart, datetime | None]] = {}
        self._outbox: dict[tuple[str, str], AuditEntry] = {}
        self._notifications: dict[tuple[str, str], StoredNotification] = {}
        self._tags: dict[tuple[str, str], frozenset[str]] = {}
        self._erasures: dict[tuple[str, str], Erasure] = {}

    def now(self) -> datetime:
        """
        Return what the clock says.
        """
        return self._clock()

    def _all(self) -> Iterable[Job]:
        with self._lock:
            return tuple(self._jobs.values())

    def _due(self, jobs: Iterable[Job], since: Callable[[Job], datetime | None]) -> Sequence[Job]:
        now = self.now()
        due = [(at, job.id, job) for job in jobs if (at := since(job)) is not None and at <= now]
        return [job for _, _, job in sorted(due, key=lambda found: found[:2])]

    def _held(self, claim: Claim) -> Job:
        job = self._jobs.get((claim.job.tenant, claim.job.id))
        if job is None or job.state is not State.RUNNING or job.fence != claim.fence:
            raise LeaseLost(state=job.state if job else "")
        return job

    def _change(self, job: Job, **changes: Any) -> Job:
        changed = evolve(job, revision=job.revision + 1, **changes)
        self._jobs[job.tenant, job.id] = changed
        return changed

    def _forget(self, ended: Job) -> None:
        self._forget_parts(ended)
        this = ended.tenant, ended.id
        self._links = {key: link for key, link in self._links.items() if key[:2] != this}
        told = self._notifications
        self._notifications = {key: each for key, each in told.items() if (key[0], each.pending.job_id) != this}
        if ended.state is State.ERASED:
            self._forget_keys(ended)

    def _forget_parts(self, job: Job) -> None:
        self._parts = {key: part for key, part in self._parts.items() if key[:2] != (job.tenant, job.id)}
        self._planned = {key: each for key, each in self._planned.items() if key[:2] != (job.tenant, job.id)}

    def _forget_keys(self, job: Job) -> None:
        this = job.tenant, job.id
        self._made_by = {key: made for key, made in self._made_by.items() if (key[0], made[0]) != this}


def whose(job: Job) -> tuple[str, ...]:
    """
    Return whom and what a job is for.
    """
    return job.tenant, job.owner_tag, job.request.profile, job.requester_tag
