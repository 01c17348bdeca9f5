"""
A crash anywhere recovers: an export that is broken off at any call of any port, before or after its effect, ends in
one READY row, one artifact whose digest is right, one `completed` event, and nothing else.
"""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.faulty_ports import AFTER, BEFORE, FAILS_WITH, Crash, FaultyPorts, crash, fail
from tests.four_parts import WAIT, ask, downloaded, in_memory, on_disk, shared_out, the_job

from streampay_export import ExportError
from streampay_export._core.lifecycle import State
from streampay_export.sweeper import Sweeper
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.wiring import Wiring
from streampay_export.worker import Worker

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("crash_worker.py")


def run(wiring: Wiring) -> None:
    """
    Ask for the export, work on it, sweep.
    """
    ask(wiring)
    Worker(wiring).work()
    Sweeper(wiring).sweep()


def data_of(bundle: bytes) -> dict[str, bytes]:
    """
    Return what the bundle has of the history.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as files:
        return {name: files.read(name) for name in files.namelist() if name.startswith("data/")}


def golden(make: Callable[[], MemoryDeployment] = in_memory) -> tuple[list[str], dict[str, bytes]]:
    """
    Return the port calls of an export that nothing breaks off, and what it exports.
    """
    house, ports = make(), FaultyPorts()
    run(ports.in_place_of(house.wiring))
    return ports.calls, data_of(downloaded(house.wiring, the_job(house.wiring)))


CALLS, DATA = golden()


def recover(house: MemoryDeployment) -> None:
    """
    Let the person ask again if they had no answer, and others go on with what is there.
    """
    if the_job(house.wiring) is None:
        ask(house.wiring)
    for _ in range(4):
        house.sweeper.sweep()
        house.worker.work()
        if the_job(house.wiring).state is State.READY:
            break
        house.clock.advance(WAIT)
    house.sweeper.sweep()


def assert_one_of_each(house: MemoryDeployment, data: dict[str, bytes] = DATA) -> None:
    """
    Hold the outcome against the promise.
    """
    wiring = house.wiring
    job = the_job(wiring)
    assert State.READY is job.state
    assert [job.artifact.key] == [stored.key for stored in wiring.storage.list()]
    events = [entry for entry in wiring.trail.entries("default", job.id) if entry.event == "completed"]
    assert [job.artifact.sha256] == [entry.facts["sha256"] for entry in events]
    assert [] == list(wiring.outbox.pending())
    assert [] == list(wiring.jobs.kept_parts("default", job.id))
    assert [] == list(wiring.jobs.planned_parts("default", job.id))
    assert data == data_of(downloaded(wiring, job))


def test_the_export_has_two_datasets_and_four_parts() -> None:
    """
    What is enumerated is what the promise speaks of: four parts kept, and every kind of port called.
    """
    assert 4 == CALLS.count("jobs.keep_part")
    assert set(FAILS_WITH) == {call.partition(".")[0] for call in CALLS}


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_process_that_dies_anywhere_is_followed_by_another(when: str) -> None:
    """
    Whatever call is the last one of a process, the next one ends the export; a row that is ready is right at once.
    """
    for at in range(1, len(CALLS) + 1):
        house = in_memory()
        with pytest.raises(Crash):
            run(FaultyPorts(at, when, crash).in_place_of(house.wiring))
        job = the_job(house.wiring)
        if job is not None and job.state is State.READY:
            downloaded(house.wiring, job)
        house.clock.advance(house.wiring.lease)
        recover(house)
        assert_one_of_each(house)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_port_that_fails_anywhere_is_tried_again(when: str) -> None:
    """
    Whatever call fails, whether or not it had its effect, the same worker ends the export in a later attempt.
    """
    for at, call in enumerate(CALLS, 1):
        if FAILS_WITH[call.partition(".")[0]] is None:
            continue
        house = in_memory()
        with suppress(ExportError):
            run(FaultyPorts(at, when, fail).in_place_of(house.wiring))
        house.clock.advance(WAIT)
        recover(house)
        assert_one_of_each(house)


@pytest.mark.promise
@pytest.mark.timeout(600)
@pytest.mark.parametrize("act", [crash, fail])
@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_an_export_that_is_shared_out_recovers_too(when: str, act: Callable[[str], None]) -> None:
    """
    The same where the parts are planned, and claimed one by one.
    """
    calls, data = golden(shared_out)
    assert {"jobs.plan_parts", "jobs.claim_part", "jobs.close_part"} <= set(calls)
    for at in range(1, len(calls) + 1):
        house = shared_out()
        with suppress(Crash, ExportError):
            run(FaultyPorts(at, when, act).in_place_of(house.wiring))
        house.clock.advance(WAIT)
        recover(house)
        assert_one_of_each(house, data)


def expired(house: MemoryDeployment) -> str:
    """
    Let an export expire, with no sweeper about; return its id.
    """
    run(house.wiring)
    job_id = the_job(house.wiring).id
    house.clock.advance(house.wiring.retention.exports)
    return job_id


def calls_of_expiring() -> list[str]:
    """
    Return the port calls of the sweep in which an export expires.
    """
    house, ports = in_memory(), FaultyPorts()
    expired(house)
    Sweeper(ports.in_place_of(house.wiring)).sweep()
    return ports.calls


EXPIRING = calls_of_expiring()


def test_what_expires_is_shredded_then_deleted_then_recorded() -> None:
    """
    The key goes first: whatever the storage does, nobody opens the file any more.
    """
    order = [call for call in EXPIRING if call in {"jobs.end", "storage.delete", "audit.append"}]
    assert ["jobs.end", "storage.delete", "audit.append"] == order


@pytest.mark.parametrize("act", [crash, fail])
@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_expiring_is_gone_on_with_wherever_it_broke_off(when: str, act) -> None:
    """
    However a sweep ends, the next one leaves no key, no object, and one `expired`.
    """
    for at in range(1, len(EXPIRING) + 1):
        house = in_memory()
        job_id = expired(house)
        with suppress(Crash, ExportError):
            Sweeper(FaultyPorts(at, when, act).in_place_of(house.wiring)).sweep()
        house.sweeper.sweep()
        job = the_job(house.wiring)
        assert (State.EXPIRED, None, None, None) == (job.state, job.wrapped_key, job.sealed, job.artifact)
        assert [] == list(house.storage.list())
        assert [] == list(house.jobs.pending())
        assert 1 == house.audit.events(job_id).count("expired")


@pytest.mark.promise
@pytest.mark.timeout(600)
def test_a_killed_process_is_followed_by_another_on_sqlite_and_disk(tmp_path: Path) -> None:
    """
    The same with kill −9 on real files: no call of an export after which the next process cannot go on.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(PROGRAM), str(tmp_path)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    folders = sorted(folder for folder in tmp_path.iterdir() if int(folder.name[:3]) <= int(told))
    assert len(CALLS) <= int(told)
    assert 2 * int(told) == len(folders)
    for folder in folders:
        house = on_disk(folder, "next", later=WAIT)
        recover(house)
        assert_one_of_each(house)
        house.clock.advance(house.wiring.retention.exports)
        house.sweeper.sweep()
        left = [path for path in (folder / "storage").rglob("*") if path.is_file()]
        assert [] == left
        house.wiring.jobs.close()
