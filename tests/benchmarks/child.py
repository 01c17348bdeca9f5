"""
What runs in a process of its own: `python -m tests.benchmarks.child VERB ARGUMENT...`, answering in JSON.
"""

import csv
import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path


def export(exporter: str, url: str, rows: str, out: str) -> dict[str, float]:
    """
    Run one exporter and say how long it took, how long this process computed, and its peak memory.
    """
    run = getattr(importlib.import_module(f"tests.benchmarks.{exporter}"), exporter)
    began, began_cpu = time.perf_counter(), time.process_time()
    run(url, int(rows), Path(out))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "cpu": time.process_time() - began_cpu, "peak": _peak()}


def transfer(exporter: str, size: str) -> dict[str, float]:
    """
    Publish and download that many bytes, and say how long each took and how far memory grew meanwhile.
    """
    run = importlib.import_module("tests.benchmarks.hand_over").hand_over
    before = _peak()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return {**run(exporter, Path(folder), int(size)), "grown": _peak() - before}


def prove(url: str, rows: str) -> dict[str, float]:
    """
    Make a whole bundle and say how long counting, totals, the report and all of it took.
    """
    return dict(importlib.import_module("tests.benchmarks.proof").proof(url, int(rows)))


def tickets(kind: str, count: str) -> float:
    """
    Check that many tickets, and say how many that is a second.
    """
    return importlib.import_module("tests.benchmarks.links").check_tickets(kind, int(count))


def crowd(people: str, size: str) -> dict[str, float]:
    """
    Have a bundle of that many bytes downloaded by so many at once.
    """
    run = importlib.import_module("tests.benchmarks.links").download_at_once
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return run(Path(folder), int(people), int(size), _peak)


def claims(url: str, processes: str, jobs: str) -> float:
    """
    Queue jobs and return how many a second some processes claim.
    """
    return float(importlib.import_module("tests.benchmarks.claims").claims(url, int(processes), int(jobs)))


def claim(url: str, begin: str) -> dict[str, float]:
    """
    Be one of those processes, from that instant on.
    """
    return dict(importlib.import_module("tests.benchmarks.claims").claim_all(url, float(begin)))


def audit(where: str, entries: str) -> dict[str, float]:
    """
    Append that many entries to an audit trail in several ways, and say how many a second.
    """
    run = importlib.import_module("tests.benchmarks.audit").audit
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return dict(run(where, int(entries), Path(folder)))


def small(exports: str) -> dict[str, float]:
    """
    Make small exports one after the other and say how fast they are.
    """
    run = importlib.import_module("tests.benchmarks.small").small
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return dict(run(Path(folder), int(exports)))


def shared(url: str, rows: str, processes: str) -> dict[str, float]:
    """
    Make one long export with so many worker processes, and say how long it took.
    """
    run = importlib.import_module("tests.benchmarks.shared").shared
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return dict(run(url, int(rows), int(processes), Path(folder)))


def work(*arguments: str) -> None:
    """
    Be one of the worker processes of `shared`.
    """
    importlib.import_module("tests.benchmarks.shared").work(*arguments)


def _peak() -> int:
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fill(url: str, *sizes: str) -> None:
    """
    Make the table and its people.
    """
    importlib.import_module("tests.benchmarks.payouts").fill(url, *map(int, sizes))


def same(one: str, other: str, rows: str) -> None:
    """
    Fail unless both files say the same header and *rows* rows, cell by cell.
    """
    with (
        Path(one).open(encoding="utf-8", newline="") as left,
        Path(other).open(encoding="utf-8", newline="") as right,
    ):
        count = 0
        for ours, theirs in zip(csv.reader(left), csv.reader(right), strict=True):
            assert ours == theirs, f"line {count}: {ours} is not {theirs}"
            count += 1
    assert int(rows) + 1 == count


def create(server: str, name: str) -> str | None:
    """
    Make an empty database and return its URL, or nothing where no server answers.
    """
    import sqlalchemy as sa

    try:
        _administer(server, f"CREATE DATABASE {name}")
    except sa.exc.OperationalError:
        return None
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def drop(server: str, name: str) -> None:
    """
    Drop that database.
    """
    force = " WITH (FORCE)" if server.startswith("postgresql") else ""
    _administer(server, f"DROP DATABASE {name}{force}")


def _administer(server: str, statement: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


_SPEED = (audit, claim, claims, export, small, shared, work)
VERBS = {verb.__name__: verb for verb in (*_SPEED, prove, transfer, fill, same, create, drop, tickets, crowd)}

if __name__ == "__main__":
    said = VERBS[sys.argv[1]](*sys.argv[2:])
    json.dump(said, sys.stdout)
