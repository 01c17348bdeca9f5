"""
Requests: repeated, already active, or new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from ..._core.job import Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...errors import ActiveExportDiffers, IdempotencyKeyReused, InvalidRequest, SubjectErased
from ...ports.jobs import Admission, Admitted, Idempotency
from ...ports.jobs.requests import JobRequests
from .erasures import MemoryErasures
from .outbox import MemoryOutbox
from .rows import whose


class MemoryRequests(MemoryErasures, MemoryOutbox, JobRequests):
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
        with self._lock:
            erased = self.erasure_of(job.tenant, tags)
            if erased is not None and erased.tombstone.receipt != past:
                raise SubjectErased(erased_at=erased.tombstone.at)
            name = None
            if idempotency is not None:
                digest = sha256(idempotency.key.encode()).hexdigest()
                name = (job.tenant, job.requester_tag, job.owner_tag, digest)
                made = self._made_by.get(name)
                if made is not None and made[1] != idempotency.digest:
                    raise IdempotencyKeyReused
                if made is not None:
                    return Admitted(job=self._jobs[job.tenant, made[0]], admission=Admission.REPEATED)
            admitted = self._admit(job)
            if name is not None and idempotency is not None:
                self._made_by[name] = (admitted.job.id, idempotency.digest, job.created_at)
            if admitted.admission is Admission.CREATED:
                self._tags[job.tenant, job.id] = frozenset(tags)
                self._post(entries, notifications)
            return admitted

    def get(self, tenant: str, job_id: str) -> Job | None:
        with self._lock:
            return self._jobs.get((tenant, job_id))

    def get_many(self, tenant: str, job_ids: Collection[str]) -> Sequence[Job]:
        with self._lock:
            return [job for each in set(job_ids) if (job := self._jobs.get((tenant, each))) is not None]

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        theirs = [
            job
            for job in self._all()
            if job.tenant == tenant
            and tag in {job.owner_tag, job.requester_tag}
            and job.state is not State.ERASED
            and (before is None or (job.created_at, job.id) < before)
        ]
        return sorted(theirs, key=lambda job: (job.created_at, job.id), reverse=True)[:limit]

    def _admit(self, job: Job) -> Admitted:
        active = next((a for a in self._all() if a.active and whose(a) == whose(job)), None)
        if active is not None:
            if active.request != job.request:
                raise ActiveExportDiffers(job_id=active.id)
            return Admitted(job=active, admission=Admission.ACTIVE)
        if (job.tenant, job.id) in self._jobs:
            raise InvalidRequest("id", "an export with this id exists already; make a new id")
        earlier = [other for other in self._all() if whose(other) == whose(job)]
        if earlier:
            job = job.following(max(earlier, key=lambda other: (other.created_at, other.id)))
        self._jobs[job.tenant, job.id] = job
        return Admitted(job=job, admission=Admission.CREATED)
