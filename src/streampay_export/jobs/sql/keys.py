"""
The wrapped keys of jobs.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from ..._core.job import Job, WrappedKey
from ..._sql.tables import job_table as jobs
from ...ports.jobs.keys import JobKeys
from .rows import SqlRows


class SqlKeys(SqlRows, JobKeys):
    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        under = select(jobs).where(jobs.c.wrapped_key_id == key_id)
        return self._jobs(under.order_by(jobs.c.tenant, jobs.c.id).limit(limit))

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        """
        See `JobStore.rewrap`. On SQLite the write-ahead log is emptied of the former wrapping.
        """
        if job.wrapped_key is None:
            return False
        this = (jobs.c.tenant == job.tenant, jobs.c.id == job.id)
        same = (
            jobs.c.wrapped_key_id == job.wrapped_key.key_id,
            jobs.c.wrapped_key == job.wrapped_key.ciphertext,
        )
        values = {"wrapped_key_id": wrapped.key_id, "wrapped_key": wrapped.ciphertext}
        with self._database.writing() as connection:
            changed = connection.execute(update(jobs).where(*this, *same).values(values)).rowcount == 1
        self._database.truncate_log()
        return changed
