"""
What can wait for an hour: objects that no job names, uploads nobody finishes, rows that are past their period.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TypeAlias

from attrs import frozen

from ._core.job import Job
from .errors import ExportError
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

# Longer than any upload that is still alive.
UNFINISHED = timedelta(days=1)
# Rows in a transaction, for so long a writer on SQLite waits; and objects whose jobs are asked for at once.
BATCH = 500
# So many objects that cannot be deleted are a storage that is away.
MOST_FAILURES = 100
_ATTEMPT_KEY = re.compile(
    r"(?P<tenant>[a-z0-9-]+)/(?P<job>[a-z0-9]+)/(?P<fence>[0-9]+)"
    r"(?:\.zip|(?P<part>-[0-9]+-[0-9]+-[a-z0-9]+\.part))\Z"
)


Jobs: TypeAlias = Mapping[tuple[str, str], Job]
"""By tenant and id."""


@frozen(kw_only=True)
class Tidied:
    """
    What was done, in numbers. *objects* were looked at: 0 where not all could be.
    """

    objects: int = 0
    orphans: int = 0
    leftovers: int = 0
    forgotten: int = 0
    failures: int = 0


class Tidying:
    """
    One round of it. Any number may be at it at once. Used by one thread.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._objects = self._orphans = self._leftovers = self._forgotten = self._failures = 0

    def run(self) -> Tidied:
        """
        Go through the storage, and if that came to its end delete rows: what they name is gone by then.
        """
        self._try("storage", self._delete_unclaimed)
        self._try("unfinished uploads", self._sweep_leftovers)
        if self._failures:
            self._objects = 0
        else:
            self._try("rows past their period", self._prune)
        return Tidied(
            objects=self._objects,
            orphans=self._orphans,
            leftovers=self._leftovers,
            forgotten=self._forgotten,
            failures=self._failures,
        )

    def _try(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except ExportError as error:
            logger.warning("sweeper: %s: %s", what, error)
            self._failures += 1

    def _delete_unclaimed(self) -> None:
        """
        Delete what an attempt put into storage whose job then went on, or ended, without it.
        """
        objects = iter(self._wiring.storage.list())
        while batch := [stored.key for stored in islice(objects, BATCH)]:
            jobs = self._jobs_of(batch)
            for key in batch:
                self._objects += 1
                if _unclaimed(key, jobs):
                    self._try("storage", partial(self._delete, key))
                if self._failures >= MOST_FAILURES:
                    return

    def _jobs_of(self, keys: Iterable[str]) -> Jobs:
        ids: dict[str, set[str]] = {}
        for named in filter(None, map(_ATTEMPT_KEY.match, keys)):
            ids.setdefault(named["tenant"], set()).add(named["job"])
        found = (self._wiring.jobs.get_many(tenant, of_tenant) for tenant, of_tenant in ids.items())
        return {(job.tenant, job.id): job for some in found for job in some}

    def _delete(self, key: str) -> None:
        self._wiring.storage.delete(key)
        self._orphans += 1

    def _sweep_leftovers(self) -> None:
        """
        Remove what writers left unfinished that were killed a day ago or earlier.
        """
        before = self._wiring.jobs.now() - UNFINISHED
        self._leftovers = self._wiring.storage.sweep_leftovers(before)

    def _prune(self) -> None:
        """
        Delete exports that have been over for long, and idempotency keys, in short transactions.
        """
        w = self._wiring
        now = w.jobs.now()
        before = {"ended_before": now - w.retention.jobs, "keys_before": now - w.retention.idempotency}
        while pruned := w.jobs.prune(**before, limit=BATCH):
            self._forgotten += pruned


def _unclaimed(key: str, jobs: Jobs) -> bool:
    named = _ATTEMPT_KEY.match(key)
    if named is None:
        return False  # not ours to delete
    job = jobs.get((named["tenant"], named["job"]))
    if job is None:
        return False  # another deployment's, or an older database was restored: a human decides
    if job.active and named["part"]:
        return False  # the next attempt may go on from it
    if job.active:
        return job.fence > int(named["fence"])
    return job.artifact is None or job.artifact.key != key
