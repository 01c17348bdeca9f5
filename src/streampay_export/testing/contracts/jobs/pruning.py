"""
The contract of `JobEnds.prune`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ...._core.closed_part import KeptPart
from ...._core.lifecycle import FINAL, MOVES, State
from ....ports.jobs import Admission, Idempotency, JobStore
from ..concurrency import at_once
from .samples import (
    MICROSECOND,
    Advance,
    claim_one,
    completion,
    ids,
    make_job,
    make_ready,
    open_link,
)


def prune(store: JobStore, ended_before: datetime) -> int:
    """
    Prune jobs, and no keys but theirs; return how many.
    """
    return store.prune(ended_before=ended_before, keys_before=datetime(2000, 1, 1, tzinfo=UTC))


class PruningContract:
    """
    What is past its period is deleted, and nothing else.
    """

    @pytest.mark.parametrize("state", FINAL)
    def test_what_is_over_is_deleted_after_its_period(
        self, store: JobStore, advance: Advance, state: State
    ) -> None:
        """
        Not at the instant of its period but after it, with all its rows; what is active or ready stays.
        """
        key = Idempotency(key="key", digest="d1")
        store.add(make_job(store), tags=["tag"], idempotency=key)
        claim = claim_one(store)
        store.keep_part(claim, store.now(), KeptPart(dataset="streams", number=0, fence=claim.fence, sealed=b"\0"))
        expected = State.RUNNING
        if state not in MOVES[State.RUNNING]:
            store.complete(claim, completion(store, timedelta(seconds=1)))
            open_link(store)
            expected = State.READY
        store.end("default", "job-1", expected={expected}, state=state)
        make_ready(store, "ready", life=timedelta(days=99))
        advance(timedelta(days=40).total_seconds())
        store.add(make_job(store, "active"))

        finished = store.now() - timedelta(days=40)
        if expected is State.READY:
            finished += timedelta(seconds=1)
            assert 0 == prune(store, store.now())
            store.forget_artifact("default", "job-1")
        assert 0 == prune(store, finished)
        assert 1 == prune(store, finished + MICROSECOND)
        assert store.get("default", "job-1") is None
        assert ["active", "ready"] == ids(
            [job for owner in ("owner", "owner of ready") for job in store.list("default", owner, limit=9)]
        )
        again = store.add(make_job(store, "job-2", owner="another"), idempotency=key)
        assert Admission.CREATED is again.admission
        assert 0 == prune(store, store.now())

    @pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
    def test_what_was_not_answered_stays_until_it_was_due(
        self, store: JobStore, advance: Advance, state: State
    ) -> None:
        """
        A next request takes over its dates, however short the period is.
        """
        store.add(make_job(store))
        store.end("default", "job-1", expected={State.QUEUED}, state=state)
        advance(timedelta(days=30).total_seconds())
        assert 0 == prune(store, store.now())
        advance(0.001)
        assert 1 == prune(store, store.now())

    def test_idempotency_keys_go_before_their_jobs(self, store: JobStore, advance: Advance) -> None:
        """
        A key that is past its period names nothing any more; the job stays, and so do later keys.
        """
        early, late = Idempotency(key="early", digest="d1"), Idempotency(key="late", digest="d1")
        store.add(make_job(store), idempotency=early)
        advance(1)
        store.add(make_job(store, "job-2"), idempotency=late)
        store.end("default", "job-1", expected={State.QUEUED}, state=State.CANCELLED)
        made = store.now()
        assert 1 == store.prune(ended_before=made, keys_before=made)
        assert Admission.REPEATED is store.add(make_job(store, "job-3"), idempotency=late).admission
        assert Admission.CREATED is store.add(make_job(store, "job-4"), idempotency=early).admission
        assert store.get("default", "job-1") is not None

    def test_the_longest_finished_go_first_and_not_too_many(self, store: JobStore, advance: Advance) -> None:
        """
        A call deletes no more than it is told; the next ones delete the rest.
        """
        for n in (3, 1, 2):
            advance(1)
            store.add(make_job(store, f"job-{n}", owner=f"owner-{n}"), idempotency=Idempotency(key="k", digest="d"))
        for n in (2, 3, 1):
            advance(1)
            store.end("default", f"job-{n}", expected={State.QUEUED}, state=State.ERASED)
        advance(1)
        pruned = []
        while store.prune(ended_before=store.now(), keys_before=store.now(), limit=1):
            pruned.append([n for n in (1, 2, 3) if store.get("default", f"job-{n}") is not None])
        assert [[1, 3], [1], []] == pruned

    def test_many_prune_at_once(self, store: JobStore, advance: Advance) -> None:
        """
        Each row is deleted, and counted, by one of them.
        """
        for n in range(12):
            store.add(make_job(store, f"job-{n}", owner=f"owner-{n}"))
            store.end("default", f"job-{n}", expected={State.QUEUED}, state=State.ERASED)
        advance(1)
        before = store.now()

        def prune_all(_: int) -> int:
            return sum(iter(lambda: store.prune(ended_before=before, keys_before=before, limit=2), 0))

        assert 12 == sum(at_once(4, prune_all))
        assert [] == [n for n in range(12) if store.get("default", f"job-{n}") is not None]
