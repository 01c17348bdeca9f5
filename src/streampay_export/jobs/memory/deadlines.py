"""
Deadlines, and the overview.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..._core.deadline import Deadline
from ..._core.job import Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...ports.jobs import LARGEST_COUNT, LATEST_FAILED, MOST_OVERDUE, Overview
from ...ports.jobs.deadlines import JobDeadlines
from .outbox import MemoryOutbox
from .rows import whose


class MemoryDeadlines(MemoryOutbox, JobDeadlines):
    def reschedule(
        self,
        before: Job,
        deadline: Deadline,
        *,
        expected: Collection[State],
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        with self._lock:
            job = self._jobs.get((before.tenant, before.id))
            if job is None or job.state not in expected or job.deadline != before.deadline:
                return None
            stopped = deadline.paused_at is not None and job.state is State.RUNNING
            rescheduled = self._change(
                job,
                due_at=deadline.due_at,
                extension=deadline.extension,
                paused_at=deadline.paused_at,
                state=State.QUEUED if stopped else job.state,
                lease_until=None if stopped else job.lease_until,
                fence=job.fence + stopped,
                attempts=job.attempts - stopped,
            )
            self._post(entries, notifications)
            return rescheduled

    def overview(self, tenant: str) -> Overview:
        theirs = sorted(
            (job for job in self._all() if job.tenant == tenant), key=lambda job: (job.created_at, job.id)
        )
        latest = {whose(job): job.id for job in theirs}
        due = [job for job in theirs if job.due_at <= self.now()]
        failed = sorted((job for job in due if job.state is State.FAILED), key=lambda job: (job.due_at, job.id))
        unanswered = [job for job in failed[-LATEST_FAILED:] if job.unanswered and latest[whose(job)] == job.id]
        active = [job for job in due if job.active]
        overdue = [job for job in active + unanswered if job.deadline.passed(self.now())]
        counts = {state: sum(job.state is state for job in theirs) for state in State}
        waiting = self._due(theirs, lambda job: job.waits_from)
        return Overview(
            counts={state: min(count, LARGEST_COUNT) for state, count in counts.items()},
            waiting_since=waiting[0].waits_from if waiting else None,
            overdue=sorted(overdue, key=lambda job: (job.due_at, job.id))[:MOST_OVERDUE],
        )
