"""
Sweeping: what nobody else puts right.
"""

from __future__ import annotations

import io
import threading
from datetime import timedelta

from streampay_export import Subject
from streampay_export._core.lifecycle import State
from streampay_export.errors import JobStoreUnavailable, StorageUnavailable
from streampay_export.testing.deployment import MemoryDeployment

from .test_service import ALICE, payouts, ready


def test_expired_exports_are_shredded_deleted_and_recorded() -> None:
    """
    After seven days key and file are gone, recorded once however often it is swept.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = ready(house)
    house.clock.advance(timedelta(days=7))
    swept = house.sweeper.sweep()
    assert (1, 1, 1) == (swept.expired, swept.deleted, swept.delivered)
    assert house.jobs.get("default", job_id).wrapped_key is None
    assert [] == list(house.storage.list())
    assert house.sweeper.sweep().expired == 0
    assert house.audit.events(job_id).count("expired") == 1


def test_dead_workers_jobs_are_rung_again() -> None:
    """
    A job whose worker died waits once its lease is past; the sweeper rings, and the next worker ends it.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    house.jobs.claim(lease=timedelta(seconds=60), max_attempts=5)
    house.rings.rings.clear()
    assert house.sweeper.sweep().rung == 0
    house.clock.advance(timedelta(seconds=61))
    assert house.sweeper.sweep().rung == 1
    assert [("default", job_id)] == house.rings.rings
    assert house.worker.work().state is State.READY


def test_poison_job_ends_failed() -> None:
    """
    A job that killed its worker every time ends failed, with a sentence for the person.
    """
    house = MemoryDeployment()
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    for _ in range(house.wiring.max_attempts):
        assert house.jobs.claim(lease=timedelta(seconds=60), max_attempts=5) is not None
        house.clock.advance(timedelta(seconds=61))
    assert house.sweeper.sweep().exhausted == 1
    export = house.service.status(ALICE, job_id)
    assert (State.FAILED, "attempts-exhausted") == (export.state, export.failure.slug)
    assert "5 times" in export.failure.sentence


def test_leftover_objects_are_deleted_and_others_kept() -> None:
    """
    What an attempt put and its job no longer names is deleted; a live artifact and foreign objects stay.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = ready(house)
    live = house.jobs.get("default", job_id).artifact.key
    queued = house.service.request(ALICE, Subject("alice"), formats=["csv"]).export.id
    house.jobs.claim(lease=timedelta(seconds=60), max_attempts=5)
    stay = [live, f"default/{queued}/1.zip", "default/unknown/1.zip", "somebody/else.part"]
    go = [f"default/{job_id}/9.zip", f"default/{queued}/0.zip"]
    for key in (*stay[1:], *go):
        house.storage.put(key, io.BytesIO(b"x"))
    assert house.sweeper.sweep().orphans == 2
    assert sorted(stay) == sorted(stored.key for stored in house.storage.list())


def test_storage_that_cannot_be_listed_is_tried_next_time(monkeypatch) -> None:
    """
    With the storage away a sweep does the rest and counts the failure.
    """
    house = MemoryDeployment()

    def away(prefix: str = "") -> None:
        raise StorageUnavailable(prefix or "away")

    monkeypatch.setattr(house.storage, "list", away)
    assert house.sweeper.sweep().failures == 1


def test_run_goes_on_after_a_failed_round(monkeypatch) -> None:
    """
    A round that fails is followed by another, until told to stop.
    """
    house = MemoryDeployment()
    turns = []

    def expired(limit: int = 100):
        turns.append(limit)
        if len(turns) == 1:
            raise JobStoreUnavailable("away")
        house.sweeper.stop.set()
        return []

    monkeypatch.setattr(house.jobs, "expired", expired)
    thread = threading.Thread(target=house.sweeper.run, args=(timedelta(milliseconds=1),))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert len(turns) == 2
