"""
Parts: those that last, and those planned for whoever is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import evolve

from ..._core.closed_part import KeptPart, PartClaim, PlannedPart
from ..._core.job import Claim
from ..._core.lifecycle import State
from ...errors import LeaseLost
from ...ports.jobs.parts import JobParts
from .rows import MemoryRows, Place


class MemoryParts(MemoryRows, JobParts):
    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        with self._lock:
            job = self._held(claim)
            self._jobs[job.tenant, job.id] = evolve(job, as_of=as_of)
            self._parts[job.tenant, job.id, part.dataset, part.number] = part

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        with self._lock:
            return [part for key, part in sorted(self._parts.items()) if key[:2] == (tenant, job_id)]

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        with self._lock:
            job = self._held(claim)
            self._jobs[job.tenant, job.id] = evolve(job, as_of=as_of)
            for part in parts:
                place = (job.tenant, job.id, part.dataset, part.number)
                if place not in self._parts:
                    self._planned.setdefault(place, (part, None))

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        with self._lock:
            return [
                part for key, (part, _) in sorted(self._planned.items(), key=_place) if key[:2] == (tenant, job_id)
            ]

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        with self._lock:
            now = self.now()
            for place, (part, until) in sorted(self._planned.items(), key=_place):
                job = self._jobs[place[:2]]
                named = tenant in {None, job.tenant} and job_id in {None, job.id}
                if named and job.state is State.RUNNING and (until is None or until <= now):
                    claimed = evolve(part, fence=part.fence + 1)
                    self._planned[place] = (claimed, now + lease)
                    return PartClaim(job=job, part=claimed)
            return None

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        with self._lock:
            self._planned[self._held_part(claim)] = (claim.part, self.now() + lease)

    def release_part(self, claim: PartClaim) -> None:
        with self._lock, suppress(LeaseLost):
            self._planned[self._held_part(claim)] = (claim.part, None)

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        with self._lock:
            place = self._held_part(claim)
            del self._planned[place]
            self._parts[place] = part

    def _held_part(self, claim: PartClaim) -> Place:
        place = (claim.job.tenant, claim.job.id, claim.part.dataset, claim.part.number)
        planned = self._planned.get(place)
        if planned is None or planned[0].fence != claim.part.fence:
            raise LeaseLost
        return place


def _place(item: tuple[Place, object]) -> Place:
    return item[0]
