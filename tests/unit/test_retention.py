"""
How long what is kept is kept, and who deletes it.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export import Actor, Retention, Subject
from streampay_export._core.lifecycle import State
from streampay_export.errors import InvalidConfiguration, StorageUnavailable
from streampay_export.sweeper import BATCH, Sweeper
from streampay_export.testing.deployment import MemoryDeployment

from .test_service import ALICE, payouts, ready

DAY = timedelta(days=1)
SHORT = Retention(exports=DAY, jobs=timedelta(days=3), idempotency=DAY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"exports": timedelta(days=7, microseconds=1)},
        {"exports": timedelta(0)},
        {"jobs": timedelta(hours=23)},
        {"idempotency": timedelta(0)},
        {"audit": timedelta(0)},
    ],
)
def test_a_period_that_makes_no_sense_is_refused(wrong) -> None:
    """
    Files live for a week at most, rows for a day at least, and nothing for no time.
    """
    with pytest.raises(InvalidConfiguration, match="retention"):
        Retention(**wrong)


def test_what_became_of_an_export_is_told_for_its_period() -> None:
    """
    A row stays for its period after the file expired; then nobody knows the export any more, but the trail.
    """
    house = MemoryDeployment({"payouts": payouts(3)}, retention=SHORT)
    job_id = ready(house)
    told = []
    for _ in range(5):
        house.sweeper.sweep()
        job = house.jobs.get("default", job_id)
        told.append(job and job.state)
        house.clock.advance(DAY)
    assert [State.READY, State.EXPIRED, State.EXPIRED, State.EXPIRED, State.EXPIRED] == told
    assert 1 == house.sweeper.sweep().forgotten
    assert house.jobs.get("default", job_id) is None
    assert "completed" in house.audit.events(job_id)


def test_a_key_names_its_export_for_its_period() -> None:
    """
    A repeated request gets the same export until its key is forgotten, then a new one.
    """
    house = MemoryDeployment({"payouts": payouts(3)}, retention=SHORT)

    def asked() -> str:
        return house.service.request(ALICE, Subject("alice"), idempotency_key="again").export.id

    first = asked()
    house.worker.work()
    house.clock.advance(DAY)
    assert (0, first) == (house.sweeper.sweep().forgotten, asked())
    house.clock.advance(timedelta(microseconds=1))
    assert 1 == house.sweeper.sweep().forgotten
    assert first != asked()


def test_rows_past_their_period_are_deleted_in_short_transactions(monkeypatch) -> None:
    """
    However many there are, one sweep deletes them all, a batch at a time.
    """
    house = MemoryDeployment()
    left = [3, 500, 500]
    asked = []
    monkeypatch.setattr(house.jobs, "prune", lambda **how: asked.append(how["limit"]) or (left and left.pop()))
    assert 1003 == house.sweeper.sweep().forgotten
    assert [500, 500, 500, 500] == asked


def test_no_row_goes_while_its_objects_may_be_there(monkeypatch) -> None:
    """
    With the storage away nothing is forgotten, as the row is all that says whose an object is.
    """
    house = MemoryDeployment({"payouts": payouts(3)}, retention=SHORT)
    job_id = ready(house)
    house.clock.advance(DAY)
    house.sweeper.sweep()
    house.clock.advance(timedelta(days=9))
    listed = house.storage.list

    def away(prefix: str = ""):
        raise StorageUnavailable("away")

    monkeypatch.setattr(house.storage, "list", away)
    swept = house.sweeper.sweep()
    assert (0, 0, 1) == (swept.forgotten, swept.objects, swept.failures)
    monkeypatch.setattr(house.storage, "list", listed)
    house.storage.put(f"default/{job_id}/9.zip", io.BytesIO(b"late"))
    swept = house.sweeper.sweep()
    assert (1, 1, 1, 0) == (swept.forgotten, swept.objects, swept.orphans, swept.failures)


def stuck(house: MemoryDeployment, monkeypatch, *keys: str) -> None:
    """
    Let the storage refuse to delete some keys.
    """
    delete = house.storage.delete

    def refusing(key: str) -> None:
        if key in keys:
            raise StorageUnavailable("held")
        delete(key)

    monkeypatch.setattr(house.storage, "delete", refusing)


def test_an_object_that_cannot_be_deleted_blocks_no_other(monkeypatch) -> None:
    """
    Others that nobody names go all the same, and it is tried again.
    """
    house = MemoryDeployment({"payouts": payouts(3)})
    job_id = ready(house)
    keys = [f"default/{job_id}/{fence}.zip" for fence in range(7, 10)]
    for key in keys:
        house.storage.put(key, io.BytesIO(b"x"))
    stuck(house, monkeypatch, keys[0])
    swept = house.sweeper.sweep()
    assert (2, 1) == (swept.orphans, swept.failures)
    monkeypatch.undo()
    assert 1 == house.sweeper.sweep().orphans


def expired(house: MemoryDeployment, count: int) -> list[str]:
    """
    Let the exports of many people expire; return their objects, the longest expired first.
    """
    for n in range(count):
        ready(house, Actor(id=f"person-{n}"))
        house.clock.advance(timedelta(seconds=1))
    house.clock.advance(house.wiring.retention.exports)
    jobs = sorted(house.jobs._all(), key=lambda job: job.expires_at)
    return [job.artifact.key for job in jobs]


def test_rows_that_fail_block_no_others(monkeypatch) -> None:
    """
    A sweep handles all there are, more than it asks for at once, whichever of them fail.
    """
    monkeypatch.setattr("streampay_export.sweeper.BATCH", 4)
    house = MemoryDeployment({"payouts": payouts(1)})
    keys = expired(house, 10)
    stuck(house, monkeypatch, *keys[:3])
    swept = house.sweeper.sweep()
    assert (10, 7, 3) == (swept.expired, swept.deleted, swept.failures)
    assert sorted(keys[:3]) == sorted(stored.key for stored in house.storage.list())
    assert all(job.wrapped_key is None for job in house.jobs._all())


def test_a_storage_that_is_away_is_not_asked_for_ever(monkeypatch) -> None:
    """
    When a batch of rows has failed the rest waits for the next sweep; all keys are shredded by then.
    """
    monkeypatch.setattr("streampay_export.sweeper.BATCH", 2)
    monkeypatch.setattr("streampay_export.tidying.MOST_FAILURES", 2)
    house = MemoryDeployment({"payouts": payouts(1)})
    keys = expired(house, 7)
    for n, key in enumerate(keys):
        house.storage.put(key.replace("1.zip", f"{n + 20}.zip"), io.BytesIO(b"x"))
    everything = [stored.key for stored in house.storage.list()]
    stuck(house, monkeypatch, *everything)
    swept = house.sweeper.sweep()
    assert (7, 0, 4) == (swept.expired, swept.deleted, swept.failures)
    monkeypatch.undo()
    monkeypatch.setattr("streampay_export.sweeper.BATCH", 2)
    swept = house.sweeper.sweep()
    assert (7, 7, 0) == (swept.deleted, swept.orphans, swept.failures)


def test_two_sweepers_at_once_do_everything_once() -> None:
    """
    What both find is done by one of them: each export expires once, is recorded once, and is counted once.
    """
    house = MemoryDeployment({"payouts": payouts(1)}, retention=SHORT)
    expired(house, 12)
    ids = [job.id for job in house.jobs._all()]
    for moment in (timedelta(0), timedelta(days=4)):
        house.clock.advance(moment)
        with ThreadPoolExecutor(2) as pool:
            swept = list(pool.map(lambda _: Sweeper(house.wiring).sweep(), range(2)))
        assert 0 == sum(each.failures for each in swept)
        assert 12 == sum(each.forgotten if moment else each.expired for each in swept)
    assert [] == list(house.storage.list())
    assert [] == list(house.jobs._all())
    assert all(1 == house.audit.events(job_id).count("expired") for job_id in ids)


def test_the_storage_is_gone_through_once_an_hour(monkeypatch) -> None:
    """
    At the first round and then every hour; a round that did not come to its end is followed by another.
    """
    house = MemoryDeployment({"payouts": payouts(1)})
    ready(house)
    rounds, listings = [], []
    monkeypatch.setattr("streampay_export.sweeper.TIDY_EVERY", timedelta(milliseconds=5))
    listed = house.storage.list

    def listing(prefix: str = ""):
        listings.append(len(rounds))
        if len(listings) == 2:
            raise StorageUnavailable("away")
        return listed(prefix)

    def counting(limit: int = BATCH):
        rounds.append(limit)
        if len(rounds) == 14:
            house.sweeper.stop.set()
        return []

    monkeypatch.setattr(house.storage, "list", listing)
    monkeypatch.setattr(house.jobs, "expired", counting)
    house.sweeper.run(timedelta(milliseconds=1))
    assert [1, 6, 7, 12] == listings


def test_an_explicit_sweep_always_tidies() -> None:
    """
    After one sweep that somebody asked for there are no leftovers; the rounds between do not look.
    """
    house = MemoryDeployment({"payouts": payouts(1)})
    job_id = ready(house)
    house.storage.put(f"default/{job_id}/9.zip", io.BytesIO(b"x"))
    swept = house.sweeper.sweep(tidy=False)
    assert (0, 0) == (swept.objects, swept.orphans)
    swept = house.sweeper.sweep()
    assert (2, 1) == (swept.objects, swept.orphans)
    assert evolve(swept, objects=1, orphans=0) == house.sweeper.sweep()
