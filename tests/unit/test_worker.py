"""
Working a job off: what ends it well, what ends it badly, and what may only interrupt it.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from base64 import b64decode
from contextlib import contextmanager
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export import Actor, Subject
from streampay_export._core.lifecycle import State
from streampay_export.errors import (
    AuditUnavailable,
    Interrupted,
    JobStoreUnavailable,
    LeaseLost,
    ObjectExists,
    SourceMismatch,
    SourceUnavailable,
    StorageUnavailable,
)
from streampay_export.http.representations import export_form
from streampay_export.sources.iterable import IterableSource
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import ManualClock
from streampay_export.wiring import Wiring
from streampay_export.worker import Worker

from .test_service import ALICE, payouts, ready, token


class Meddling:
    """
    A source that calls *meddle* before each page it gives, with the snapshot it would have given it from.
    """

    def __init__(self, tables, meddle, clock=None) -> None:
        self._inner = IterableSource(tables, now=clock or ManualClock(), timezone="UTC")
        self._meddle = meddle

    def now(self):
        """
        Return the inner source's instant.
        """
        return self._inner.now()

    def check(self, catalog) -> None:
        """
        Check the inner source.
        """
        self._inner.check(catalog)

    @contextmanager
    def snapshot(self):
        """
        Open a snapshot whose pages are meddled with.
        """
        with self._inner.snapshot() as snapshot:
            yield MeddlingSnapshot(snapshot, self._meddle)


class MeddlingSnapshot:
    """
    See `Meddling`.
    """

    def __init__(self, inner, meddle) -> None:
        self._inner = inner
        self._meddle = meddle
        self.read_at = inner.read_at
        self.census = inner.census
        self.count = inner.count

    def page(self, query, after, limit):
        """
        Return the page as *meddle* would have it.
        """
        rows = self._inner.page(query, after, limit)
        changed = self._meddle(rows)
        return rows if changed is None else changed


def meddled(meddle, rows: int = 3, **changes) -> MemoryDeployment:
    """
    Return a deployment whose source lets *meddle* change each page, or raise.
    """
    return MemoryDeployment(source=Meddling({"payouts": payouts(rows)}, meddle), **changes)


def requested(house: MemoryDeployment, **parameters) -> str:
    """
    Ask for alice's export and return its id.
    """
    return house.service.request(ALICE, Subject("alice"), **parameters).export.id


def foreign(rows):
    """
    Slip in a row of two strangers.
    """
    return [rows[0], *[tuple("zoe" if v in ("alice", "bob") else v for v in row) for row in rows[1:]]]


@pytest.mark.parametrize(
    ("meddle", "slug"),
    [
        (foreign, "foreign-row"),
        (lambda rows: rows[:-1], "count-mismatch"),
        (lambda rows: rows + rows, "repeated-row"),
        (lambda rows: rows[::-1], "rows-out-of-order"),
    ],
)
def test_untrue_rows_end_the_export(meddle, slug: str) -> None:
    """
    Rows that are foreign, missing, repeated or out of order fail the job closed: audited, nothing published.
    """
    house = meddled(meddle)
    job_id = requested(house)
    export = house.service.status(ALICE, job_id) if house.worker.work() else None

    assert (State.FAILED, slug) == (export.state, export.failure.slug)
    assert [] == list(house.storage.list())
    assert ["requested", "started", "failed"] == house.audit.events(job_id)
    assert house.worker.work() is None


def test_the_person_is_not_told_of_tables_and_columns(caplog) -> None:
    """
    What went wrong exactly is for operators: names in a database may tell of what is kept about whom.
    """

    def gone(_):
        raise SourceMismatch("payouts", "no column 'amount'; it has: fraud_score")

    house = meddled(gone)
    job_id = requested(house)
    house.worker.work()
    failure = house.service.status(ALICE, job_id).failure
    assert ("source-mismatch", SourceMismatch.person) == (failure.slug, failure.sentence)
    assert "fraud_score" in failure.detail == failure.for_operators
    assert "fraud_score" in caplog.text
    assert "fraud_score" not in str(export_form(house.service.status(ALICE, job_id), prefix="/exports"))


def test_passing_faults_are_retried_with_a_pause_then_end() -> None:
    """
    A source that stays away is tried again later and later, and after the last attempt the job is failed.
    """

    def away(_):
        raise SourceUnavailable("away")

    house = meddled(away)
    job_id = requested(house)
    attempts = 0
    while house.service.status(ALICE, job_id).state is not State.FAILED:
        assert house.worker.work() is not None
        attempts += 1
        assert house.worker.work() is None or house.service.status(ALICE, job_id).state is State.FAILED
        house.clock.advance(timedelta(minutes=15))
    assert house.wiring.max_attempts == attempts
    assert house.audit.events(job_id)[-1] == "failed"


def test_fault_that_passes_leaves_no_trace() -> None:
    """
    After a passing fault the next attempt makes the whole export, once.
    """
    faults = [SourceUnavailable("away"), StorageUnavailable("full"), RuntimeError("a bug")]

    def sometimes(_):
        if faults:
            raise faults.pop()

    house = meddled(sometimes)
    job_id = requested(house)
    for _ in range(4):
        house.worker.work()
        house.clock.advance(timedelta(minutes=15))
    assert house.service.status(ALICE, job_id).state is State.READY
    assert house.audit.events(job_id).count("completed") == 1
    assert len(list(house.storage.list())) == 1


def test_stop_hands_the_job_back() -> None:
    """
    A worker told to stop ends at the next page and gives its attempt back; the next one finishes.
    """
    house = meddled(lambda _: house.worker.stop.set())
    job_id = requested(house)
    with pytest.raises(Interrupted):
        house.worker.work()
    job = house.jobs.get("default", job_id)
    assert (State.QUEUED, 0) == (job.state, job.attempts)
    assert [] == list(house.storage.list())
    house.worker.run()  # returns at once: stop is set
    house.worker.stop.clear()
    house.worker.run()  # stopped by the source at its first page
    assert house.jobs.get("default", job_id).state is State.QUEUED
    house.worker.stop.clear()
    house.wiring.source._meddle = lambda _: None
    assert house.worker.work().state is State.READY


def test_cancelled_while_running_publishes_nothing() -> None:
    """
    A worker whose job was cancelled under it changes nothing and leaves nothing.
    """
    house = meddled(lambda _: house.service.delete(ALICE, job_id) and None)
    job_id = requested(house)
    assert house.worker.work().state is State.CANCELLED
    assert [] == list(house.storage.list())
    assert "completed" not in house.audit.events(job_id)


def test_late_worker_changes_nothing() -> None:
    """
    A worker that slept through its lease, while another finished the job, changes nothing.
    """
    taken = []

    def oversleep(_):
        if not taken:
            taken.append(True)
            house.clock.advance(timedelta(seconds=61))
            taken.append(Worker(house.wiring).work())

    house = meddled(oversleep)
    job_id = requested(house)
    late = house.worker.work()
    assert taken[1].state is State.READY
    assert taken[1].artifact == late.artifact
    assert [late.artifact.key] == [stored.key for stored in house.storage.list()]
    assert house.audit.events(job_id).count("completed") == 1


def test_lease_is_renewed_and_its_loss_felt(monkeypatch) -> None:
    """
    A long page outlives the lease's renewals; when a renewal finds the lease gone, the worker stops.
    """
    renewed = threading.Event()
    answers = [JobStoreUnavailable("away"), None, LeaseLost(state="running")]
    house = MemoryDeployment()
    renew = house.jobs.renew

    def watched(claim, lease):
        answer = answers.pop(0)
        if answer is None:
            return renew(claim, lease)
        if isinstance(answer, LeaseLost):
            renewed.set()
        raise answer

    monkeypatch.setattr(house.jobs, "renew", watched)

    def wait(_):
        assert renewed.wait(10)
        while worker_lease_alive():
            pass

    before = set(threading.enumerate())

    def worker_lease_alive() -> bool:
        return any(t.name == "streampay-export-lease" for t in set(threading.enumerate()) - before)

    source = Meddling({"payouts": payouts(3)}, wait)
    wiring = evolve(house.wiring, source=source, renew_every=timedelta(milliseconds=5))
    job_id = requested(house)
    assert Worker(wiring).work().state is State.RUNNING
    assert [] == list(house.storage.list())
    assert house.audit.events(job_id) == ["requested", "started"]


def test_without_audit_nothing_is_read() -> None:
    """
    With the sink down a worker reads nothing and puts the job back.
    """
    house = meddled(lambda _: pytest.fail("a page was read"))
    job_id = requested(house)
    house.audit.down = True
    assert house.worker.work().state is State.QUEUED
    assert house.service.status(ALICE, job_id).state is State.QUEUED


def test_what_was_done_is_delivered_at_once() -> None:
    """
    Where the sink is up, `completed` waits for no sweep, and is forgotten.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = requested(house)
    assert house.worker.work().state is State.READY
    assert ["requested", "started", "completed"] == house.audit.events(job_id)
    assert not house.wiring.outbox.pending()


def test_completed_waits_in_the_outbox() -> None:
    """
    A sink that goes down during the export gets its `completed` later, once.
    """
    house = meddled(lambda _: setattr(house.audit, "down", True))
    job_id = requested(house)
    assert house.worker.work().state is State.READY
    house.audit.down = False
    house.sweeper.sweep()
    house.sweeper.sweep()
    assert ["requested", "started", "completed"] == house.audit.events(job_id)


def test_storage_failing_is_tried_again() -> None:
    """
    A storage that refuses the artifact leaves a queued job and no object.
    """

    class Full:
        def __init__(self, inner) -> None:
            self._inner, self.full = inner, True

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def put(self, key, stage) -> None:
            if self.full:
                raise StorageUnavailable("full")
            self._inner.put(key, stage)

    house = MemoryDeployment({"payouts": payouts(3)})
    storage = Full(house.storage)
    worker = Worker(evolve(house.wiring, storage=storage))
    requested(house)
    assert worker.work().state is State.QUEUED
    storage.full = False
    house.clock.advance(timedelta(minutes=1))
    assert worker.work().state is State.READY


def test_artifact_already_there_is_its_own() -> None:
    """
    An object under this very fence can only be this attempt's, so publishing goes on.
    """

    class Twice:
        def __init__(self, inner) -> None:
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def put(self, key, stage) -> None:
            self._inner.put(key, stage)
            raise ObjectExists

    house = MemoryDeployment({"payouts": payouts(3)})
    requested(house)
    assert Worker(evolve(house.wiring, storage=Twice(house.storage))).work().state is State.READY


def test_shredded_job_is_let_go() -> None:
    """
    A claim on a row without its key is let go, as there is nothing to work on.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = requested(house)
    key = ("default", job_id)
    house.jobs._jobs[key] = evolve(house.jobs._jobs[key], wrapped_key=None)
    assert house.worker.work().state is State.RUNNING


@pytest.mark.parametrize(("rows", "parts"), [(100_000, [50_000, 50_000]), (100_001, [50_000, 50_000, 1])])
def test_parts_close_at_fifty_thousand_rows(rows: int, parts: list[int], monkeypatch) -> None:
    """
    100,000 rows make two parts, 100,001 three; each says what was expected of it, and progress only rises.
    """
    clock = ManualClock()
    source = Meddling({"payouts": payouts(rows)}, lambda _: house.clock.advance(timedelta(seconds=1)), clock)
    house = MemoryDeployment(source=source)
    requested(house, formats=["ndjson"])
    told, estimates = [], []
    progress = house.jobs.progress

    def telling(claim, as_of, datasets) -> None:
        told.append(datasets[0].written)
        progress(claim, as_of, datasets)
        estimates.append(house.service.status(ALICE, claim.job.id))

    monkeypatch.setattr(house.jobs, "progress", telling)
    job = house.worker.work()
    link = house.service.link(ALICE, job.id)
    bundle = b"".join(house.service.open(ALICE, job.id, token(link.url)).read())
    with zipfile.ZipFile(io.BytesIO(bundle)) as unzipped:
        statement = json.loads(b64decode(json.loads(unzipped.read("manifest.dsse.json"))["payload"]))

    assert rows == job.datasets[0].written == job.datasets[0].expected
    assert parts == [part["rows"] for part in statement["predicate"]["datasets"]["payouts"]["parts"]]
    assert sorted(told) == told
    assert len(told) > 2
    later = [each for each in estimates if each.seconds_left is not None]
    assert [each.rows // 50_000 for each in later] == [each.parts for each in later]
    # A page takes a second here, so about as many seconds are left as pages.
    assert all(abs(each.seconds_left - (rows - each.rows) / 5_000) < 6 for each in later[5:])
    done = house.service.status(ALICE, job.id)
    assert (len(parts), None) == (done.parts, done.seconds_left)


def test_run_works_until_told_to_stop(monkeypatch) -> None:
    """
    A worker that runs takes up what waits, outlives a store that is away, and stops when told.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = requested(house)
    claim = house.jobs.claim
    turns = []

    def claiming(**kwargs):
        turns.append(kwargs)
        if len(turns) == 1:
            raise JobStoreUnavailable("away")
        if len(turns) == 4:
            house.worker.stop.set()
        return claim(**kwargs)

    monkeypatch.setattr(house.jobs, "claim", claiming)
    house.worker.run(poll=timedelta(milliseconds=1))
    assert house.service.status(ALICE, job_id).state is State.READY
    assert len(turns) == 4


def test_same_data_same_bytes() -> None:
    """
    The same data, policy, job, key, as-of and clock give the same artifact, byte for byte.
    """

    def bundle() -> bytes:
        house = MemoryDeployment({"payouts": payouts(100)})
        job_id = ready(house)
        return b"".join(house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url)).read())

    assert bundle() == bundle()


def test_failure_while_ending_is_left_to_the_next() -> None:
    """
    A job that was taken over while this worker was failing is whoever's it is now.
    """

    def taken_over(_):
        house.clock.advance(timedelta(seconds=61))
        claims.append(house.jobs.claim(lease=timedelta(seconds=60), max_attempts=9))
        raise SourceUnavailable("away")

    claims = []
    house = meddled(taken_over)
    requested(house)
    job = house.worker.work()
    assert (State.RUNNING, claims[0].fence) == (job.state, job.fence)


def test_wiring_refuses_what_cannot_work() -> None:
    """
    Leases shorter than two renewals and misplaced writers are refused when built.
    """
    house = MemoryDeployment()
    for wrong in (
        {"lease": timedelta(seconds=30)},
        {"writers": {"csv": house.wiring.writers["json"]}},
    ):
        with pytest.raises(Exception, match=r"lease|writers"):
            evolve(house.wiring, **wrong)
    assert isinstance(house.wiring, Wiring)


def test_requests_fail_closed_when_audit_is_away() -> None:
    """
    Nothing is queued when the intent could not be recorded.
    """
    house = MemoryDeployment()
    house.audit.down = True
    with pytest.raises(AuditUnavailable):
        house.service.request(Actor(id="alice"), Subject("alice"))
    assert not house.jobs.waiting()
