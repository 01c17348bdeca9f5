"""
The parts of one dataset that outlive the attempt that read them, or are read by others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from attrs import frozen

from ._core.closed_part import ClosedPart, KeptPart, KeyRange, PlannedPart, spell_closed_part, spell_key_range
from ._core.selection import Census
from .dataset_stage import DatasetStage
from .gathering import Gathering
from .keeping import PartKeeper
from .preparing import Prepared
from .sharing import FENCES_OF_A_CLAIM, FEWEST_PARTS, key_ranges, shared_view

logger = logging.getLogger("streampay_export")


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
        Stage again what former attempts closed, once what they planned is closed too.
        """
        gathering = Gathering(keeper=self.keeper, prepared=self.prepared, stage=self.stage)
        if self.keeper.claim.fence > 1 and self.keeper.open_parts(self._name):
            gathering.work_off(lambda _: None)
        gathering.bring_back()
        if gathering.parts:
            job = self.keeper.claim.job
            logger.info("export %s goes on after part %d of %s", job.id, len(gathering.parts), self._name)
        return gathering.parts

    def keep(self, part: ClosedPart) -> None:
        """
        Put the part closed last into storage, then into the job's rows. Raises `LeaseLost`, `StorageUnavailable`.
        """
        fence = self.keeper.claim.fence
        self.keeper.files.put(part, fence, self.stage)
        sealed = self.keeper.sealer.seal(spell_closed_part(part, self.prepared.fingerprint))
        row = KeptPart(dataset=self._name, number=part.summary.number, fence=fence, sealed=sealed)
        self.keeper.keep(row)

    def shares(self, census: Census, closed: int) -> bool:
        """
        Say whether enough parts are left.
        """
        w = self.keeper.wiring
        return w.fan_out and census.included >= (closed + FEWEST_PARTS) * w.part_rows

    def share(self, census: Census, closed: Sequence[ClosedPart]) -> Sequence[ClosedPart]:
        """
        Plan what lies behind the closed parts, ring for others, and read along with them until all of it is closed.
        """
        w, before = self.keeper.wiring, closed[-1] if closed else None
        gathering = Gathering(
            keeper=self.keeper, prepared=self.prepared, stage=self.stage, first=len(closed), before=before
        )
        after = None if before is None else before.last
        with ExitStack() as held:
            snapshot = held.enter_context(w.source.snapshot())
            view = shared_view(w.source, snapshot)
            ranges = key_ranges(snapshot, self.prepared.query, after, w.part_rows, census=census, view=view)
            # Others begin with the first one while the last ones are being found.
            for number, range_ in enumerate(ranges, start=len(closed)):
                self.keeper.lease.check()
                self._plan(number, range_)
            if view is None:
                held.close()
            gathering.work_off(
                lambda left: self.watch(max(0, census.included - left * w.part_rows), census.included)
            )
        return gathering.parts

    def _plan(self, number: int, range_: KeyRange) -> None:
        w, claim = self.keeper.wiring, self.keeper.claim
        planned = PlannedPart(
            dataset=self._name,
            number=number,
            fence=claim.fence * FENCES_OF_A_CLAIM,
            sealed=self.keeper.sealer.seal(spell_key_range(self._name, range_, self.prepared.fingerprint)),
        )
        w.jobs.plan_parts(claim, self.keeper.as_of, [planned])
        w.dispatcher.ring(claim.job.tenant, claim.job.id)
