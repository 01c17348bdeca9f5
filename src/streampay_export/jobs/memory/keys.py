"""
The wrapped keys of jobs.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..._core.job import Job, WrappedKey
from ...ports.jobs.keys import JobKeys
from .rows import MemoryRows


class MemoryKeys(MemoryRows, JobKeys):
    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        under = [job for job in self._all() if job.wrapped_key is not None and job.wrapped_key.key_id == key_id]
        return sorted(under, key=lambda job: (job.tenant, job.id))[:limit]

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        with self._lock:
            held = self._jobs.get((job.tenant, job.id))
            if held is None or held.wrapped_key is None or held.wrapped_key != job.wrapped_key:
                return False
            self._jobs[job.tenant, job.id] = evolve(held, wrapped_key=wrapped)
            return True
