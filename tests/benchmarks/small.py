"""
Small exports, one after the other, on the embedded default: everything durable, audited, encrypted, read back.
"""

import sqlite3
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from streampay_export import Actor, Policies, ProcessingNotice, Subject
from streampay_export._core.notice import NOTICE_PARTS
from streampay_export.embedded import Places, embedded
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.testing.deployment import CATALOG, keep_everything

ROWS = 200
PEOPLE = 20


def small(folder: Path, exports: int) -> Mapping[str, float]:
    """
    Make that many exports of 200 rows each, in CSV and JSON; say how many a second, how long from request to ready,
    how much processor time and how many commits each took, and how long it takes to ask for the progress of one.
    """
    shop = folder / "shop.db"
    _fill(shop)
    commits: list[object] = []
    # Never taken back: this runs in a process of its own.
    event.listen(Engine, "commit", commits.append)
    with (
        SqlAlchemySource(f"sqlite:///{shop}", timezone="UTC") as source,
        embedded(
            Places.beside(folder),
            source=source,
            catalog=CATALOG,
            policies=Policies.of(keep_everything(CATALOG)),
            notice=ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, "Made up.")),
            threads=0,
        ) as house,
    ):
        _export(house, 0)  # what is compiled once is not every export's
        commits.clear()
        began, began_cpu = time.perf_counter(), time.process_time()
        took = [_export(house, number) for number in range(exports)]
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        asked = time.perf_counter()
        house.service.list(Actor(id="person-0"), limit=1)
        asking = time.perf_counter() - asked
    ordered = sorted(took)
    return {
        "rate": exports / seconds,
        "p50": statistics.median(ordered),
        "p95": ordered[int(len(ordered) * 0.95)],
        "cpu": cpu / exports,
        "commits": len(commits) / exports,
        "asking": asking,
    }


def _export(house, number: int) -> float:
    began = time.perf_counter()
    person = f"person-{number % PEOPLE}"
    export = house.service.request(Actor(id=person), Subject(person)).export
    job = house.worker.work(job_id=export.id, tenant="default")
    assert job is not None
    assert job.state == "ready"
    return time.perf_counter() - began


def _fill(shop: Path) -> None:
    with sqlite3.connect(shop) as db:
        db.execute(
            "CREATE TABLE payouts (id INTEGER NOT NULL, requested_at TEXT NOT NULL, payer TEXT, payee TEXT,"
            " amount TEXT, note TEXT, PRIMARY KEY (requested_at, id))"
        )
        for side in ("payer", "payee"):
            db.execute(f"CREATE INDEX payouts_{side} ON payouts ({side}, requested_at, id)")
        rows = (
            (number, f"2026-01-01 00:{number // 60 % 60:02}:{number % 60:02}.000000", f"person-{person}", "bob")
            for person in range(PEOPLE)
            for number in range(person * ROWS, (person + 1) * ROWS)
        )
        db.executemany("INSERT INTO payouts VALUES (?, ?, ?, ?, '12.5000000', 'a note')", rows)
    db.close()
