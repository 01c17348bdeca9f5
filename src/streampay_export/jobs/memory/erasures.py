"""
Erasures: what was erased, and which jobs that reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import evolve

from ..._core.erasure import Erasure, Tombstone
from ..._core.job import Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...ports.jobs.erasures import JobErasures
from .outbox import MemoryOutbox


class MemoryErasures(MemoryOutbox, JobErasures):
    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        stone = evolve(erasure.tombstone, at=self.now())
        with self._lock:
            latest = self.erasure_of(stone.tenant, stone.tags)
            if latest is not None and latest.tombstone.receipt != past and latest.tombstone.covers(stone.tags):
                living = [job for job in self._with(stone) if job.state is not State.ERASED]
                if all(latest.tombstone.reaches(job.created_at) for job in living):
                    return latest
            return self._keep_erasure(evolve(erasure, tombstone=stone))

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        theirs = [
            each
            for each in self.erasures()
            if each.tombstone.tenant == tenant and not set(tags).isdisjoint(each.tombstone.tags)
        ]
        return theirs[-1] if theirs else None

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        with self._lock:
            all_ = sorted(self._erasures.values(), key=lambda each: (each.tombstone.at, each.tombstone.receipt))
        return [each for each in all_ if each.sealed is not None or not unfinished]

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        with self._lock:
            erasure = self._erasures.get((tombstone.tenant, tombstone.receipt)) or Erasure(tombstone=tombstone)
            reached = sorted(
                (job for job in self._with(tombstone) if tombstone.reaches(job.created_at)), key=lambda job: job.id
            )
            living = [job for job in reached if job.state is not State.ERASED]
            for job in living:
                ended = job.ended_as(State.ERASED, self.now())
                self._forget(self._change(job, **ended, failure=None, extension=None))
            self._post((), notifications)
            exports = erasure.exports + len(living)
            erasure = self._keep_erasure(evolve(erasure, number=number, exports=exports))
            return erasure, [self._jobs[job.tenant, job.id] for job in reached]

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        with self._lock:
            erasure = self._erasures.get((tenant, receipt))
            if erasure is None or erasure.finished_at is not None:
                return erasure
            self._post(entries)
            return self._keep_erasure(evolve(erasure, sealed=None, wrapped_key=None, finished_at=self.now()))

    def _with(self, tombstone: Tombstone) -> Sequence[Job]:
        return [
            job
            for job in self._all()
            if job.tenant == tombstone.tenant
            and not self._tags.get((job.tenant, job.id), frozenset()).isdisjoint(tombstone.tags)
        ]

    def _reached(self, job: Job) -> bool:
        return any(
            each.tombstone.reaches(job.created_at) and job in self._with(each.tombstone) for each in self.erasures()
        )

    def _keep_erasure(self, erasure: Erasure) -> Erasure:
        self._erasures[erasure.tombstone.tenant, erasure.tombstone.receipt] = erasure
        return erasure
