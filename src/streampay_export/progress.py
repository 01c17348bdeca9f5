"""
How far an export is, told to the job store as it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve

from ._core.job import Claim, DatasetProgress, DatasetState
from ._core.manifest import DatasetSummary
from .lease import Lease
from .wiring import Wiring

# Progress is for people; once a second is as often as anybody looks.
PROGRESS_EVERY = timedelta(seconds=1)


class Progress:
    """
    Tells the job store how far the export is, at most once a second, and checks the lease at each page.
    """

    def __init__(self, wiring: Wiring, claim: Claim, as_of: datetime, lease: Lease) -> None:
        self._wiring = wiring
        self._claim = claim
        self._as_of = as_of
        self._lease = lease
        self._datasets = {each.name: evolve(each, written=0, expected=None) for each in claim.job.datasets}
        self._told_at = wiring.clock()

    def of(self, name: str) -> Callable[[int, int], None]:
        """
        Return what a dataset's export calls after every page.
        """
        began, before = self._wiring.clock(), -1

        def watch(written: int, expected: int) -> None:
            nonlocal before
            self._lease.check()
            now = self._wiring.clock()
            # What a former attempt had read was there at once, and says nothing of how fast it goes.
            before = written if before < 0 else before
            seconds = (now - began).total_seconds()
            self._datasets[name] = DatasetProgress(
                name=name,
                state=DatasetState.RUNNING,
                expected=expected,
                written=written,
                parts=written // self._wiring.part_rows,
                rate=round((written - before) / seconds) if seconds > 0 else 0,
            )
            if now - self._told_at >= PROGRESS_EVERY:
                self._told_at = now
                self._tell()

        return watch

    def done(self, summary: DatasetSummary) -> None:
        """
        Note that a dataset is complete.
        """
        self._lease.check()
        self._datasets[summary.name] = DatasetProgress.done(summary)

    def failed(self, name: str) -> None:
        """
        Note that a dataset could not be read.
        """
        self._datasets[name] = DatasetProgress(name=name, state=DatasetState.FAILED)

    def _tell(self) -> None:
        self._wiring.jobs.progress(self._claim, self._as_of, tuple(self._datasets.values()))
