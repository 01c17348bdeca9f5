"""
The contract of `JobEnds`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from ...._core.job import Failure
from ...._core.lifecycle import State
from ....errors import (
    IllegalMove,
)
from ....ports.jobs import JobStore
from ....ports.outbox import Outbox
from ..outbox import make_entry
from .samples import (
    Advance,
    claim_new,
    claim_one,
    completion,
    ids,
    make_job,
    make_ready,
    stored,
)


class EndsContract:
    """
    What has ended is shredded at once, and deleted after its period.
    """

    @pytest.mark.parametrize("before", [State.QUEUED, State.RUNNING, State.READY])
    def test_ending_shreds(self, store: JobStore, outbox: Outbox, before: State) -> None:
        """
        An ended job has no lease, key or sealed subject; its fence is higher, its artifact still named.
        """
        job = store.add(make_job(store, not_before=store.now())).job
        if before is State.RUNNING:
            job = claim_one(store).job
        if before is State.READY:
            job = store.complete(claim_one(store), completion(store))
        failure = Failure(slug="refused", sentence="It is the third this week.", remedies="You may complain.")
        ended = store.end(
            "default",
            "job-1",
            expected={before},
            state=State.ERASED,
            failure=failure,
            entries=[make_entry("end")],
        )
        expected = evolve(
            job,
            state=State.ERASED,
            lease_until=None,
            not_before=None,
            wrapped_key=None,
            sealed=None,
            finished_at=store.now(),
            failure=failure,
            fence=job.fence + 1,
            revision=job.revision + 1,
        )
        assert (expected, expected) == (ended, store.get("default", "job-1"))
        assert [make_entry("end")] == list(outbox.pending())
        assert not store.waiting()

    def test_only_what_is_expected_ends(self, store: JobStore, outbox: Outbox) -> None:
        """
        Another state, another fence, another tenant: `None`, and nothing changed.
        """
        running = claim_new(store).job
        for tenant, expected, fence in (
            ("default", State.QUEUED, None),
            ("default", State.RUNNING, running.fence + 1),
            ("default", State.RUNNING, running.fence - 1),
            ("other", State.RUNNING, None),
        ):
            ended = store.end(
                tenant,
                "job-1",
                expected={expected},
                state=State.CANCELLED,
                fence=fence,
                entries=[make_entry("no")],
            )
            assert ended is None
        assert running == store.get("default", "job-1")
        assert not outbox.pending()
        assert store.end(
            "default", "job-1", expected={State.QUEUED, State.RUNNING}, state=State.FAILED, fence=running.fence
        )

    def test_what_happened_first_stays(self, store: JobStore, advance: Advance) -> None:
        """
        A later end keeps when the job finished, and why it failed.
        """
        failure = Failure(slug="backend", sentence="Something failed.", detail="The database is away.")
        store.add(make_job(store))
        failed = store.end("default", "job-1", expected={State.QUEUED}, state=State.FAILED, failure=failure)
        advance(60)
        erased = store.end("default", "job-1", expected={State.FAILED}, state=State.ERASED)
        assert failed is not None
        assert erased is not None
        assert (failed.finished_at, failure) == (erased.finished_at, erased.failure)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (State.QUEUED, State.EXPIRED),
            (State.READY, State.CANCELLED),
            (State.RUNNING, State.QUEUED),
            (State.RUNNING, State.READY),
            (State.ERASED, State.ERASED),
        ],
    )
    def test_a_move_that_does_not_exist_is_a_bug(self, store: JobStore, before: State, after: State) -> None:
        """
        `end` makes no move that the lifecycle lacks, and none to a state that is not final.
        """
        with pytest.raises(IllegalMove):
            store.end("default", "job-1", expected={before}, state=after)

    def test_expired_jobs_are_found_at_their_time(self, store: JobStore, advance: Advance) -> None:
        """
        A ready job is in `expired` from its `expires_at` on, the longest expired first; an ended one is not.
        """
        for name, days in (("job-c", 3), ("job-b", 2), ("job-a", 2), ("job-d", 1)):
            make_ready(store, name, life=timedelta(days=days))
        store.end("default", "job-d", expected={State.READY}, state=State.DELETED)
        advance(timedelta(days=2).total_seconds() - 0.000001)
        assert not store.expired()
        advance(0.000001)
        assert ["job-a", "job-b"] == ids(store.expired())
        advance(timedelta(days=1).total_seconds())
        assert ["job-a", "job-b", "job-c"] == ids(store.expired())
        assert ["job-a"] == ids(store.expired(1))

    def test_artifacts_of_ended_jobs_wait_to_be_deleted(self, store: JobStore, advance: Advance) -> None:
        """
        An ended job is an orphan until its artifact is forgotten; a ready one never is.
        """
        ended = [State.EXPIRED, State.DELETED, State.ERASED]
        for n, state in enumerate(ended):
            make_ready(store, f"job-{n}")
            store.end("default", f"job-{n}", expected={State.READY}, state=state)
            advance(1)
        ready = make_ready(store, "job-3")
        assert ["job-0", "job-1", "job-2"] == ids(store.orphans())
        assert ["job-0"] == ids(store.orphans(1))
        store.forget_artifact("default", "job-3")
        store.forget_artifact("other", "job-1")
        store.forget_artifact("default", "job-1")
        store.forget_artifact("default", "job-1")
        assert ["job-0", "job-2"] == ids(store.orphans())
        assert ready == store.get("default", "job-3")
        forgotten = stored(store)
        assert (None, 4) == (forgotten.artifact, forgotten.revision)
