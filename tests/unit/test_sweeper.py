"""
Sweeping: what nobody else puts right.
"""

from __future__ import annotations

import io
import threading
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from streampay_export import Subject
from streampay_export._core.job import key_context
from streampay_export._core.lifecycle import State
from streampay_export.errors import AuditUnavailable, JobStoreUnavailable, KeysMissing, NotFound, StorageUnavailable
from streampay_export.sweeper import Sweeper
from streampay_export.testing.deployment import MemoryDeployment

from .test_service import ALICE, payouts, ready, token


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


def test_the_jobs_of_many_objects_are_asked_for_at_once(monkeypatch) -> None:
    """
    One question for five hundred objects, and each tenant among them; none for what is not ours.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = ready(house)
    for number in range(2, 700):
        house.storage.put(f"default/{job_id}/{number}.zip", io.BytesIO(b"x"))
    house.storage.put(f"other/{job_id}/1.zip", io.BytesIO(b"x"))
    house.storage.put("somebody/else.part", io.BytesIO(b"x"))
    asked, get_many = [], house.jobs.get_many
    monkeypatch.setattr(house.jobs, "get_many", lambda *of: asked.append(of) or get_many(*of))
    monkeypatch.setattr(house.jobs, "get", None)
    swept = house.sweeper.sweep()

    assert (701, 698) == (swept.objects, swept.orphans)
    assert [("default", {job_id}), ("default", {job_id}), ("other", {job_id})] == asked


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


def test_key_versions_are_made_daily_and_gone_after_eight_days() -> None:
    """
    One export a day for three weeks: each opens as long as it lives, and no version is older than eight days.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    born: dict[str, object] = {}
    versions = house.wiring.versions
    for day in range(21):
        house.sweeper.sweep()
        job = house.jobs.get("default", ready(house))
        born.setdefault(job.wrapped_key.key_id, house.clock())
        link = house.service.link(ALICE, job.id)
        assert b"".join(house.service.open(ALICE, job.id, token(link.url)).read(0, 2)) == b"PK"
        assert day + 1 == len(born)
        for hour in range(24):
            house.clock.advance(timedelta(hours=1))
            if hour % 6 == 0:
                house.sweeper.sweep()
        kept = {key_id for key_id in born if key_id in versions.retired()}
        assert all(house.clock() - born[key_id] <= timedelta(days=8, hours=1) for key_id in kept)
        assert {key_id for key_id in born if house.jobs.wrapped_under(key_id)} <= kept | {list(born)[-1]}


def test_what_outlives_a_key_version_is_wrapped_anew() -> None:
    """
    An export that waits for nine days is not lost: its key is under a newer version when the first one goes.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    house.sweeper.sweep()
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    first = house.jobs.get("default", job_id)
    there = []
    for days in (1, 7):
        house.clock.advance(timedelta(days=days))
        house.sweeper.sweep()
        there.append(first.wrapped_key.key_id in house.wiring.versions.retired())
    later = house.jobs.get("default", job_id)

    assert [True, False] == there
    assert first.wrapped_key.key_id != later.wrapped_key.key_id
    assert first.revision == later.revision
    with pytest.raises(KeysMissing):
        house.wiring.keys.unwrap(first.wrapped_key, key_context("default", job_id))
    assert house.worker.work().state is State.READY


def test_a_version_is_not_destroyed_in_the_hour_it_retired() -> None:
    """
    A job key that was wrapped but not stored yet when the version changed still opens.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    house.sweeper.sweep()
    wrapped = house.wiring.keys.wrap(bytes(32), b"job")
    house.clock.advance(timedelta(days=1))
    for _ in range(6):
        house.sweeper.sweep()
        house.clock.advance(timedelta(minutes=9))
    assert bytes(32) == house.wiring.keys.unwrap(wrapped, b"job")
    house.clock.advance(timedelta(minutes=9))
    assert house.sweeper.sweep().key_versions_destroyed == 1


def test_a_key_that_does_not_open_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A wrapped key that was damaged is counted as a failure; its version stays, as it still wraps something.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    house.sweeper.sweep()
    job = house.jobs.get("default", house.service.request(ALICE, Subject("alice")).export.id)
    assert house.jobs.rewrap(job, evolve(job.wrapped_key, ciphertext=b"damaged"))
    for days in (1, 7):
        house.clock.advance(timedelta(days=days))
        swept = house.sweeper.sweep()
    assert (1, 0) == (swept.failures, swept.key_versions_destroyed)

    def unwritable(now) -> None:
        raise KeysMissing("the folder is read-only")

    monkeypatch.setattr(house.wiring.versions, "renew", unwritable)
    assert house.sweeper.sweep().failures == 1


def test_keys_that_look_after_themselves_are_left_alone() -> None:
    """
    With a key management service nothing is renewed or destroyed here.
    """
    house = MemoryDeployment()
    wiring = evolve(house.wiring, versions=None)
    assert Sweeper(wiring).sweep().key_versions_destroyed == 0
    assert {} == house.wiring.versions.retired()


def test_each_sweep_signs_how_far_the_audit_trail_goes() -> None:
    """
    Checkpoints are asked for at every sweep, after what waited was delivered; a trail that is down is counted.
    """
    house = MemoryDeployment()
    seen = []
    house.audit.down = True
    with pytest.raises(NotFound):
        house.service.status(ALICE, "unknown")
    house.audit.down = False
    sweeper = Sweeper(
        evolve(house.wiring, checkpoint=lambda: seen.append(len(list(house.audit.entries("default")))))
    )
    assert (1, 0) == ((swept := sweeper.sweep()).delivered, swept.failures)
    assert [1] == seen

    def refuse() -> None:
        raise AuditUnavailable("away")

    assert 1 == Sweeper(evolve(house.wiring, checkpoint=refuse)).sweep().failures


def test_what_writers_left_unfinished_is_swept_after_a_day(monkeypatch) -> None:
    """
    The storage is told that what is older than a day is nobody's; what it found is counted.
    """
    house = MemoryDeployment()
    told: list[datetime] = []
    monkeypatch.setattr(house.storage, "sweep_leftovers", lambda older_than: told.append(older_than) or 3)

    assert house.sweeper.sweep().leftovers == 3
    assert [house.clock() - timedelta(days=1)] == told


def test_a_storage_that_is_away_holds_up_no_sweep(monkeypatch) -> None:
    """
    Leftovers that cannot be looked for are a failure of this round, and of nothing else in it.
    """
    house = MemoryDeployment()

    def away(older_than: datetime) -> int:
        raise StorageUnavailable("away")

    monkeypatch.setattr(house.storage, "sweep_leftovers", away)
    swept = house.sweeper.sweep()

    assert (0, 1) == (swept.leftovers, swept.failures)
