"""
Claims: leases on jobs, and what a claim may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from ..._core.job import Claim, DatasetProgress, Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...errors import LeaseLost
from ...ports.jobs import Completion
from ...ports.jobs.claims import JobClaims
from .erasures import MemoryErasures
from .outbox import MemoryOutbox


class MemoryClaims(MemoryErasures, MemoryOutbox, JobClaims):
    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        with self._lock:
            now = self.now()
            for job in self._waiting():
                if job.attempts < max_attempts and tenant in {None, job.tenant} and job_id in {None, job.id}:
                    claimed = self._change(
                        job,
                        state=State.RUNNING,
                        not_before=None,
                        fence=job.fence + 1,
                        attempts=job.attempts + 1,
                        lease_until=now + lease,
                    )
                    return Claim(job=claimed, at=now)
            return None

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        return [job for job in self._waiting() if job.attempts >= max_attempts][:limit]

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        return self._waiting()[:limit]

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        with self._lock:
            job = self._held(claim)
            now = self.now()
            renewed = evolve(job, lease_until=now + lease)
            self._jobs[job.tenant, job.id] = renewed
            return Claim(job=renewed, at=now)

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        with self._lock:
            self._change(self._held(claim), as_of=as_of, datasets=datasets)

    def complete(
        self,
        claim: Claim,
        completion: Completion,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job:
        with self._lock:
            held = self._held(claim)
            if self._reached(held):
                raise LeaseLost(state=State.ERASED)
            now = self.now()
            ready = self._change(
                held,
                state=State.READY,
                lease_until=None,
                as_of=completion.as_of,
                completeness=completion.completeness,
                datasets=completion.datasets,
                artifact=completion.artifact,
                expires_at=now + completion.kept_for,
                finished_at=now,
            )
            self._forget_parts(ready)
            self._post(entries, notifications)
            return ready

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        with self._lock:
            job = self._held(claim)
            return self._change(
                job,
                state=State.QUEUED,
                lease_until=None,
                not_before=not_before,
                attempts=job.attempts - give_back,
            )

    def _waiting(self) -> Sequence[Job]:
        return self._due(self._all(), lambda job: job.waits_from)
