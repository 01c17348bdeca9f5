"""
An export of two datasets in four parts, in memory or on SQLite and disk, for tests that break it off.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve

from streampay_export import Actor, Catalog, Subject
from streampay_export._core.job import Job
from streampay_export._core.lifecycle import State
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.service import ExportService
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.deployment import PAYOUTS, MemoryDeployment
from streampay_export.testing.fakes import SeededRandomness, SequentialIds
from streampay_export.wiring import Wiring
from streampay_export.writers.report import HtmlReport

ALICE = Actor(id="alice")
WAIT = timedelta(minutes=15)
_START = datetime(2025, 1, 1, tzinfo=UTC)
_ROWS = [
    {
        "id": n,
        "requested_at": _START + timedelta(seconds=n),
        "payer": "alice",
        "payee": "bob",
        "amount": f"{n}.25",
        "note": f"note {n}",
    }
    for n in range(4)
]
_TABLES = {"payouts": _ROWS, "refunds": _ROWS}
# Making it takes longer than the rest of an export this small.
_REPORT = HtmlReport()
_BOTH = Catalog([PAYOUTS, evolve(PAYOUTS, name="refunds", table="refunds")], timezone="UTC")


def in_memory() -> MemoryDeployment:
    """
    Return a deployment whose parts have two rows, of four in each dataset.
    """
    return MemoryDeployment(_TABLES, catalog=_BOTH, part_rows=2, report=_REPORT)


def shared_out() -> MemoryDeployment:
    """
    Return one that shares its parts out: a row in each, of eight in each dataset.
    """
    later = [
        row | {"id": 4 + n, "requested_at": _START + timedelta(hours=1, seconds=n)} for n, row in enumerate(_ROWS)
    ]
    tables = dict.fromkeys(_TABLES, (*_ROWS, *later))
    return MemoryDeployment(tables, catalog=_BOTH, part_rows=1, report=_REPORT, fan_out=True)


def on_disk(folder: Path, seed: str, later: timedelta = timedelta(0)) -> MemoryDeployment:
    """
    Return the same on what *folder* holds; *seed* is another for each process, *later* is how late it is.
    """
    jobs = SqlJobStore(f"sqlite:///{folder / 'jobs.db'}", clock=lambda: house.clock())  # noqa: PLW0108  # it is made below
    trail = JsonLinesAudit(folder / "audit.jsonl", chain=TEST_CHAIN)
    house = MemoryDeployment(
        _TABLES,
        catalog=_BOTH,
        part_rows=2,
        report=_REPORT,
        jobs=jobs,
        outbox=jobs,
        storage=FsspecStorage((folder / "storage").as_uri()),
        audit=trail,
        trail=trail,
        make_id=SequentialIds(seed),
        randomness=SeededRandomness(seed),
    )
    house.clock.advance(later)
    jobs.create_tables()
    return house


def ask(wiring: Wiring) -> str:
    """
    Ask for alice's export, as she would once more where no answer came; return its id.
    """
    return ExportService(wiring).request(ALICE, Subject("alice"), formats=["csv"]).export.id


def the_job(wiring: Wiring) -> Job | None:
    """
    Return the one job there is, if there is one.
    """
    tag = wiring.tagger.owner_tag("default", "alice")
    jobs = wiring.jobs.list("default", tag, limit=9)
    assert len(jobs) <= 1
    return next(iter(jobs), None)


def downloaded(wiring: Wiring, job: Job) -> bytes:
    """
    Return what the person downloads; its digest is the one the job's row says.
    """
    service = ExportService(wiring)
    url = service.link(ALICE, job.id).url
    data = b"".join(service.open(ALICE, job.id, url.partition("ticket=")[2]).read())
    assert job.state is State.READY
    assert job.artifact is not None
    assert hashlib.sha256(data).hexdigest() == job.artifact.sha256
    return data
