"""
The contract of `JobRequests`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from ...._core.deadline import Extension
from ...._core.lifecycle import FINAL, State
from ...._core.request import ExportRequest
from ....errors import (
    ActiveExportDiffers,
    IdempotencyKeyReused,
    InvalidRequest,
)
from ....ports.jobs import Admission, Idempotency, JobStore
from ....ports.outbox import Outbox
from ..concurrency import at_once
from ..outbox import make_entry
from .samples import (
    HOSTILE,
    MICROSECOND,
    THREADS,
    Advance,
    claim_one,
    completion,
    ids,
    make_job,
)


class RequestsContract:
    """
    A request becomes a job once, and is found again.
    """

    def test_a_job_comes_back_as_it_was_added(self, store: JobStore) -> None:
        """
        Every part of a job is stored exactly.
        """
        job = evolve(
            make_job(store, not_before=store.now() + timedelta(days=400, microseconds=7), paused_at=store.now()),
            extension=Extension(reason="Há motivos: “many” files.", at=store.now() - MICROSECOND),
            told=False,
        )
        admitted = store.add(job)
        assert (Admission.CREATED, job, job) == (admitted.admission, admitted.job, store.get("default", "job-1"))

    def test_an_equal_request_gets_the_active_job(self, store: JobStore) -> None:
        """
        While a job is queued or running, the same tenant, owner, profile and requester get that one.
        """
        first = store.add(make_job(store)).job
        while_queued = store.add(make_job(store, "job-2"))
        running = claim_one(store).job
        while_running = store.add(make_job(store, "job-3"))
        assert [(Admission.ACTIVE, first), (Admission.ACTIVE, running)] == [
            (each.admission, each.job) for each in (while_queued, while_running)
        ]
        assert [None, None] == [store.get("default", job_id) for job_id in ("job-2", "job-3")]

    def test_another_request_meets_the_active_job(self, store: JobStore) -> None:
        """
        Other parameters while one is active raise `ActiveExportDiffers`, which names it.
        """
        store.add(make_job(store))
        with pytest.raises(ActiveExportDiffers) as caught:
            store.add(make_job(store, "job-2", request=ExportRequest(datasets=("streams",))))
        assert "job-1" == caught.value.job_id

    def test_others_have_active_jobs_of_their_own(self, store: JobStore) -> None:
        """
        Another tenant, owner, profile or requester is another active job.
        """
        support = ExportRequest(profile="support", datasets=("streams",))
        others = [
            make_job(store),
            make_job(store, "job-2", tenant="other"),
            make_job(store, "job-3", owner="Owner"),
            make_job(store, "job-4", request=support),
            make_job(store, "job-5", requester="somebody"),
            make_job(store, "job-6", owner="somebody", requester="owner"),
        ]
        assert {Admission.CREATED} == {store.add(job).admission for job in others}

    def test_many_jobs_are_had_at_once(self, store: JobStore) -> None:
        """
        Those of the tenant that there are, each once, whatever their state; asked for none, none.
        """
        for name in ("job-1", "job-2", "job-3"):
            store.add(make_job(store, name, owner=name))
        store.add(make_job(store, "job-4", tenant="other"))
        store.end("default", "job-2", expected={State.QUEUED}, state=State.CANCELLED)
        found = store.get_many("default", ["job-2", "job-1", "job-2", "job-4", "job", *HOSTILE])

        assert [store.get("default", name) for name in ("job-1", "job-2")] == sorted(found, key=lambda job: job.id)
        assert not store.get_many("default", [])

    @pytest.mark.parametrize("state", [State.READY, *sorted(FINAL)])
    def test_an_ended_job_is_not_active(self, store: JobStore, state: State) -> None:
        """
        From ready on, a new request makes a new job.
        """
        store.add(make_job(store))
        if state in {State.READY, State.EXPIRED, State.DELETED}:
            store.complete(claim_one(store), completion(store))
        if state is not State.READY:
            before = State.READY if state in {State.EXPIRED, State.DELETED} else State.QUEUED
            assert store.end("default", "job-1", expected={before}, state=state) is not None
        assert Admission.CREATED is store.add(make_job(store, "job-2")).admission

    def test_a_taken_id_is_refused(self, store: JobStore) -> None:
        """
        A second job under one id is refused, and the first is as it was.
        """
        first = store.add(make_job(store)).job
        with pytest.raises(InvalidRequest):
            store.add(make_job(store, owner="another"))
        assert first == store.get("default", "job-1")

    def test_an_idempotency_key_repeats(self, store: JobStore) -> None:
        """
        The same key with the same digest gives the job it made, also when that has ended.
        """
        key = Idempotency(key="key", digest="d1")
        store.add(make_job(store), idempotency=key)
        ended = store.end("default", "job-1", expected={State.QUEUED}, state=State.CANCELLED)
        again = store.add(make_job(store, "job-2"), idempotency=key)
        assert (Admission.REPEATED, ended) == (again.admission, again.job)

    def test_an_idempotency_key_with_another_request_is_refused(self, store: JobStore) -> None:
        """
        The same key with another digest raises `IdempotencyKeyReused`, active job or not.
        """
        store.add(make_job(store), idempotency=Idempotency(key="key", digest="d1"))
        with pytest.raises(IdempotencyKeyReused):
            store.add(make_job(store, "job-2"), idempotency=Idempotency(key="key", digest="d2"))

    def test_idempotency_keys_are_ones_own(self, store: JobStore) -> None:
        """
        A key is known per tenant, requester and owner, and only exactly as written.
        """
        key = Idempotency(key="key", digest="d1")
        others = [
            (make_job(store), key),
            (make_job(store, "job-2", tenant="other"), key),
            (make_job(store, "job-3", owner="another"), key),
            (make_job(store, "job-4", requester="another"), key),
        ]
        assert [Admission.CREATED] * 4 == [store.add(job, idempotency=it).admission for job, it in others]
        spelt_otherwise = Idempotency(key="KEY", digest="d2")
        assert Admission.ACTIVE is store.add(make_job(store, "job-5"), idempotency=spelt_otherwise).admission

    def test_a_key_that_met_an_active_job_names_it(self, store: JobStore) -> None:
        """
        After `ACTIVE` the key repeats that job.
        """
        store.add(make_job(store))
        key = Idempotency(key="key", digest="d1")
        store.add(make_job(store, "job-2"), idempotency=key)
        store.end("default", "job-1", expected={State.QUEUED}, state=State.FAILED)
        again = store.add(make_job(store, "job-3"), idempotency=key)
        assert (Admission.REPEATED, "job-1") == (again.admission, again.job.id)

    def test_a_refused_request_leaves_its_key_free(self, store: JobStore, outbox: Outbox) -> None:
        """
        A request that met another active one stores nothing: no job, no key, no entry.
        """
        store.add(make_job(store))
        key = Idempotency(key="key", digest="d1")
        other = make_job(store, "job-2", request=ExportRequest(datasets=("streams",)))
        with pytest.raises(ActiveExportDiffers):
            store.add(other, idempotency=key, entries=[make_entry("1")])
        store.end("default", "job-1", expected={State.QUEUED}, state=State.CANCELLED)
        assert Admission.CREATED is store.add(other, idempotency=key).admission
        assert not outbox.pending()

    def test_erasing_a_job_forgets_its_key(self, store: JobStore) -> None:
        """
        After erasure the key makes a new job.
        """
        key = Idempotency(key="key", digest="d1")
        store.add(make_job(store), idempotency=key)
        store.end("default", "job-1", expected={State.QUEUED}, state=State.ERASED)
        assert Admission.CREATED is store.add(make_job(store, "job-2"), idempotency=key).admission

    def test_entries_are_stored_with_a_created_job_only(self, store: JobStore, outbox: Outbox) -> None:
        """
        The outbox gets an entry of the call that created, of no other.
        """
        key = Idempotency(key="key", digest="d1")
        for n in range(3):
            store.add(make_job(store, f"job-{n}"), idempotency=key, entries=[make_entry(f"entry-{n}")])
        store.add(make_job(store, "job-3"), entries=[make_entry("entry-3")])
        assert [make_entry("entry-0")] == list(outbox.pending())

    @pytest.mark.parametrize("key", [None, Idempotency(key="key", digest="d1")])
    def test_one_of_many_concurrent_requests_creates(self, store: JobStore, key: Idempotency | None) -> None:
        """
        32 equal requests at once are one job, and 32 times the same answer.
        """
        answers = at_once(THREADS, lambda n: store.add(make_job(store, f"job-{n}"), idempotency=key))
        assert 1 == [each.admission for each in answers].count(Admission.CREATED)
        assert 1 == len({each.job.id for each in answers})
        assert all(each.job == answers[0].job for each in answers)

    def test_jobs_are_listed_newest_first(self, store: JobStore, advance: Advance) -> None:
        """
        One's own and those one asked for, by (created_at, id) from the newest, at most *limit*.
        """
        for n, (owner, requester) in enumerate([("me", "me"), ("me", "you"), ("you", "me"), ("you", "you")]):
            for suffix in "ab":
                request = ExportRequest(profile=suffix, datasets=("streams",))
                store.add(make_job(store, f"job-{n}{suffix}", owner=owner, requester=requester, request=request))
            advance(1)
        store.add(make_job(store, "job-9", owner="me", tenant="other"))
        expected = ["job-2b", "job-2a", "job-1b", "job-1a", "job-0b", "job-0a"]
        assert expected == ids(store.list("default", "me", limit=9))
        assert expected[:3] == ids(store.list("default", "me", limit=3))

    def test_a_list_goes_on_after_any_job(self, store: JobStore, advance: Advance) -> None:
        """
        *before* continues behind that job, without it: no job twice, none missing.
        """
        for n in range(6):
            requester = "me" if n % 2 else "you"
            request = ExportRequest(profile=f"p{n}", datasets=("streams",))
            store.add(make_job(store, f"job-{n}", owner="me", requester=requester, request=request))
            advance(n // 3)
        everything = list(store.list("default", "me", limit=9))
        assert 6 == len(everything)
        for n, job in enumerate(everything):
            rest = store.list("default", "me", limit=9, before=(job.created_at, job.id))
            assert everything[n + 1 :] == list(rest)

    def test_erased_jobs_are_not_listed(self, store: JobStore) -> None:
        """
        An erased job is in no list; one that ended otherwise is.
        """
        for n, state in enumerate((State.ERASED, State.CANCELLED, State.FAILED)):
            store.add(make_job(store, f"job-{n}"))
            store.end("default", f"job-{n}", expected={State.QUEUED}, state=state)
        assert ["job-2", "job-1"] == ids(store.list("default", "owner", limit=9))
