"""
The audit trail: how many entries a second are appended, each on disk before the next of its thread is begun.
"""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import evolve
from sqlalchemy import insert

from streampay_export._core.trail import AuditEntry
from streampay_export._core.wire import spell_entry
from streampay_export._sql.database import Database
from streampay_export._sql.tables import audit_table
from streampay_export.embedded import Places, open_trail
from streampay_export.errors import AuditUnavailable
from streampay_export.keys.memory import MemoryKeys
from streampay_export.testing.contracts.outbox import make_entry

THREADS = 8


def audit(where: str, entries: int, folder: Path) -> Mapping[str, float]:
    """
    Append that many to a file (a path) or to a table (a URL): *plain*, one by one and without a chain, then by
    the trail in *one* thread and in *eight*. Return how many a second each were.
    """
    trail = open_trail(evolve(Places.beside(folder), audit=where), MemoryKeys(), make=True)
    append = trail.append
    append(make_entry(f"{os.getpid()}"))  # the first opens it
    plain = _plain(where)
    rates = {
        "plain": _rate(plain, "plain", entries, threads=1),
        "one": _rate(append, "one", entries, threads=1),
        "eight": _rate(append, "many", entries, threads=THREADS),
    }
    trail.close()
    return rates


def _rate(append: Callable[[AuditEntry], object], name: str, entries: int, *, threads: int) -> float:
    # A chain of its own, also where there is a trail of an earlier run.
    made = [make_entry(str(number), tenant=f"{name}-{os.getpid()}") for number in range(entries)]
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        for _ in pool.map(append, made):
            pass
        return entries / (time.perf_counter() - began)


def _plain(where: str) -> Callable[[AuditEntry], object]:
    if "://" not in where:
        file = os.open(f"{where}.plain", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

        def write(entry: AuditEntry) -> None:
            os.write(file, spell_entry(entry).encode() + b"\n")
            os.fsync(file)

        return write

    database = Database(where, key="audit.url", unavailable=AuditUnavailable, make_folder=False)

    def add(entry: AuditEntry) -> None:
        row = {"number": int(entry.id), "link": "", "entry": spell_entry(entry)}
        named = {name: getattr(entry, name) for name in ("tenant", "id", "job_id", "subject")}
        with database.writing() as connection:
            connection.execute(insert(audit_table), row | named)

    return add
