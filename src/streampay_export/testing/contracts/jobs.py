"""
The contract of `ports.jobs`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from ..._core.closed_part import KeptPart, PlannedPart
from ..._core.deadline import Deadline, Extension
from ..._core.erasure import Erasure
from ..._core.job import REFUSED, Artifact, Claim, DatasetProgress, Failure, Job, WrappedKey
from ..._core.lifecycle import FINAL, MOVES, Completeness, State
from ..._core.request import ExportRequest
from ..._core.ticket import Purpose
from ...errors import (
    ActiveExportDiffers,
    IdempotencyKeyReused,
    IllegalMove,
    InvalidRequest,
    LeaseLost,
    SubjectErased,
)
from ...ports.jobs import Admission, Completion, Idempotency, JobStore, LinkUse, Overview
from ...ports.outbox import Outbox
from .erasure import make_tombstone
from .outbox import make_entry

Advance = Callable[[float], None]
LEASE = timedelta(seconds=60)
SESSION = timedelta(minutes=60)
WEEK = timedelta(days=7)
MICROSECOND = timedelta(microseconds=1)
MOST = 5
THREADS = 32
HOSTILE = ("", "nobody", "a" * 10_000, "\0", "job-1\0", "JOB-1", "job-1 ", "é", "\ud800", "%", "' OR '1'='1")


def make_job(
    store: JobStore,
    id: str = "job-1",
    *,
    owner: str = "owner",
    requester: str | None = None,
    tenant: str = "default",
    request: ExportRequest | None = None,
    not_before: datetime | None = None,
    paused_at: datetime | None = None,
) -> Job:
    """
    Return a queued job, made now, whose parts are all filled in.
    """
    now = store.now()
    return Job(
        id=id,
        tenant=tenant,
        owner_tag=owner,
        requester_tag=requester or owner,
        capacity="subject",
        request=request or ExportRequest(datasets=("streams", "payouts")),
        sealed=b"\x00sealed \xff",
        wrapped_key=WrappedKey(key_id="key-1", ciphertext=b"\x00wrapped \xff"),
        created_at=now,
        received_at=now - timedelta(days=2, microseconds=1),
        due_at=now + timedelta(days=30),
        paused_at=paused_at,
        not_before=not_before,
        datasets=(DatasetProgress(name="streams"), DatasetProgress(name="payouts", expected=3, written=1)),
    )


def claim_one(store: JobStore, job_id: str | None = None) -> Claim:
    """
    Claim a job that must be there to claim.
    """
    claim = store.claim(lease=LEASE, max_attempts=MOST, job_id=job_id)
    assert claim is not None
    return claim


def claim_all(store: JobStore) -> list[str]:
    """
    Claim until nothing waits; return the ids of what was claimed.
    """
    claimed = []
    while claim := store.claim(lease=LEASE, max_attempts=MOST):
        claimed.append(claim.job.id)
    return claimed


def completion(store: JobStore, life: timedelta = WEEK) -> Completion:
    """
    Return a completion whose artifact lives from now for *life*.
    """
    return Completion(
        as_of=store.now() - MICROSECOND,
        completeness=Completeness.PARTIAL,
        datasets=(DatasetProgress(name="streams", state="done", expected=2, written=2),),
        artifact=Artifact(key="default/job-1/1.zip", size=2**40, sha256="0f" * 32),
        expires_at=store.now() + life,
    )


def make_ready(store: JobStore, id: str = "job-1", *, life: timedelta = WEEK, tenant: str = "default") -> Job:
    """
    Bring a new job to its end: ready.
    """
    store.add(make_job(store, id, owner=f"owner of {id}", tenant=tenant))
    return store.complete(claim_one(store, id), completion(store, life))


def open_link(store: JobStore, job_id: str = "job-1", *, id: str = "mailed", limit: int | None = None) -> None:
    """
    Make an open link that lives for a week.
    """
    assert store.add_link("default", job_id, id, expires_at=store.now() + WEEK, purpose=Purpose.OPEN, limit=limit)


def opened(store: JobStore, link_id: str, *, job_id: str = "job-1", opened_from: str = "mailed") -> bool:
    """
    Open a download, to be begun within five minutes, from an open link; return whether that was allowed.
    """
    soon = store.now() + timedelta(minutes=5)
    return store.add_link("default", job_id, link_id, expires_at=soon, opened_from=opened_from)


def usable(store: JobStore, *link_ids: str, job_id: str = "job-1") -> list[str]:
    """
    Use links; return those that could be.
    """
    return [each for each in link_ids if store.use_link("default", job_id, each, session=SESSION) is not None]


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


def bring_to(store: JobStore, state: State) -> None:
    """
    Add a job with tag `tag-a` and bring it to *state*, with a link, an extension and a failure where it may.
    """
    job = store.add(make_job(store, not_before=store.now()), tags=["tag-a"]).job
    extension = Extension(reason="Alice has much of it.", at=store.now())
    store.reschedule(job, job.deadline.extended(extension, timedelta(days=60)), expected={State.QUEUED})
    if state in {State.RUNNING, State.READY, State.EXPIRED, State.DELETED}:
        claim = claim_one(store)
        if state is not State.RUNNING:
            store.complete(claim, completion(store))
            store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
    if state in FINAL:
        before = State.READY if state in {State.EXPIRED, State.DELETED} else State.QUEUED
        failure = Failure(slug="refused", sentence="Alice asked before.")
        store.end("default", "job-1", expected={before}, state=state, failure=failure)


def prune(store: JobStore, ended_before: datetime) -> int:
    """
    Prune jobs, and no keys but theirs; return how many.
    """
    return store.prune(ended_before=ended_before, keys_before=datetime(2000, 1, 1, tzinfo=UTC))


def ids(jobs: Sequence[Job]) -> list[str]:
    """
    Return the ids of jobs.
    """
    return [job.id for job in jobs]


def planned(number: int, sealed: bytes = b"a range") -> PlannedPart:
    """
    Return a part of the streams to be planned.
    """
    return PlannedPart(dataset="streams", number=number, fence=7, sealed=sealed)


def _told(overview: Overview) -> tuple[Mapping[State, int], datetime | None, tuple[Job, ...]]:
    return overview.counts, overview.waiting_since, overview.overdue


class JobStoreContract:
    """
    What every `JobStore` keeps. Give three fixtures: *store*, empty, and *advance*, a function that moves the
    store's clock by so many seconds; the clock must stand still otherwise. And *outbox*, where the
    store's *entries* come out: the store itself, where it is its own outbox.
    """

    @pytest.fixture
    def store(self) -> JobStore:
        """
        The store under test.
        """
        raise NotImplementedError("give a fixture `store` that returns your store, empty")

    @pytest.fixture
    def advance(self) -> Advance:
        """
        Moves the store's clock.
        """
        raise NotImplementedError("give a fixture `advance`: a function that moves the store's clock")

    @pytest.fixture
    def outbox(self) -> Outbox:
        """
        The outbox in which the store puts entries.
        """
        raise NotImplementedError("give a fixture `outbox` that returns the outbox of `store`")

    # --- the clock ------------------------------------------------------------------------------------------

    def test_the_clock_is_utc_and_moves_as_told(self, store: JobStore, advance: Advance) -> None:
        """
        `now` is aware, in UTC, and exact to the microsecond.
        """
        before = store.now()
        advance(1.000001)
        assert timedelta(0) == before.utcoffset()
        assert timedelta(seconds=1, microseconds=1) == store.now() - before

    # --- add ------------------------------------------------------------------------------------------------

    def test_a_job_comes_back_as_it_was_added(self, store: JobStore) -> None:
        """
        Every part of a job is stored exactly.
        """
        job = evolve(
            make_job(store, not_before=store.now() + timedelta(days=400, microseconds=7), paused_at=store.now()),
            extension=Extension(reason="Há motivos: “many” files.", at=store.now() - MICROSECOND),
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
        together = threading.Barrier(THREADS)

        def add(n: int) -> tuple[Admission, Job]:
            together.wait()
            admitted = store.add(make_job(store, f"job-{n}"), idempotency=key)
            return admitted.admission, admitted.job

        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(add, range(THREADS)))
        assert 1 == [admission for admission, _ in answers].count(Admission.CREATED)
        assert 1 == len({job.id for _, job in answers})
        assert all(job == answers[0][1] for _, job in answers)

    # --- get and list ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", HOSTILE)
    def test_unknown_names_are_nobodys(self, store: JobStore, name: str) -> None:
        """
        A tenant or id that no job has is unknown to every method, whatever it is made of.
        """
        make_ready(store)
        for tenant, job_id in (("default", name), (name, "job-1")):
            assert store.get(tenant, job_id) is None
            assert store.end(tenant, job_id, expected={State.READY}, state=State.ERASED) is None
            assert not store.add_link(tenant, job_id, "link", expires_at=store.now() + LEASE)
            assert store.use_link(tenant, job_id, "link", session=SESSION) is None
            assert not store.may_open(tenant, job_id, "link")
            assert 0 == store.revoke_links(tenant, job_id=job_id)
            store.forget_artifact(tenant, job_id)
            assert store.erasure_of(tenant, [job_id]) is None
            assert store.finish_erasure(tenant, job_id) is None
            assert store.claim(lease=LEASE, max_attempts=MOST, tenant=tenant, job_id=job_id) is None
        assert 0 == store.revoke_links("default", owner_tag=name) == store.revoke_links("default", link_id=name)
        assert not store.list(name, "owner of job-1", limit=9)
        assert {0} == set(store.overview(name).counts.values())
        assert not store.list("default", name, limit=9)

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

    # --- claim ----------------------------------------------------------------------------------------------

    def test_a_claim_is_a_lease_with_a_fence(self, store: JobStore) -> None:
        """
        A claimed job runs, with fence, attempts and revision one higher, until now + lease.
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
        assert (expected, expected, 1) == (claim.job, store.get("default", "job-1"), claim.fence)

    def test_nobody_else_claims_a_leased_job(self, store: JobStore, advance: Advance) -> None:
        """
        As long as the lease lasts the job waits for nobody.
        """
        store.add(make_job(store))
        claim_one(store)
        advance(LEASE.total_seconds() - 0.000001)
        assert store.claim(lease=LEASE, max_attempts=MOST) is None
        assert not store.waiting()

    def test_an_expired_lease_is_taken_over(self, store: JobStore, advance: Advance) -> None:
        """
        When the lease is over, the next claim gets a higher fence and counts another attempt.
        """
        store.add(make_job(store))
        first = claim_one(store)
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
        together = threading.Barrier(8)

        def claim_some(_: int) -> list[str]:
            together.wait()
            return claim_all(store)

        with ThreadPoolExecutor(8) as pool:
            claimed = [job_id for some in pool.map(claim_some, range(8)) for job_id in some]
        claimed += claim_all(store)
        assert [f"job-{n:02}" for n in range(16)] == sorted(claimed)

    # --- what a claim may do --------------------------------------------------------------------------------

    def test_renewing_moves_the_lease(self, store: JobStore, advance: Advance) -> None:
        """
        The lease lasts from now; nothing else changes, the revision neither.
        """
        store.add(make_job(store))
        claim = claim_one(store)
        advance(59)
        renewed = store.renew(claim, timedelta(seconds=90))
        expected = evolve(claim.job, lease_until=store.now() + timedelta(seconds=90))
        assert (expected, expected) == (renewed.job, store.get("default", "job-1"))
        advance(89.999999)
        assert store.claim(lease=LEASE, max_attempts=MOST) is None

    def test_a_late_worker_that_nobody_replaced_goes_on(self, store: JobStore, advance: Advance) -> None:
        """
        A lease that ran out but was taken by nobody is renewed.
        """
        store.add(make_job(store))
        claim = claim_one(store)
        advance(1000)
        assert store.now() + LEASE == store.renew(claim, LEASE).job.lease_until
        assert store.claim(lease=LEASE, max_attempts=MOST) is None

    def test_progress_is_kept(self, store: JobStore) -> None:
        """
        As-of and progress are stored, and the revision rises.
        """
        store.add(make_job(store))
        claim = claim_one(store)
        datasets = (DatasetProgress(name="streams", state="running", expected=2**53 + 1, written=7),)
        as_of = store.now() - timedelta(days=3, microseconds=1)
        store.progress(claim, as_of, datasets)
        assert evolve(claim.job, as_of=as_of, datasets=datasets, revision=2) == store.get("default", "job-1")

    def test_closed_parts_are_kept(self, store: JobStore) -> None:
        """
        Parts come back by dataset and number, each as stored last; with them the as-of, and no revision.
        """
        store.add(make_job(store))
        claim = claim_one(store)
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
        store.add(make_job(store))
        late = claim_one(store)
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
        store.add(make_job(store))
        claim = claim_one(store)
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
        store.add(make_job(store))
        claim = claim_one(store)
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
        store.add(make_job(store))
        claim = claim_one(store)
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
        store.add(make_job(store))
        claim = claim_one(store)
        store.keep_part(claim, store.now(), KeptPart(dataset="streams", number=0, fence=claim.fence, sealed=b"x"))
        if ending == "complete":
            store.complete(claim, completion(store))
        elif ending == "end":
            store.end("default", "job-1", expected={State.RUNNING}, state=State.CANCELLED)
        else:
            store.release(claim)
        assert (ending == "release") == bool(store.kept_parts("default", "job-1"))

    def test_completing_makes_ready(self, store: JobStore, outbox: Outbox) -> None:
        """
        The completion is stored with its entries; the lease is gone, key and sealed subject are not.
        """
        store.add(make_job(store))
        claim, done = claim_one(store), completion(store)
        ready = store.complete(claim, done, [make_entry("done")])
        expected = evolve(
            claim.job,
            state=State.READY,
            lease_until=None,
            as_of=done.as_of,
            completeness=done.completeness,
            datasets=done.datasets,
            artifact=done.artifact,
            expires_at=done.expires_at,
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
        store.add(make_job(store))
        claim, later = claim_one(store), store.now() + timedelta(seconds=5)
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
        store.add(make_job(store))
        zombie = claim_one(store)
        if what == "taken over":
            advance(LEASE.total_seconds())
            claim_one(store)
        elif what == "released":
            store.release(zombie)
        elif what == "ready":
            store.complete(zombie, completion(store))
        elif what == "never there":
            zombie = Claim(job=evolve(zombie.job, tenant="other"))
        else:
            store.end("default", "job-1", expected={State.RUNNING}, state=State(what))
        before = store.get("default", "job-1")
        assert before is not None
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
        store.add(make_job(store))
        zombie = claim_one(store)
        store.release(zombie, give_back=True)
        claim_one(store)
        with pytest.raises(LeaseLost):
            store.complete(zombie, completion(store))

    # --- the clock of the law -------------------------------------------------------------------------------

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
        store.add(make_job(store))
        job = claim_one(store).job
        extension = Extension(reason="There is much of it.", at=store.now())
        deadline = job.deadline.extended(extension, timedelta(days=60))
        changed = store.reschedule(job, deadline, expected={State.RUNNING}, entries=[make_entry("extended")])
        expected = evolve(job, due_at=deadline.due_at, extension=extension, revision=job.revision + 1)
        assert (expected, expected) == (changed, store.get("default", "job-1"))
        assert [make_entry("extended")] == list(outbox.pending())
        store.renew(Claim(job=job), LEASE)

    def test_pausing_takes_a_job_from_its_worker(self, store: JobStore, advance: Advance) -> None:
        """
        A running job that is paused is queued, its attempt given back; the worker's claim is void for good.
        """
        store.add(make_job(store))
        claim = claim_one(store)
        store.progress(claim, store.now(), ())
        running = store.get("default", "job-1")
        assert running is not None
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
        together = threading.Barrier(8)

        def extend(n: int) -> bool:
            together.wait()
            deadline = Deadline(due_at=seen.due_at + timedelta(days=n + 1))
            return store.reschedule(seen, deadline, expected={State.QUEUED}) is not None

        with ThreadPoolExecutor(8) as pool:
            assert [False] * 7 + [True] == sorted(pool.map(extend, range(8)))

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
            paused = store.get("default", "job-1")
            assert paused is not None
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

    # --- end ------------------------------------------------------------------------------------------------

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
        store.add(make_job(store))
        running = claim_one(store).job
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

    # --- expiry and artifacts -------------------------------------------------------------------------------

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
        forgotten = store.get("default", "job-1")
        assert forgotten is not None
        assert (None, 4) == (forgotten.artifact, forgotten.revision)

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

        with ThreadPoolExecutor(4) as pool:
            assert 12 == sum(pool.map(prune_all, range(4)))
        assert [] == [n for n in range(12) if store.get("default", f"job-{n}") is not None]

    def test_a_key_is_wrapped_anew_unless_it_changed_meanwhile(self, store: JobStore) -> None:
        """
        What is wrapped under a key is found in order, and put under another: once, and not when it is gone.
        """
        for tenant, job_id in (("other", "job-1"), ("default", "job-2"), ("default", "job-1")):
            store.add(make_job(store, job_id, owner=f"{tenant} {job_id}", tenant=tenant))
        store.add(make_job(store, "job-0", owner="shredded"))
        ended = store.get("default", "job-0")
        assert ended is not None
        assert ended.wrapped_key is not None
        key_id = ended.wrapped_key.key_id
        store.end("default", "job-0", expected={State.QUEUED}, state=State.CANCELLED)
        first, second, third = store.wrapped_under(key_id)
        assert [("default", "job-1"), ("default", "job-2"), ("other", "job-1")] == [
            (job.tenant, job.id) for job in (first, second, third)
        ]
        assert ["job-1"] == ids(store.wrapped_under(key_id, limit=1))

        anew = WrappedKey(key_id="another", ciphertext=b"anew")
        assert [True, False, False] == [
            store.rewrap(first, anew),
            store.rewrap(first, WrappedKey(key_id="late", ciphertext=b"late")),
            store.rewrap(ended, anew),
        ]
        assert evolve(first, wrapped_key=anew) == store.get("default", "job-1")
        assert ["job-2", "job-1"] == ids(store.wrapped_under(key_id))
        assert ["job-1"] == ids(store.wrapped_under("another"))
        assert [] == store.wrapped_under("nobody's")
        shredded = store.get("default", "job-0")
        assert shredded is not None
        assert shredded.wrapped_key is None
        assert not store.rewrap(shredded, anew)

    # --- links ----------------------------------------------------------------------------------------------

    def test_a_link_begins_one_session(self, store: JobStore, advance: Advance) -> None:
        """
        The first use begins the session; later ones, until an hour after it, say when that was.
        """
        make_ready(store)
        assert store.add_link("default", "job-1", "link", expires_at=store.now() + timedelta(minutes=5))
        advance(299.999999)
        begun = store.now()
        assert LinkUse(begun_at=begun, first=True) == store.use_link("default", "job-1", "link", session=SESSION)
        advance(3599.999999)
        again = store.use_link("default", "job-1", "link", session=SESSION)
        assert LinkUse(begun_at=begun, first=False) == again
        advance(0.000001)
        assert store.use_link("default", "job-1", "link", session=SESSION) is None

    def test_a_late_link_begins_nothing(self, store: JobStore, advance: Advance) -> None:
        """
        At its expiry a link that was not begun is over.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + timedelta(minutes=5))
        advance(300)
        assert store.use_link("default", "job-1", "link", session=SESSION) is None

    def test_a_link_is_good_for_its_job_alone(self, store: JobStore) -> None:
        """
        Another job, tenant or link id uses nothing.
        """
        make_ready(store)
        make_ready(store, "job-2")
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        for names in (("default", "job-2", "link"), ("other", "job-1", "link"), ("default", "job-1", "LINK")):
            assert store.use_link(*names, session=SESSION) is None

    def test_an_expired_export_serves_nothing(self, store: JobStore, advance: Advance) -> None:
        """
        At `expires_at` no link is made, begun or gone on with, whoever swept or did not.
        """
        make_ready(store, life=timedelta(seconds=60))
        store.add_link("default", "job-1", "begun", expires_at=store.now() + WEEK)
        store.add_link("default", "job-1", "fresh", expires_at=store.now() + WEEK)
        advance(59.999999)
        assert store.use_link("default", "job-1", "begun", session=SESSION)
        advance(0.000001)
        assert store.use_link("default", "job-1", "begun", session=SESSION) is None
        assert store.use_link("default", "job-1", "fresh", session=SESSION) is None
        assert not store.add_link("default", "job-1", "late", expires_at=store.now() + WEEK)

    @pytest.mark.parametrize("state", [State.EXPIRED, State.DELETED, State.ERASED])
    def test_ending_revokes_links(self, store: JobStore, state: State) -> None:
        """
        From the end of a job on, no link of it is made, begun or gone on with.
        """
        make_ready(store)
        store.add_link("default", "job-1", "begun", expires_at=store.now() + LEASE)
        store.add_link("default", "job-1", "fresh", expires_at=store.now() + LEASE)
        store.use_link("default", "job-1", "begun", session=SESSION)
        store.end("default", "job-1", expected={State.READY}, state=state)
        assert store.use_link("default", "job-1", "begun", session=SESSION) is None
        assert store.use_link("default", "job-1", "fresh", session=SESSION) is None
        assert not store.add_link("default", "job-1", "late", expires_at=store.now() + LEASE)

    def test_a_job_that_is_not_ready_has_no_links(self, store: JobStore) -> None:
        """
        A queued or running job takes no link.
        """
        store.add(make_job(store))
        assert not store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        claim_one(store)
        assert not store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)

    def test_a_taken_link_id_is_refused(self, store: JobStore) -> None:
        """
        A second link under one id is refused, and the first session goes on.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        begun = store.use_link("default", "job-1", "link", session=SESSION)
        with pytest.raises(InvalidRequest):
            store.add_link("default", "job-1", "link", expires_at=store.now() + WEEK)
        again = store.use_link("default", "job-1", "link", session=SESSION)
        assert begun is not None
        assert LinkUse(begun_at=begun.begun_at, first=False) == again

    def test_one_of_many_concurrent_uses_is_the_first(self, store: JobStore) -> None:
        """
        Of uses at once exactly one begins the session.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        together = threading.Barrier(8)

        def use(_: int) -> bool:
            together.wait()
            used = store.use_link("default", "job-1", "link", session=SESSION)
            assert used is not None
            return used.first

        with ThreadPoolExecutor(8) as pool:
            assert [False] * 7 + [True] == sorted(pool.map(use, range(8)))

    # --- open links -----------------------------------------------------------------------------------------

    def test_an_open_link_downloads_nothing_itself(self, store: JobStore) -> None:
        """
        What is opened from it does; what is opened from a download link, or from nothing, is not made.
        """
        make_ready(store)
        open_link(store)
        assert [] == usable(store, "mailed")
        assert opened(store, "one")
        assert ["one"] == usable(store, "one")
        assert [False, False] == [opened(store, "two", opened_from=other) for other in ("one", "nothing")]
        assert [] == usable(store, "two")
        assert [True, False, False] == [store.may_open("default", "job-1", it) for it in ("mailed", "one", "two")]

    def test_a_bearers_links_are_links_like_others(self, store: JobStore) -> None:
        """
        What is opened from one is counted, used and revoked as if somebody had to be signed in.
        """
        make_ready(store)
        until = store.now() + LEASE
        assert store.add_link("default", "job-1", "mailed", expires_at=until, purpose=Purpose.BEARER_OPEN, limit=1)
        assert [] == usable(store, "mailed")
        assert [True, False] == [
            store.add_link(
                "default",
                "job-1",
                each,
                expires_at=until,
                purpose=Purpose.BEARER_DOWNLOAD,
                opened_from="mailed",
            )
            for each in ("one", "two")
        ]
        assert ["one"] == usable(store, "one", "two")
        assert 2 == store.revoke_links("default", link_id="mailed")
        assert [] == usable(store, "one")

    def test_an_open_link_begins_as_many_downloads_as_it_may(self, store: JobStore, advance: Advance) -> None:
        """
        Looking counts nothing, nor does a session that goes on; without a limit there is none.
        """
        make_ready(store)
        open_link(store, limit=2)
        open_link(store, id="unlimited")
        assert opened(store, "one")
        for _ in range(3):
            assert store.may_open("default", "job-1", "mailed")
            assert ["one"] == usable(store, "one")
        assert opened(store, "two")
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "three")
        advance(60)
        assert ["one", "two"] == usable(store, "one", "two", "three")
        assert [True] * 5 == [opened(store, f"more-{n}", opened_from="unlimited") for n in range(5)]

    def test_an_open_link_is_over_at_its_expiry(self, store: JobStore, advance: Advance) -> None:
        """
        From then on nothing is opened from it; what was begun before goes on.
        """
        make_ready(store)
        until = store.now() + timedelta(seconds=60)
        store.add_link("default", "job-1", "mailed", expires_at=until, purpose=Purpose.OPEN)
        advance(59.999999)
        assert opened(store, "one")
        advance(0.000001)
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "two")
        assert ["one"] == usable(store, "one")

    def test_an_open_link_is_over_with_its_job(self, store: JobStore, advance: Advance) -> None:
        """
        At `expires_at`, swept or not, and from the job's end on nothing is opened.
        """
        for job_id in ("job-1", "job-2"):
            make_ready(store, job_id, life=timedelta(seconds=60))
            open_link(store, job_id)
        store.end("default", "job-2", expected={State.READY}, state=State.DELETED)
        assert not store.may_open("default", "job-2", "mailed")
        assert not opened(store, "one", job_id="job-2")
        advance(60)
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "one")

    def test_one_of_many_concurrent_openings_wins(self, store: JobStore) -> None:
        """
        Of twenty at once from a link that may begin one, one begins.
        """
        make_ready(store)
        open_link(store, limit=1)
        together = threading.Barrier(20)

        def open_one(n: int) -> bool:
            together.wait()
            return opened(store, f"session-{n}")

        with ThreadPoolExecutor(20) as pool:
            assert [False] * 19 + [True] == sorted(pool.map(open_one, range(20)))
        assert 1 == len(usable(store, *(f"session-{n}" for n in range(20))))

    # --- revoking -------------------------------------------------------------------------------------------

    def test_one_link_is_revoked_with_what_was_opened_from_it(self, store: JobStore, outbox: Outbox) -> None:
        """
        Begun or not, sessions too; others go on, and new ones are made.
        """
        make_ready(store)
        open_link(store)
        store.add_link("default", "job-1", "other", expires_at=store.now() + LEASE)
        assert [True, True] == [opened(store, each) for each in ("begun", "fresh")]
        assert ["begun", "other"] == usable(store, "begun", "other")
        revoked = store.revoke_links("default", job_id="job-1", link_id="mailed", entries=[make_entry("1")])
        assert (3, [make_entry("1")]) == (revoked, list(outbox.pending()))
        assert ["other"] == usable(store, "begun", "fresh", "other")
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "late")
        open_link(store, id="new")
        assert store.may_open("default", "job-1", "new")

    def test_links_are_revoked_by_job_by_owner_or_all(self, store: JobStore) -> None:
        """
        Of one job, of one owner, of one tenant; nobody else's are touched, and what is told is stored.
        """
        names = [("default", "job-1"), ("default", "job-2"), ("default", "job-3"), ("other", "job-4")]

        def all_links() -> list[str]:
            return [
                job_id
                for tenant, job_id in names
                if store.use_link(tenant, job_id, "link", session=SESSION) is not None
            ]

        for tenant, job_id in names:
            make_ready(store, job_id, tenant=tenant)
            store.add_link(tenant, job_id, "link", expires_at=store.now() + LEASE)
        assert 1 == store.revoke_links("default", job_id="job-1")
        assert ["job-2", "job-3", "job-4"] == all_links()
        assert 0 == store.revoke_links("other", owner_tag="owner of job-2")
        assert 1 == store.revoke_links("default", owner_tag="owner of job-2")
        assert ["job-3", "job-4"] == all_links()
        assert [1, 0] == [store.revoke_links("default") for _ in range(2)]
        assert ["job-4"] == all_links()

    def test_what_is_told_of_a_revocation_is_stored_with_it(self, store: JobStore, outbox: Outbox) -> None:
        """
        Also where nothing was there to revoke, whatever was named.
        """
        entries = [make_entry(str(n)) for n in range(2)]
        assert 0 == store.revoke_links("default", job_id="job-1", entries=entries[:1])
        assert 0 == store.revoke_links("default", link_id="\ud800\0", entries=entries[1:])
        assert entries == list(outbox.pending())

    def test_openings_and_a_revocation_at_once_leave_nothing_usable(self, store: JobStore) -> None:
        """
        What was opened at the moment its link was revoked is revoked too.
        """
        make_ready(store)
        for n in range(5):
            open_link(store, id=f"mailed-{n}")
            together = threading.Barrier(4)

            def open_one(k: int, n: int = n, together: threading.Barrier = together) -> None:
                together.wait()
                if k:
                    opened(store, f"session-{n}-{k}", opened_from=f"mailed-{n}")
                else:
                    store.revoke_links("default", job_id="job-1", link_id=f"mailed-{n}")

            with ThreadPoolExecutor(4) as pool:
                list(pool.map(open_one, range(4)))
            assert [] == usable(store, *(f"session-{n}-{k}" for k in range(1, 4)))

    # --- erasure --------------------------------------------------------------------------------------------

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
        together = threading.Barrier(8)

        def begin(n: int) -> str:
            together.wait()
            return begun_by(store, f"receipt-{n}", "tag-a")

        with ThreadPoolExecutor(8) as pool:
            assert 1 == len(set(pool.map(begin, range(8))))
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
        job = store.get("default", "job-1")
        assert job is not None
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
            job = store.get(tenant, job_id)
            assert job is not None
            assert State.QUEUED is job.state

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
        together = threading.Barrier(8)

        def act(n: int) -> None:
            together.wait()
            if n % 4 == 0:
                stone = store.begin_erasure(make_erasure(store, f"receipt-{n}", "tag-a")).tombstone
                store.erase(stone, 1)
            else:
                with suppress(SubjectErased):
                    store.add(make_job(store, f"job-{n}", owner=f"owner {n}"), tags=["tag-a"])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(act, range(8)))
        stone = store.erasures()[0].tombstone
        assert {State.ERASED} >= {job.state for job in store.erase(stone, 1)[1]}
        for n in range(8):
            job = store.get("default", f"job-{n}")
            assert job is None or job.state is State.ERASED
