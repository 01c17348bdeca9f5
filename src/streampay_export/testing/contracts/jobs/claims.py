"""
The contract of `JobClaims`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from ...._core.job import DatasetProgress
from ...._core.lifecycle import State
from ....errors import (
    LeaseLost,
)
from ....ports.jobs import Admission, JobStore
from ....ports.outbox import Outbox
from ..concurrency import at_once
from ..outbox import make_entry
from .samples import (
    LEASE,
    MICROSECOND,
    MOST,
    Advance,
    claim_all,
    claim_new,
    claim_one,
    completion,
    ids,
    make_job,
    stored,
)


class ClaimsContract:
    """
    A job is worked on by one, who changes nothing once another does.
    """

    def test_a_claim_is_a_lease_with_a_fence(self, store: JobStore) -> None:
        """
        A claimed job runs, with fence, attempts and revision one higher, from now until now + lease.
        """
        job = store.add(make_job(store, not_before=store.now())).job
        claim = claim_one(store)
        expected = evolve(
            job,
            state=State.RUNNING,
            not_before=None,
            fence=1,
            attempts=1,
            lease_until=store.now() + LEASE,
            revision=1,
        )
        assert (expected, expected) == (claim.job, store.get("default", "job-1"))
        assert (1, store.now()) == (claim.fence, claim.at)

    def test_nobody_else_claims_a_leased_job(self, store: JobStore, advance: Advance) -> None:
        """
        As long as the lease lasts the job waits for nobody.
        """
        claim_new(store)
        advance(LEASE.total_seconds() - 0.000001)
        assert store.claim(lease=LEASE, max_attempts=MOST) is None
        assert not store.waiting()

    def test_an_expired_lease_is_taken_over(self, store: JobStore, advance: Advance) -> None:
        """
        When the lease is over, the next claim gets a higher fence and counts another attempt.
        """
        first = claim_new(store)
        advance(LEASE.total_seconds())
        assert ["job-1"] == ids(store.waiting())
        second = claim_one(store)
        assert (first.fence + 1, 2) == (second.fence, second.job.attempts)

    def test_the_longest_waiting_is_first(self, store: JobStore, advance: Advance) -> None:
        """
        Queued jobs wait from not_before or created_at, running ones from the end of their lease; then by id.
        """
        store.add(make_job(store, "job-running", owner="1"))
        claim_one(store)
        store.add(make_job(store, "job-later", owner="2", not_before=store.now() + LEASE + MICROSECOND))
        advance(30)
        store.add(make_job(store, "job-b", owner="3"))
        store.add(make_job(store, "job-a", owner="4"))
        advance(40)
        order = ["job-a", "job-b", "job-running", "job-later"]
        assert order == ids(store.waiting())
        assert order[:2] == ids(store.waiting(2))
        assert order == [claim_one(store).job.id for _ in order]

    def test_a_job_does_not_wait_before_its_time(self, store: JobStore, advance: Advance) -> None:
        """
        A job with `not_before` waits from that instant on, not a microsecond earlier.
        """
        store.add(make_job(store, not_before=store.now() + timedelta(seconds=1)))
        advance(0.999999)
        assert (None, []) == (store.claim(lease=LEASE, max_attempts=MOST), list(store.waiting()))
        advance(0.000001)
        assert "job-1" == claim_one(store).job.id

    def test_a_named_job_is_claimed_alone(self, store: JobStore) -> None:
        """
        A claim that names a tenant or a job takes no other.
        """
        for n, tenant in enumerate(("default", "other", "default")):
            store.add(make_job(store, f"job-{n}", owner=str(n), tenant=tenant))
        assert store.claim(lease=LEASE, max_attempts=MOST, tenant="nobody") is None
        assert store.claim(lease=LEASE, max_attempts=MOST, tenant="default", job_id="job-1") is None
        named = store.claim(lease=LEASE, max_attempts=MOST, tenant="default", job_id="job-2")
        assert named is not None
        assert "job-2" == named.job.id
        others = store.claim(lease=LEASE, max_attempts=MOST, tenant="other")
        assert others is not None
        assert "job-1" == others.job.id

    def test_attempts_are_bounded(self, store: JobStore, advance: Advance) -> None:
        """
        A job that has had its attempts is claimed no more, and is in `exhausted`, not before.
        """
        store.add(make_job(store))
        for attempts in (1, 2):
            assert not store.exhausted(max_attempts=2)
            assert attempts == claim_one(store).job.attempts
            assert not store.exhausted(max_attempts=1), "a leased job does not wait"
            advance(LEASE.total_seconds())
        assert store.claim(lease=LEASE, max_attempts=2) is None
        assert ["job-1"] == ids(store.exhausted(max_attempts=2))
        assert ["job-1"] == ids(store.waiting())
        assert not store.exhausted(max_attempts=3)

    def test_concurrent_claims_get_different_jobs(self, store: JobStore) -> None:
        """
        Threads that claim at once never get the same job, and together get all.
        """
        for n in range(16):
            store.add(make_job(store, f"job-{n:02}", owner=str(n)))
        claimed = [job_id for some in at_once(8, lambda _: claim_all(store)) for job_id in some]
        claimed += claim_all(store)
        assert [f"job-{n:02}" for n in range(16)] == sorted(claimed)

    def test_renewing_moves_the_lease(self, store: JobStore, advance: Advance) -> None:
        """
        The lease lasts from now; nothing else changes, the revision neither.
        """
        claim = claim_new(store)
        advance(59)
        renewed = store.renew(claim, timedelta(seconds=90))
        expected = evolve(claim.job, lease_until=store.now() + timedelta(seconds=90))
        assert (expected, expected) == (renewed.job, store.get("default", "job-1"))
        assert store.now() == renewed.at
        advance(89.999999)
        assert store.claim(lease=LEASE, max_attempts=MOST) is None

    def test_a_late_worker_that_nobody_replaced_goes_on(self, store: JobStore, advance: Advance) -> None:
        """
        A lease that ran out but was taken by nobody is renewed.
        """
        claim = claim_new(store)
        advance(1000)
        assert store.now() + LEASE == store.renew(claim, LEASE).job.lease_until
        assert store.claim(lease=LEASE, max_attempts=MOST) is None

    def test_progress_is_kept(self, store: JobStore) -> None:
        """
        As-of and progress are stored, and the revision rises.
        """
        claim = claim_new(store)
        datasets = (DatasetProgress(name="streams", state="running", expected=2**53 + 1, written=7),)
        as_of = store.now() - timedelta(days=3, microseconds=1)
        store.progress(claim, as_of, datasets)
        assert evolve(claim.job, as_of=as_of, datasets=datasets, revision=2) == store.get("default", "job-1")

    def test_completing_makes_ready(self, store: JobStore, outbox: Outbox, advance: Advance) -> None:
        """
        The completion is stored with its entries, and its life begins; the lease is gone, key and sealed subject
        are not.
        """
        claim, done = claim_new(store), completion(store)
        advance(5)
        ready = store.complete(claim, done, [make_entry("done")])
        expected = evolve(
            claim.job,
            state=State.READY,
            lease_until=None,
            as_of=done.as_of,
            completeness=done.completeness,
            datasets=done.datasets,
            artifact=done.artifact,
            expires_at=store.now() + done.kept_for,
            finished_at=store.now(),
            revision=2,
        )
        assert (expected, expected) == (ready, store.get("default", "job-1"))
        assert [make_entry("done")] == list(outbox.pending())

    @pytest.mark.parametrize("give_back", [False, True])
    def test_releasing_queues_again(self, store: JobStore, advance: Advance, *, give_back: bool) -> None:
        """
        A released job waits from *not_before*, still active; an attempt given back is uncounted, the fence stays.
        """
        claim, later = claim_new(store), store.now() + timedelta(seconds=5)
        released = store.release(claim, not_before=later, give_back=give_back)
        expected = evolve(
            claim.job,
            state=State.QUEUED,
            lease_until=None,
            not_before=later,
            attempts=0 if give_back else 1,
            revision=2,
        )
        assert (expected, expected) == (released, store.get("default", "job-1"))
        assert Admission.ACTIVE is store.add(make_job(store, "job-2")).admission
        assert store.claim(lease=LEASE, max_attempts=MOST) is None
        advance(5)
        assert claim.fence + 1 == claim_one(store).fence

    def test_released_without_a_time_it_waits_at_once(self, store: JobStore) -> None:
        """
        A job released without *not_before* keeps its place in the queue.
        """
        store.add(make_job(store))
        store.release(claim_one(store))
        assert ["job-1"] == ids(store.waiting())

    @pytest.mark.parametrize("what", ["taken over", "released", "ready", "cancelled", "erased", "never there"])
    def test_a_late_worker_changes_nothing(
        self, store: JobStore, outbox: Outbox, advance: Advance, what: str
    ) -> None:
        """
        Once its claim is void, a worker gets `LeaseLost` with the state that is, and the job is as it was.
        """
        zombie = claim_new(store)
        if what == "taken over":
            advance(LEASE.total_seconds())
            claim_one(store)
        elif what == "released":
            store.release(zombie)
        elif what == "ready":
            store.complete(zombie, completion(store))
        elif what == "never there":
            zombie = evolve(zombie, job=evolve(zombie.job, tenant="other"))
        else:
            store.end("default", "job-1", expected={State.RUNNING}, state=State(what))
        before = stored(store)
        for act in (
            lambda: store.renew(zombie, LEASE),
            lambda: store.progress(zombie, store.now(), ()),
            lambda: store.complete(zombie, completion(store), [make_entry("late")]),
            lambda: store.release(zombie, give_back=True),
        ):
            with pytest.raises(LeaseLost) as caught:
                act()
            assert ("" if what == "never there" else before.state) == caught.value.state
        assert before == store.get("default", "job-1")
        assert not outbox.pending()

    def test_a_claim_given_up_does_not_come_back_to_life(self, store: JobStore) -> None:
        """
        After a release and another's claim, the first worker's claim is void although the job runs.
        """
        zombie = claim_new(store)
        store.release(zombie, give_back=True)
        claim_one(store)
        with pytest.raises(LeaseLost):
            store.complete(zombie, completion(store))
