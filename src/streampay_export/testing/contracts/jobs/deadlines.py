"""
The contract of `JobDeadlines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from ...._core.deadline import Deadline, Extension
from ...._core.job import REFUSED, Failure, Job
from ...._core.lifecycle import FINAL, State
from ...._core.request import ExportRequest
from ....errors import (
    LeaseLost,
)
from ....ports.jobs import Admission, JobStore, Overview
from ....ports.outbox import Outbox
from ..concurrency import at_once
from ..outbox import make_entry
from .samples import (
    LEASE,
    MICROSECOND,
    MOST,
    Advance,
    claim_new,
    claim_one,
    completion,
    ids,
    make_job,
    make_ready,
    stored,
)


def _told(overview: Overview) -> tuple[Mapping[State, int], datetime | None, tuple[Job, ...]]:
    return overview.counts, overview.waiting_since, overview.overdue


class DeadlinesContract:
    """
    When an answer is due outlives a job, and is told from what is late.
    """

    def test_a_paused_job_waits_for_nobody(self, store: JobStore, advance: Advance) -> None:
        """
        It is active, but is not claimed, named or not, does not wait and is never exhausted.
        """
        store.add(make_job(store, paused_at=store.now()))
        advance(86_400)
        assert store.claim(lease=LEASE, max_attempts=MOST) is None
        assert store.claim(lease=LEASE, max_attempts=MOST, tenant="default", job_id="job-1") is None
        assert ([], []) == (list(store.waiting()), list(store.exhausted(max_attempts=0)))
        assert Admission.ACTIVE is store.add(make_job(store, "job-2")).admission

    def test_a_new_deadline_is_kept(self, store: JobStore, outbox: Outbox) -> None:
        """
        Due date and extension are stored with their entries, the revision rises, and a worker goes on.
        """
        claim = claim_new(store)
        job = claim.job
        extension = Extension(reason="There is much of it.", at=store.now())
        deadline = job.deadline.extended(extension, timedelta(days=60))
        changed = store.reschedule(job, deadline, expected={State.RUNNING}, entries=[make_entry("extended")])
        expected = evolve(job, due_at=deadline.due_at, extension=extension, revision=job.revision + 1)
        assert (expected, expected) == (changed, store.get("default", "job-1"))
        assert [make_entry("extended")] == list(outbox.pending())
        store.renew(claim, LEASE)

    def test_pausing_takes_a_job_from_its_worker(self, store: JobStore, advance: Advance) -> None:
        """
        A running job that is paused is queued, its attempt given back; the worker's claim is void for good.
        """
        claim = claim_new(store)
        store.progress(claim, store.now(), ())
        running = stored(store)
        paused = store.reschedule(running, running.deadline.paused(store.now()), expected={State.RUNNING})
        expected = evolve(
            running,
            state=State.QUEUED,
            lease_until=None,
            paused_at=store.now(),
            attempts=0,
            fence=claim.fence + 1,
            revision=running.revision + 1,
        )
        assert (expected, expected) == (paused, store.get("default", "job-1"))
        assert not store.waiting()
        advance(3600)
        resumed = store.reschedule(expected, expected.deadline.resumed(store.now()), expected={State.QUEUED})
        assert evolve(expected, due_at=running.due_at + timedelta(hours=1), paused_at=None, revision=4) == resumed
        assert claim.fence + 2 == claim_one(store).fence
        with pytest.raises(LeaseLost):
            store.complete(claim, completion(store))

    def test_a_resumed_job_keeps_its_place(self, store: JobStore, advance: Advance) -> None:
        """
        It waits from when it was made, or from its `not_before`, as before.
        """
        first = store.add(make_job(store, paused_at=store.now())).job
        advance(1)
        store.add(make_job(store, "job-0", owner="another"))
        store.reschedule(first, first.deadline.resumed(store.now()), expected={State.QUEUED})
        assert ["job-1", "job-0"] == ids(store.waiting())

    def test_only_what_was_seen_is_rescheduled(self, store: JobStore, outbox: Outbox) -> None:
        """
        Another state, another deadline meanwhile, another tenant: `None`, and nothing changed.
        """
        seen = store.add(make_job(store)).job
        later = Deadline(due_at=seen.due_at + timedelta(days=1))
        changed = store.reschedule(seen, later, expected={State.QUEUED})
        assert changed is not None
        other = evolve(changed, tenant="other")
        for before, expected in ((seen, State.QUEUED), (changed, State.RUNNING), (other, State.QUEUED)):
            entries = [make_entry("no")]
            assert store.reschedule(before, seen.deadline, expected={expected}, entries=entries) is None
        assert changed == store.get("default", "job-1")
        assert not outbox.pending()

    def test_one_of_many_concurrent_changes_wins(self, store: JobStore) -> None:
        """
        Of changes at once that saw the same deadline exactly one is made.
        """
        seen = store.add(make_job(store)).job

        def extend(n: int) -> bool:
            deadline = Deadline(due_at=seen.due_at + timedelta(days=n + 1))
            return store.reschedule(seen, deadline, expected={State.QUEUED}) is not None

        assert [False] * 7 + [True] == sorted(at_once(8, extend))

    @pytest.mark.parametrize("state", sorted(FINAL))
    def test_a_request_outlives_a_job_that_answers_nothing(self, store: JobStore, state: State) -> None:
        """
        After a failure or a cancellation the next job has the dates of the first, after any other end its own.
        """
        first = store.add(make_job(store)).job
        extension = Extension(reason="There is much of it.", at=store.now())
        deadline = evolve(first.deadline.extended(extension, timedelta(days=60)), paused_at=store.now())
        store.reschedule(first, deadline, expected={State.QUEUED})
        if state in {State.EXPIRED, State.DELETED}:
            paused = stored(store)
            store.reschedule(paused, paused.deadline.resumed(store.now()), expected={State.QUEUED})
            store.complete(claim_one(store), completion(store))
        before = State.READY if state in {State.EXPIRED, State.DELETED} else State.QUEUED
        store.end("default", "job-1", expected={before}, state=state)
        second = evolve(make_job(store, "job-2"), received_at=store.now(), due_at=store.now() + LEASE)
        expected = second
        if state in {State.FAILED, State.CANCELLED}:
            expected = evolve(
                second,
                received_at=first.received_at,
                due_at=deadline.due_at,
                extension=extension,
                paused_at=deadline.paused_at,
            )
        assert (expected, expected) == (store.add(second).job, store.get("default", "job-2"))

    def test_only_the_latest_job_counts(self, store: JobStore, advance: Advance) -> None:
        """
        A job follows the latest of its own, by when it was made and then by id, and nobody else's.
        """
        for n, (job_id, state) in enumerate([("job-b", State.FAILED), ("job-a", State.EXPIRED)]):
            store.add(make_job(store, job_id))
            if state is State.EXPIRED:
                store.complete(claim_one(store), completion(store))
            store.end("default", job_id, expected={State.READY if n else State.QUEUED}, state=state)
            advance(1)
        after_an_answer = make_job(store, "job-3")
        assert after_an_answer == store.add(after_an_answer).job
        store.end("default", "job-3", expected={State.QUEUED}, state=State.FAILED)
        support = ExportRequest(profile="support", datasets=("streams",))
        advance(60)
        for stranger in (
            make_job(store, "job-4", tenant="other"),
            make_job(store, "job-5", owner="another"),
            make_job(store, "job-6", requester="another"),
            make_job(store, "job-7", request=support),
        ):
            assert stranger == store.add(stranger).job
        assert after_an_answer.received_at == store.add(make_job(store, "job-8")).job.received_at

    def test_an_overview_counts_a_tenants_jobs(self, store: JobStore, advance: Advance) -> None:
        """
        Every state has its count, of that tenant alone, and the longest waiting job says since when.
        """
        assert (dict.fromkeys(State, 0), None, ()) == _told(store.overview("default"))
        make_ready(store, "job-r")
        make_ready(store, "job-o", tenant="other")
        began = store.now()
        for name in ("job-a", "job-b", "job-c"):
            store.add(make_job(store, name, owner=name))
            advance(1)
        store.add(make_job(store, "job-later", owner="later", not_before=store.now() + LEASE))
        expected = dict.fromkeys(State, 0) | {State.READY: 1, State.QUEUED: 4}
        assert (expected, began, ()) == _told(store.overview("default"))

        claim_one(store, "job-a")
        store.end("default", "job-r", expected={State.READY}, state=State.DELETED)
        changed = {State.READY: 0, State.DELETED: 1, State.QUEUED: 3, State.RUNNING: 1}
        assert (expected | changed, began + timedelta(seconds=1), ()) == _told(store.overview("default"))
        others = dict.fromkeys(State, 0) | {State.READY: 1}
        assert (others, None, ()) == _told(store.overview("other"))

    def test_an_overview_names_what_is_overdue(self, store: JobStore, advance: Advance) -> None:
        """
        Overdue is what has no answer once it was due: active, unless paused before, or failed, unless refused or
        followed by a later job. The longest due comes first.
        """
        names = ("queued", "running", "paused", "failed", "refused", "cancelled", "again", "other")
        for place, name in enumerate(names):
            job = make_job(
                store,
                f"job-{name}",
                owner=name,
                tenant="other" if name == "other" else "default",
                paused_at=store.now() if name == "paused" else None,
            )
            store.add(evolve(job, due_at=store.now() + timedelta(hours=9 - place)))
        claim_one(store, "job-running")
        for name, state, slug in (
            ("failed", State.FAILED, "null-key"),
            ("again", State.FAILED, "null-key"),
            ("refused", State.FAILED, REFUSED),
            ("cancelled", State.CANCELLED, "x"),
        ):
            failure = Failure(slug=slug, sentence="It cannot be.")
            store.end("default", f"job-{name}", expected={State.QUEUED}, state=state, failure=failure)
        advance(3600)
        store.add(make_job(store, "job-again-2", owner="again"))
        store.complete(claim_one(store, "job-again-2"), completion(store))

        assert not store.overview("default").overdue
        advance(5 * 3600)
        assert ["job-failed"] == ids(store.overview("default").overdue)
        advance(2 * 3600 - MICROSECOND.total_seconds())
        assert ["job-failed"] == ids(store.overview("default").overdue)
        advance(MICROSECOND.total_seconds())
        assert ["job-failed", "job-running"] == ids(store.overview("default").overdue)
        advance(9 * 3600)
        named = store.overview("default").overdue
        assert ["job-failed", "job-running", "job-queued"] == ids(named)
        assert [store.get("default", job.id) for job in named] == list(named)
