"""
The parts of one dataset brought together in their order: some read here, the others as somebody closes them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from attrs import define, field

from ._core.closed_part import ClosedPart, KeptPart, PartClaim, PlannedPart, read_closed_part, read_key_range
from ._core.selection import Key
from .dataset_stage import DatasetStage
from .errors import KeysMissing, LeaseLost, ObjectAltered, ObjectMissing
from .keeping import PartKeeper
from .lease import Lease
from .preparing import Prepared
from .sharing import FEWEST_PARTS, read_planned_part

# How often whoever waits for the parts of others looks whether there are any left.
LOOK_EVERY = timedelta(milliseconds=200)


@define(kw_only=True)
class Gathering:
    """
    What lies behind the part *before* (`None`: the start) goes into *stage*, from part *first* on. One thread's.
    """

    keeper: PartKeeper
    prepared: Prepared
    stage: DatasetStage
    first: int = 0
    before: ClosedPart | None = None
    parts: list[ClosedPart] = field(factory=list, init=False)
    _broken_off: bool = field(default=False, init=False)

    @property
    def _next(self) -> int:
        return self.first + len(self.parts)

    @property
    def _stopped_at(self) -> Key | None:
        last = self.parts[-1] if self.parts else self.before
        return None if last is None else last.last

    def bring_back(self) -> None:
        """
        Stage what is kept, as far as it goes without a gap; where anything of a part is missing or altered, it ends
        before it.
        """
        while not self._broken_off:
            row = self.keeper.row(self.prepared.dataset.name, self._next)
            if row is None:
                return
            with suppress(KeysMissing, ObjectAltered, ObjectMissing):
                if self._brought_back(row):
                    continue
            self._broken_off = True

    def _brought_back(self, row: KeptPart) -> bool:
        data = self.keeper.sealer.unseal(row.sealed)
        part = read_closed_part(data, row.dataset, self.prepared.fingerprint)
        # A part behind another end than the one before has now would leave rows out, or repeat them.
        if part is None or part.after != self._stopped_at:
            return False
        if part.summary.rows:
            self.keeper.files.restore(part, row.fence, self.stage, self.keeper.lease.check)
        self.parts.append(part)
        return True

    def work_off(self, watch: Callable[[int], None]) -> None:
        """
        Read planned parts until none is left, waiting for those that others are at; *watch* is told what is left.
        """
        w, job = self.keeper.wiring, self.keeper.claim.job
        taken: list[PartClaim] = []
        try:
            while open_ := self.keeper.open_parts(self.prepared.dataset.name):
                self.keeper.lease.check()
                watch(len(open_))
                if self._next not in open_ and not self._broken_off:
                    self.keeper.look_again()
                    self.bring_back()
                # One part ahead: once it is read, others have closed those before it, and it need not be brought
                # back. Not near the end, where it would be somebody else's to read.
                for _ in range(1 + (len(open_) > FEWEST_PARTS) - len(taken)):
                    claim = w.jobs.claim_part(lease=w.lease, tenant=job.tenant, job_id=job.id)
                    taken += [claim] if claim else []
                if not taken:
                    self.keeper.lease.stop.wait(LOOK_EVERY.total_seconds())
                    continue
                self._read(taken.pop(0))
        except Exception:
            for claim in taken:
                w.jobs.release_part(claim)
            raise
        self.keeper.look_again()
        self.bring_back()

    def _read(self, claim: PartClaim) -> None:
        w, lease = self.keeper.wiring, self.keeper.lease
        renew = partial(w.jobs.renew_part, claim, w.lease)
        try:
            renew()
            with Lease(w.renewals, renew, claim.job.id, lease.stop) as held:
                check = partial(_both, held.check, lease.check)
                if self._is_next(claim.part):
                    with self.stage.all_or_nothing():
                        part = read_planned_part(w, claim, check, self.stage)
                    self.parts.append(part)
                else:
                    read_planned_part(w, claim, check)
        except LeaseLost:
            # Of the part: then another reads it. Of the job: this says so.
            lease.check()
        except Exception:
            # Whatever it was: the next attempt need not wait for this one's lease to run out.
            w.jobs.release_part(claim)
            raise

    def _is_next(self, part: PlannedPart) -> bool:
        name = self.prepared.dataset.name
        if (part.dataset, part.number) != (name, self._next):
            return False
        range_ = read_key_range(self.keeper.sealer.unseal(part.sealed), name, self.prepared.fingerprint)
        return range_ is not None and range_.after == self._stopped_at


def _both(one: Callable[[], None], other: Callable[[], None]) -> None:
    one()
    other()
