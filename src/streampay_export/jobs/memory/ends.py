"""
Ends: what is shredded at once, and what is deleted after its period.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from ..._core.job import Failure, Job
from ..._core.lifecycle import FINAL, UNSETTLED, State, check_ending
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...ports.jobs.ends import JobEnds
from .outbox import MemoryOutbox


class MemoryEnds(MemoryOutbox, JobEnds):
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
        check_ending(expected, state)
        with self._lock:
            job = self._jobs.get((tenant, job_id))
            if job is None or job.state not in expected or fence not in {None, job.fence}:
                return None
            ended = self._change(job, **job.ended_as(state, self.now()), failure=failure or job.failure)
            self._forget(ended)
            self._post(entries, notifications)
            return ended

    def expired(self, limit: int = 100) -> Sequence[Job]:
        ready = [job for job in self._all() if job.state is State.READY]
        return self._due(ready, lambda job: job.expires_at)[:limit]

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        ended = [job for job in self._all() if job.state in FINAL and job.artifact is not None]
        return self._due(ended, lambda job: job.finished_at)[:limit]

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        with self._lock:
            job = self._jobs.get((tenant, job_id))
            if job is not None and job.state in FINAL and job.artifact is not None:
                self._change(job, artifact=None)

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        with self._lock:
            keys = [name for name, made in self._made_by.items() if made[2] < keys_before][:limit]
            for name in keys:
                del self._made_by[name]
            jobs = self._prunable(ended_before)[:limit]
            for job in jobs:
                del self._jobs[job.tenant, job.id]
                self._tags.pop((job.tenant, job.id), None)
                self._forget_keys(job)
            return len(keys) + len(jobs)

    def _prunable(self, before: datetime) -> Sequence[Job]:
        now = self.now()
        over = [
            job
            for job in self._all()
            if job.state in FINAL
            and job.artifact is None
            and (job.expires_at is None or job.expires_at < before)
            and (job.state not in UNSETTLED or job.due_at < now)
        ]
        finished = [(at, job.id, job) for job in over if (at := job.finished_at) is not None and at < before]
        return [job for _, _, job in sorted(finished, key=lambda found: found[:2])]
