"""
Job stores and audit sinks that several processes share, some of which are killed.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from streampay_export._core.verification import verify_chain
from streampay_export._sql.tables import AUDIT, JOBS
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.audit.sql import SqlAudit
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.jobs import make_job
from streampay_export.testing.contracts.outbox import make_entry

PROGRAM = Path(__file__).with_name("job_worker.py")
PROCESSES = 8


def start(what, where, name, count=0):
    """
    Start one process.
    """
    arguments = [sys.executable, str(PROGRAM), what, str(where), name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def lines_of(processes):
    """
    Wait for processes that must succeed; return what each printed.
    """
    printed = [process.communicate(timeout=110)[0].split() for process in processes]
    assert [0] * len(processes) == [process.returncode for process in processes]
    return printed


def empty_store(url):
    """
    Return a store without jobs.
    """
    admin = sqlalchemy.create_engine(url, poolclass=NullPool)
    JOBS.drop_all(admin)
    admin.dispose()
    store = SqlJobStore(url)
    store.create_tables()
    return store


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request, tmp_path):
    """
    Where a shared job store may be.
    """
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[request.param])


@pytest.mark.promise
@pytest.mark.server
def test_each_job_runs_once_however_many_claim(url):
    """
    8 processes that work off 400 jobs run each exactly once, and record each outcome once.
    """
    store = empty_store(url)
    expected = [f"job-{n:03}" for n in range(400)]
    for job_id in expected:
        store.add(make_job(store, job_id, owner=job_id))
    claimed = lines_of([start("claim", url, f"p{n}") for n in range(PROCESSES)])
    assert expected == sorted(job_id for each in claimed for job_id in each)
    assert sum(bool(each) for each in claimed) > 1, "only one process got to work"
    assert {(1, 1, "ready")} == {
        (job.attempts, job.fence, job.state) for job in (store.get("default", job_id) for job_id in expected)
    }
    assert 400 == len(store.pending(1000))
    store.close()


@pytest.mark.promise
@pytest.mark.server
def test_requests_of_many_processes_are_one_job(url):
    """
    8 processes that ask 25 times each for the same export all get the same id.
    """
    store = empty_store(url)
    answers = lines_of([start("add", url, f"p{n}", 25) for n in range(PROCESSES)])
    assert 1 == len({job_id for each in answers for job_id in each})
    assert 1 == len(store.list("default", "owner", limit=9))
    store.close()


@pytest.mark.promise
def test_a_killed_worker_leaves_the_store_whole(tmp_path):
    """
    Workers killed at any moment leave every job either waiting, leased or ready, with its entry if ready.
    """
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    store = empty_store(url)
    expected = [f"job-{n:03}" for n in range(200)]
    for job_id in expected:
        store.add(make_job(store, job_id, owner=job_id))
    dice = random.Random(7)
    done = Counter()
    for n in range(8):
        worker = start("claim", url, f"p{n}")
        time.sleep(0.5 + dice.random() / 4)
        worker.kill()
        done.update(worker.communicate()[0].split())
    (rest,) = lines_of([start("claim", url, "last")])
    jobs = [store.get("default", job_id) for job_id in expected]
    ready = {job.id for job in jobs if job.state == "ready"}
    leased = {job.id for job in jobs if job.state == "running"}
    assert set(expected) == ready | leased
    assert len(leased) <= 8, "more jobs are held than workers were killed"
    assert set(done) | set(rest) <= ready
    assert {1} == set(Counter(entry.id for entry in store.pending(1000)).values())
    assert {f"{job_id}:completed" for job_id in ready} == {entry.id for entry in store.pending(1000)}
    store.close()


def empty_trail(where):
    """
    Return a sink of an empty trail.
    """
    if "://" not in str(where):
        return JsonLinesAudit(where, chain=TEST_CHAIN)
    admin = sqlalchemy.create_engine(where, poolclass=NullPool)
    AUDIT.drop_all(admin)
    admin.dispose()
    sink = SqlAudit(where, chain=TEST_CHAIN)
    sink.create_tables()
    return sink


def place_of_trail(request, tmp_path, kind):
    """
    Return where a trail of this kind is.
    """
    if kind in {"postgres_url", "mariadb_url"}:
        return request.getfixturevalue(kind)
    return tmp_path / "trail.jsonl" if kind == "jsonl" else f"sqlite:///{tmp_path / 'trail.db'}"


def assert_one_chain(sink, processes, count):
    """
    Hold a trail against what the processes were to append: each entry once, in one chain without a gap.
    """
    expected = {f"shared-{n}" for n in range(count)} | {f"p{p}-{n}" for p in range(processes) for n in range(count)}
    assert dict.fromkeys(expected, 1) == Counter(entry.id for entry in sink.entries("default"))
    verdict = verify_chain(TEST_CHAIN, "default", sink.chain("default"), ())
    assert (len(expected), None) == (verdict.size, verdict.finding)


@pytest.mark.parametrize("kind", ["jsonl", "sqlite"])
def test_processes_append_each_entry_once(request, tmp_path, kind):
    """
    3 processes that append own and shared entries leave each exactly once, in one chain.
    """
    where = place_of_trail(request, tmp_path, kind)
    sink = empty_trail(where)
    lines_of([start("append", where, f"p{n}", 30) for n in range(3)])
    assert_one_chain(sink, 3, 30)
    sink.close()


@pytest.mark.promise
@pytest.mark.server
@pytest.mark.parametrize("kind", ["jsonl", "sqlite", "postgres_url", "mariadb_url"])
def test_many_processes_make_one_chain(request, tmp_path, kind):
    """
    8 processes that append at once make one dense chain, and record what all of them send once.
    """
    where = place_of_trail(request, tmp_path, kind)
    sink = empty_trail(where)
    lines_of([start("append", where, f"p{n}", 100) for n in range(PROCESSES)])
    assert_one_chain(sink, PROCESSES, 100)
    sink.close()


@pytest.mark.promise
def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """
    Writers killed at any moment lose no entry whose append returned, and leave no line the next cannot follow.
    """
    path = tmp_path / "trail.jsonl"
    dice = random.Random(7)
    acknowledged = set()
    for n in range(12):
        writers = [start("append", path, f"p{n}-{k}", 10_000) for k in range(2)]
        time.sleep(0.4 + dice.random() / 4)
        for writer in writers:
            writer.kill()
        acknowledged.update(line for writer in writers for line in writer.communicate()[0].split())
    JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("last"))
    recorded = Counter(json.loads(line)["entry"]["id"] for line in path.read_text().splitlines())
    assert acknowledged <= set(recorded)
    assert {1} == set(recorded.values())
    assert "last" in recorded
