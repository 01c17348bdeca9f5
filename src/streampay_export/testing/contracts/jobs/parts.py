"""
The contract of `JobParts`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from ...._core.closed_part import KeptPart, PlannedPart
from ...._core.lifecycle import State
from ....errors import (
    LeaseLost,
)
from ....ports.jobs import JobStore
from .samples import (
    LEASE,
    Advance,
    claim_new,
    claim_one,
    completion,
)


def planned(number: int, sealed: bytes = b"a range") -> PlannedPart:
    """
    Return a part of the streams to be planned.
    """
    return PlannedPart(dataset="streams", number=number, fence=7, sealed=sealed)


class PartsContract:
    """
    Parts last until their job is done, and each is read by one.
    """

    def test_closed_parts_are_kept(self, store: JobStore) -> None:
        """
        Parts come back by dataset and number, each as stored last; with them the as-of, and no revision.
        """
        claim = claim_new(store)
        as_of = store.now() - timedelta(days=3, microseconds=1)
        parts = [
            KeptPart(dataset=dataset, number=number, fence=claim.fence, sealed=bytes(range(256)))
            for dataset, number in (("streams", 10), ("payouts", 1), ("streams", 2), ("payouts", 0))
        ]
        for part in parts:
            store.keep_part(claim, as_of, part)
        again = evolve(parts[2], sealed=b"another")
        store.keep_part(claim, as_of, again)
        assert [parts[3], parts[1], again, parts[0]] == list(store.kept_parts("default", "job-1"))
        assert evolve(claim.job, as_of=as_of) == store.get("default", "job-1")
        assert [] == list(store.kept_parts("default", "job-2"))
        assert [] == list(store.kept_parts("other", "job-1"))

    def test_a_late_worker_keeps_no_part(self, store: JobStore, advance: Advance) -> None:
        """
        Whoever lost the lease changes no part; who has it now finds the parts of before, and may replace them.
        """
        late = claim_new(store)
        part = KeptPart(dataset="streams", number=0, fence=late.fence, sealed=b"of before")
        store.keep_part(late, store.now(), part)
        advance(60)
        claim = claim_one(store)
        with pytest.raises(LeaseLost):
            store.keep_part(late, store.now(), evolve(part, sealed=b"late"))
        assert [part] == list(store.kept_parts("default", "job-1"))
        newer = evolve(part, fence=claim.fence, sealed=b"newer")
        store.keep_part(claim, store.now(), newer)
        assert [newer] == list(store.kept_parts("default", "job-1"))

    def test_planned_parts_are_claimed_one_by_one(self, store: JobStore, advance: Advance) -> None:
        """
        The lowest part that is free is claimed, each by one worker; a lease that ran out makes it free again.
        """
        claim = claim_new(store)
        as_of = store.now() - timedelta(days=3, microseconds=1)
        store.plan_parts(claim, as_of, [planned(1), planned(0)])
        store.plan_parts(claim, as_of, [planned(1, b"another")])
        assert evolve(claim.job, as_of=as_of) == store.get("default", "job-1")
        assert [planned(0), planned(1)] == list(store.planned_parts("default", "job-1"))
        assert store.claim_part(lease=LEASE, tenant="other") is None
        assert store.claim_part(lease=LEASE, tenant="default", job_id="job-2") is None
        first = store.claim_part(lease=LEASE)
        assert first is not None
        assert (evolve(claim.job, as_of=as_of), evolve(planned(0), fence=8)) == (first.job, first.part)
        second = store.claim_part(lease=LEASE, tenant="default", job_id="job-1")
        assert second is not None
        assert 1 == second.part.number
        assert store.claim_part(lease=LEASE) is None
        advance(59)
        store.renew_part(second, LEASE)
        advance(1)
        again = store.claim_part(lease=LEASE)
        assert again is not None
        assert (0, 9) == (again.part.number, again.part.fence)
        assert store.claim_part(lease=LEASE) is None
        store.release_part(second)
        assert store.claim_part(lease=LEASE) is not None

    def test_a_late_reader_closes_no_part(self, store: JobStore, advance: Advance) -> None:
        """
        Whoever lost a part's lease changes nothing; closing it keeps it, once, and it is planned no more.
        """
        claim = claim_new(store)
        store.plan_parts(claim, store.now(), [planned(0)])
        late = store.claim_part(lease=LEASE)
        assert late is not None
        advance(60)
        store.renew(claim, LEASE)
        reader = store.claim_part(lease=LEASE)
        assert reader is not None
        part = KeptPart(dataset="streams", number=0, fence=reader.part.fence, sealed=b"read")
        with pytest.raises(LeaseLost):
            store.renew_part(late, LEASE)
        with pytest.raises(LeaseLost):
            store.close_part(late, part)
        store.release_part(late)
        assert store.claim_part(lease=LEASE) is None
        store.close_part(reader, part)
        with pytest.raises(LeaseLost):
            store.close_part(reader, part)
        assert ([], [part]) == (
            list(store.planned_parts("default", "job-1")),
            list(store.kept_parts("default", "job-1")),
        )
        store.plan_parts(claim, store.now(), [planned(0)])
        assert [] == list(store.planned_parts("default", "job-1"))

    @pytest.mark.parametrize("ending", ["complete", "end", "release"])
    def test_a_plan_is_for_a_job_that_runs(self, store: JobStore, ending: str) -> None:
        """
        Parts of a job that waits are claimed by nobody; those of one that is done are forgotten.
        """
        claim = claim_new(store)
        store.plan_parts(claim, store.now(), [planned(0)])
        if ending == "complete":
            store.complete(claim, completion(store))
        elif ending == "end":
            store.end("default", "job-1", expected={State.RUNNING}, state=State.CANCELLED)
        else:
            store.release(claim)
        assert store.claim_part(lease=LEASE) is None
        assert (ending == "release") == bool(store.planned_parts("default", "job-1"))
        with pytest.raises(LeaseLost):
            store.plan_parts(claim, store.now(), [planned(1)])

    @pytest.mark.parametrize("ending", ["complete", "end", "release"])
    def test_parts_last_until_the_job_is_done(self, store: JobStore, ending: str) -> None:
        """
        A job that is ready or ended has no parts; one that waits for the next attempt keeps them.
        """
        claim = claim_new(store)
        store.keep_part(claim, store.now(), KeptPart(dataset="streams", number=0, fence=claim.fence, sealed=b"x"))
        if ending == "complete":
            store.complete(claim, completion(store))
        elif ending == "end":
            store.end("default", "job-1", expected={State.RUNNING}, state=State.CANCELLED)
        else:
            store.release(claim)
        assert (ending == "release") == bool(store.kept_parts("default", "job-1"))
