"""
Jobs to try a store with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ...._core.deadline import Extension
from ...._core.job import Artifact, Claim, DatasetProgress, Failure, Job, WrappedKey
from ...._core.lifecycle import FINAL, Completeness, State
from ...._core.request import ExportRequest
from ...._core.ticket import Purpose
from ....ports.jobs import Completion, JobStore

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


def claim_new(store: JobStore) -> Claim:
    """
    Add a job, and claim it.
    """
    store.add(make_job(store))
    return claim_one(store)


def claim_all(store: JobStore) -> list[str]:
    """
    Claim until nothing waits; return the ids of what was claimed.
    """
    claimed = []
    while claim := store.claim(lease=LEASE, max_attempts=MOST):
        claimed.append(claim.job.id)
    return claimed


def stored(store: JobStore, job_id: str = "job-1", *, tenant: str = "default") -> Job:
    """
    Return a job that must be there.
    """
    job = store.get(tenant, job_id)
    assert job is not None
    return job


def completion(store: JobStore, life: timedelta = WEEK) -> Completion:
    """
    Return a completion whose artifact lives for *life*.
    """
    return Completion(
        as_of=store.now() - MICROSECOND,
        completeness=Completeness.PARTIAL,
        datasets=(DatasetProgress(name="streams", state="done", expected=2, written=2),),
        artifact=Artifact(key="default/job-1/1.zip", size=2**40, sha256="0f" * 32),
        kept_for=life,
    )


def make_ready(store: JobStore, id: str = "job-1", *, life: timedelta = WEEK, tenant: str = "default") -> Job:
    """
    Bring a new job to its end: ready.
    """
    store.add(make_job(store, id, owner=f"owner of {id}", tenant=tenant))
    return store.complete(claim_one(store, id), completion(store, life))


def ids(jobs: Sequence[Job]) -> list[str]:
    """
    Return the ids of jobs.
    """
    return [job.id for job in jobs]


def open_link(store: JobStore, job_id: str = "job-1", *, id: str = "mailed", limit: int | None = None) -> None:
    """
    Make an open link that lives for a week.
    """
    assert store.add_link("default", job_id, id, expires_at=store.now() + WEEK, purpose=Purpose.OPEN, limit=limit)


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
