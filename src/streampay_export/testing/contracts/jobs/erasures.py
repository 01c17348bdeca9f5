"""
The contract of `JobErasures`.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve

from ...._core.erasure import Erasure
from ...._core.job import WrappedKey
from ...._core.lifecycle import State
from ....errors import (
    LeaseLost,
    SubjectErased,
)
from ....ports.jobs import Admission, Idempotency, JobStore
from ....ports.outbox import Outbox
from ..concurrency import at_once
from ..erasure import make_tombstone
from ..outbox import make_entry
from .samples import (
    LEASE,
    SESSION,
    Advance,
    bring_to,
    claim_one,
    completion,
    ids,
    make_job,
    stored,
)


def make_erasure(store: JobStore, receipt: str, *tags: str) -> Erasure:
    """
    Return an erasure that was not begun, whose parts are all filled in.
    """
    return Erasure(
        tombstone=evolve(make_tombstone(receipt, *tags), at=store.now()),
        sealed=b"\x00sealed \xff",
        wrapped_key=WrappedKey(key_id="key-1", ciphertext=b"\x00wrapped \xff"),
    )


def begun_by(store: JobStore, receipt: str, *tags: str) -> str:
    """
    Begin an erasure; return the receipt of the one that stands then.
    """
    return store.begin_erasure(make_erasure(store, receipt, *tags)).tombstone.receipt


class ErasuresContract:
    """
    Whoever is erased has no export left, and gets none.
    """

    def test_an_erasure_begins_once(self, store: JobStore, advance: Advance) -> None:
        """
        It is stored with the store's instant, and is found by any of its tags; the same again begins nothing.
        """
        draft = make_erasure(store, "receipt-1", "tag-a", "tag-b")
        advance(1)
        begun = store.begin_erasure(draft)
        assert evolve(draft, tombstone=evolve(draft.tombstone, at=store.now())) == begun
        advance(1)
        again = make_erasure(store, "receipt-2", "tag-b")
        assert begun == store.begin_erasure(again)
        assert [begun, begun, None, None] == [
            store.erasure_of("default", ["tag-a"]),
            store.erasure_of("default", ["tag-x", "tag-b"]),
            store.erasure_of("default", ["tag-x"]),
            store.erasure_of("other", ["tag-a"]),
        ]
        assert [begun] == list(store.erasures())
        assert [begun] == list(store.erasures(unfinished=True))

    def test_an_erasure_of_more_or_since_is_another(self, store: JobStore, advance: Advance) -> None:
        """
        A further tag, an export that is newer, or being told that the person came back: it begins.
        """
        first = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a"))
        advance(1)
        wider = store.begin_erasure(make_erasure(store, "receipt-2", "tag-a", "tag-b"))
        assert "receipt-2" == wider.tombstone.receipt
        advance(1)
        store.add(make_job(store), tags=["tag-b"], past="receipt-2")
        assert "receipt-3" == begun_by(store, "receipt-3", "tag-b")
        store.erase(store.erasures()[-1].tombstone, 3)
        advance(1)
        assert "receipt-3" == begun_by(store, "receipt-4", "tag-b")
        back = store.begin_erasure(make_erasure(store, "receipt-4", "tag-b"), past="receipt-3")
        assert ("receipt-4", store.now()) == (back.tombstone.receipt, back.tombstone.at)
        assert [first.tombstone.receipt, "receipt-2", "receipt-3", "receipt-4"] == [
            each.tombstone.receipt for each in store.erasures()
        ]

    def test_one_of_many_concurrent_erasures_begins(self, store: JobStore) -> None:
        """
        Of erasures of one person at once one begins, and all are answered with it.
        """
        assert 1 == len(set(at_once(8, lambda n: begun_by(store, f"receipt-{n}", "tag-a"))))
        assert 1 == len(store.erasures())

    def test_an_erased_person_asks_in_vain(self, store: JobStore, outbox: Outbox) -> None:
        """
        From its beginning on, a request with one of its tags is refused, unless the caller knows of it.
        """
        begun = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a", "tag-b"))
        for past in (None, "receipt-2"):
            with pytest.raises(SubjectErased) as caught:
                store.add(make_job(store), tags=["tag-x", "tag-b"], past=past, entries=[make_entry("1")])
            assert begun.tombstone.at == caught.value.erased_at
        assert (None, []) == (store.get("default", "job-1"), list(outbox.pending()))
        assert Admission.CREATED is store.add(make_job(store), tags=["tag-b"], past="receipt-1").admission
        assert Admission.CREATED is store.add(make_job(store, "job-2", owner="x"), tags=["tag-x"]).admission
        assert Admission.CREATED is store.add(make_job(store, "job-3", tenant="other"), tags=["tag-a"]).admission

    @pytest.mark.parametrize("before", list(State))
    def test_erasing_ends_a_job_in_any_state(self, store: JobStore, outbox: Outbox, before: State) -> None:
        """
        It has no key, no sealed subject, no lease and nothing that anybody wrote; its artifact waits.
        """
        bring_to(store, before)
        job = stored(store)
        tombstone = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a")).tombstone
        erasure, reached = store.erase(tombstone, 7)
        expected = job
        if before is not State.ERASED:
            expected = evolve(
                job,
                state=State.ERASED,
                lease_until=None,
                not_before=None,
                wrapped_key=None,
                sealed=None,
                finished_at=job.finished_at or store.now(),
                failure=None,
                extension=None,
                fence=job.fence + 1,
                revision=job.revision + 1,
            )
        assert [expected] == list(reached)
        assert expected == store.get("default", "job-1")
        assert (7, int(before is not State.ERASED)) == (erasure.number, erasure.exports)
        assert (erasure, [expected]) == store.erase(tombstone, 7), "again it changes nothing"
        assert not store.list("default", "owner", limit=9)
        assert not store.waiting()
        assert not store.add_link("default", "job-1", "late", expires_at=store.now() + LEASE)
        assert store.use_link("default", "job-1", "link", session=SESSION) is None
        assert not outbox.pending()

    def test_erasing_forgets_a_jobs_key(self, store: JobStore) -> None:
        """
        After it the idempotency key makes a new job, for whoever came back.
        """
        key = Idempotency(key="key", digest="d1")
        store.add(make_job(store), tags=["tag-a"], idempotency=key)
        tombstone = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a")).tombstone
        store.erase(tombstone, 1)
        again = store.add(make_job(store, "job-2"), tags=["tag-a"], past="receipt-1", idempotency=key)
        assert Admission.CREATED is again.admission

    def test_an_erasure_reaches_what_is_the_persons_and_older(self, store: JobStore, advance: Advance) -> None:
        """
        By any tag, up to its own instant; nobody else's, no other tenant's, and nothing of later.
        """
        store.add(make_job(store, "job-2", owner="wallet"), tags=["tag-b", "tag-x"])
        store.add(make_job(store, "job-1"), tags=["tag-a"])
        store.add(make_job(store, "job-3", owner="another"), tags=["tag-x"])
        store.add(make_job(store, "job-4", tenant="other"), tags=["tag-a"])
        store.add(make_job(store, "job-5", owner="untagged"))
        tombstone = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a", "tag-b")).tombstone
        advance(0.001)
        back = store.add(make_job(store, "job-6", owner="back"), tags=["tag-a"], past="receipt-1").job
        erasure, reached = store.erase(tombstone, 1)
        assert (["job-1", "job-2"], 2) == (ids(reached), erasure.exports)
        assert back == store.get("default", "job-6")
        for tenant, job_id in (("default", "job-3"), ("other", "job-4"), ("default", "job-5")):
            assert State.QUEUED is stored(store, job_id, tenant=tenant).state

    def test_what_an_erasure_reaches_is_not_handed_out(
        self, store: JobStore, outbox: Outbox, advance: Advance
    ) -> None:
        """
        Also before it is erased: nothing of it becomes ready, and no link leads to it.
        """
        store.add(make_job(store, "job-0", owner="ready"), tags=["tag-b"])
        store.complete(claim_one(store, "job-0"), completion(store))
        store.add(make_job(store), tags=["tag-a"])
        claim = claim_one(store)
        store.begin_erasure(make_erasure(store, "receipt-1", "tag-a", "tag-b"))
        with pytest.raises(LeaseLost) as caught:
            store.complete(claim, completion(store), [make_entry("done")])
        assert State.ERASED == caught.value.state
        assert not store.add_link("default", "job-0", "link", expires_at=store.now() + LEASE)
        assert not outbox.pending()
        advance(0.001)
        store.add(make_job(store, "job-2", owner="back"), tags=["tag-a"], past="receipt-1")
        assert State.READY is store.complete(claim_one(store, "job-2"), completion(store)).state
        assert store.add_link("default", "job-2", "link", expires_at=store.now() + LEASE)

    def test_a_store_that_knows_nothing_learns_from_a_tombstone(self, store: JobStore) -> None:
        """
        A tombstone that is not there, as it is in a restored backup, is stored and erases all the same.
        """
        store.add(make_job(store), tags=["tag-a"])
        tombstone = make_erasure(store, "receipt-1", "tag-a").tombstone
        erasure, reached = store.erase(tombstone, 3)
        assert Erasure(tombstone=tombstone, number=3, exports=1) == erasure
        assert [State.ERASED] == [job.state for job in reached]
        assert ([erasure], []) == (list(store.erasures()), list(store.erasures(unfinished=True)))
        with pytest.raises(SubjectErased):
            store.add(make_job(store, "job-2"), tags=["tag-a"])

    def test_finishing_forgets_whom(self, store: JobStore, outbox: Outbox, advance: Advance) -> None:
        """
        Its entries are stored with it, once; whom it was about is gone, and is unfinished no more.
        """
        begun = store.begin_erasure(make_erasure(store, "receipt-1", "tag-a"))
        erased, _ = store.erase(begun.tombstone, 1)
        assert begun.sealed == erased.sealed
        finished = store.finish_erasure("default", "receipt-1", [make_entry("done")])
        expected = evolve(erased, sealed=None, wrapped_key=None, finished_at=store.now())
        assert (expected, [expected]) == (finished, list(store.erasures()))
        advance(1)
        assert expected == store.finish_erasure("default", "receipt-1", [make_entry("again")])
        assert [make_entry("done")] == list(outbox.pending())
        assert not store.erasures(unfinished=True)
        assert store.finish_erasure("other", "receipt-1") is None

    def test_requests_and_erasures_at_once(self, store: JobStore) -> None:
        """
        Whichever comes first, in the end the person has no export: it was refused, or it is erased.
        """

        def act(n: int) -> None:
            if n % 4 == 0:
                stone = store.begin_erasure(make_erasure(store, f"receipt-{n}", "tag-a")).tombstone
                store.erase(stone, 1)
            else:
                with suppress(SubjectErased):
                    store.add(make_job(store, f"job-{n}", owner=f"owner {n}"), tags=["tag-a"])

        at_once(8, act)
        stone = store.erasures()[0].tombstone
        assert {State.ERASED} >= {job.state for job in store.erase(stone, 1)[1]}
        for n in range(8):
            job = store.get("default", f"job-{n}")
            assert job is None or job.state is State.ERASED
