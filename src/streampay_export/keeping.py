"""
Parts that outlive the attempt that read them: put into storage as they close, and brought back from there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial

from attrs import field, frozen

from ._core.closed_part import (
    ClosedPart,
    KeptPart,
    KeyRange,
    PlannedPart,
    read_closed_part,
    spell_closed_part,
    spell_key_range,
)
from ._core.job import Claim
from .dataset_stage import DatasetStage
from .errors import ExportError, KeysMissing, LeaseLost, ObjectAltered, ObjectMissing, StorageUnavailable
from .lease import Lease
from .part_files import PartFiles
from .ports.keys import Sealer
from .preparing import Prepared
from .sharing import FENCES_OF_A_CLAIM, FEWEST_PARTS, key_ranges, read_planned_part, shared_view
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

# How often whoever waits for the parts of others looks whether there are any left.
LOOK_EVERY = timedelta(milliseconds=200)


@frozen(kw_only=True)
class PartKeeper:
    """
    Keeps the parts of one claimed job. Its rows in the job store say which parts there are and are sealed under
    the job's key, as what is in storage is: shredding that key ends them all.
    """

    wiring: Wiring
    claim: Claim
    lease: Lease
    sealer: Sealer
    as_of: datetime
    files: PartFiles = field(init=False)
    _rows: dict[tuple[str, int], KeptPart] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        job = self.claim.job
        object.__setattr__(self, "files", PartFiles(wiring=self.wiring, job=job, sealer=self.sealer))
        object.__setattr__(self, "_rows", {})
        if job.fence > 1:
            self.look_again()

    def of(self, prepared: Prepared, stage: DatasetStage, watch: Callable[[int, int], None]) -> DatasetParts:
        """
        Return what keeps the parts of one dataset.
        """
        return DatasetParts(keeper=self, prepared=prepared, stage=stage, watch=watch)

    def look_again(self) -> None:
        """
        Learn which parts are kept by now, whoever read them.
        """
        job = self.claim.job
        self._rows.update(
            {(row.dataset, row.number): row for row in self.wiring.jobs.kept_parts(job.tenant, job.id)}
        )

    def keep(self, part: KeptPart) -> None:
        """
        Store a part's row, in the place of a former attempt's. Raises `LeaseLost`.
        """
        self.wiring.jobs.keep_part(self.claim, self.as_of, part)
        self._rows[part.dataset, part.number] = part

    def rows(self, dataset: str, number: int = 0) -> Iterator[KeptPart]:
        """
        Yield the kept parts of a dataset, from *number* on without a gap.
        """
        while (row := self._rows.get((dataset, number))) is not None:
            yield row
            number += 1

    def open_parts(self, dataset: str) -> int:
        """
        Return how many parts of a dataset are planned and not yet closed.
        """
        job = self.claim.job
        return sum(part.dataset == dataset for part in self.wiring.jobs.planned_parts(job.tenant, job.id))

    def clear(self) -> None:
        """
        Delete what is in storage of the parts, once the artifact holds them all; the sweeper deletes what stays.
        """
        with suppress(StorageUnavailable):
            for row in self._rows.values():
                self.files.delete(row)


@frozen(kw_only=True)
class DatasetParts:
    """
    A `KeptParts` of one dataset. Used by one thread.
    """

    keeper: PartKeeper
    prepared: Prepared
    stage: DatasetStage
    watch: Callable[[int, int], None]

    @property
    def _name(self) -> str:
        return self.prepared.dataset.name

    def restore(self) -> Sequence[ClosedPart]:
        """
        Stage again what former attempts closed; where anything of a part is missing or altered, it ends before it.
        """
        if self.keeper.claim.fence > 1 and self.keeper.open_parts(self._name):
            self._work_off(0, 0)
        restored = self._restored(0, None)
        if restored:
            job = self.keeper.claim.job
            logger.info("export %s goes on after part %d of %s", job.id, len(restored), self._name)
        return restored

    def keep(self, part: ClosedPart) -> None:
        """
        Put the part closed last into storage, then into the job's rows. Raises `LeaseLost`, `StorageUnavailable`.
        """
        fence = self.keeper.claim.fence
        self.keeper.files.put(part, fence, self.stage)
        sealed = self.keeper.sealer.seal(spell_closed_part(part, self.prepared.fingerprint))
        row = KeptPart(dataset=self._name, number=part.summary.number, fence=fence, sealed=sealed)
        self.keeper.keep(row)

    def share(self, part: ClosedPart) -> Sequence[ClosedPart]:
        """
        Plan what lies behind a part, ring for others, and read along with them until all of it is closed.
        """
        w, claim = self.keeper.wiring, self.keeper.claim
        first = part.summary.number + 1
        if not w.fan_out or part.last is None or part.census.included < (first + FEWEST_PARTS) * w.part_rows:
            return ()
        with ExitStack() as held:
            snapshot = held.enter_context(w.source.snapshot())
            view = shared_view(w.source, snapshot)
            ranges = key_ranges(
                snapshot, self.prepared.query, part.last, w.part_rows, census=part.census, view=view
            )
            w.jobs.plan_parts(claim, self.keeper.as_of, self._planned(first, ranges))
            if view is None:
                held.close()
            for _ in range(self.keeper.open_parts(self._name)):
                w.dispatcher.ring(claim.job.tenant, claim.job.id)
            self._work_off(first, part.census.included)
        return self._restored(first, part)

    def _planned(self, first: int, ranges: Iterable[KeyRange]) -> Sequence[PlannedPart]:
        return [
            PlannedPart(
                dataset=self._name,
                number=number,
                fence=self.keeper.claim.fence * FENCES_OF_A_CLAIM,
                sealed=self.keeper.sealer.seal(spell_key_range(self._name, range_, self.prepared.fingerprint)),
            )
            for number, range_ in enumerate(ranges, start=first)
        ]

    def _restored(self, number: int, before: ClosedPart | None) -> Sequence[ClosedPart]:
        restored: list[ClosedPart] = []
        with suppress(KeysMissing, ObjectAltered, ObjectMissing):
            for row in self.keeper.rows(self._name, number):
                data = self.keeper.sealer.unseal(row.sealed)
                part = read_closed_part(data, self._name, self.prepared.fingerprint)
                # A part behind another end than the one before has now would leave rows out, or repeat them.
                if part is None or part.after != (before and before.last):
                    break
                if part.summary.rows:
                    self.keeper.files.restore(part, row.fence, self.stage, self.keeper.lease.check)
                restored.append(part)
                before = part
        return restored

    def _work_off(self, first: int, included: int) -> None:
        """
        Read planned parts until none is left, waiting for those that others are at.
        """
        w, job = self.keeper.wiring, self.keeper.claim.job
        ended = threading.Event()
        while left := self.keeper.open_parts(self._name):
            self.keeper.lease.check()
            claim = w.jobs.claim_part(lease=w.lease, tenant=job.tenant, job_id=job.id)
            if claim is None:
                ended.wait(LOOK_EVERY.total_seconds())
                continue
            try:
                with Lease(w, partial(w.jobs.renew_part, claim, w.lease), job.id, self.keeper.lease.stop) as lease:
                    read_planned_part(w, claim, partial(_both, lease.check, self.keeper.lease.check))
            except LeaseLost:
                # Of the part: then another reads it. Of the job: this says so.
                self.keeper.lease.check()
            except ExportError:
                w.jobs.release_part(claim)
                raise
            if included:
                self.watch(max(0, included - left * w.part_rows), included)
        self.keeper.look_again()


def _both(one: Callable[[], None], other: Callable[[], None]) -> None:
    one()
    other()
