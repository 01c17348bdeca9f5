"""
A whole deployment in memory: real rules, real bundles, nothing to set up, patch or wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from .._core.catalog import Catalog, Constant, Dataset, Field, FieldType
from .._core.notice import NOTICE_PARTS, ProcessingNotice
from .._core.policy import FieldRule, Policies, Policy
from .._core.rules import Keep
from ..access import owner_only
from ..embedded import default_writers
from ..jobs.memory import MemoryJobStore
from ..keys.memory import MemoryKeys
from ..keys.sealing import JobSealer
from ..links.app import AppLinks
from ..ports.source import HistorySource
from ..service import ExportService
from ..sources.iterable import IterableSource, Records
from ..storage.memory import MemoryStorage
from ..sweeper import Sweeper
from ..wiring import Wiring
from ..worker import Worker
from ..writers.report import HtmlReport
from .fakes import (
    ManualClock,
    MemoryAudit,
    MemoryTombstoneLog,
    RecordingDispatcher,
    RecordingTelemetry,
    SeededRandomness,
    SequentialIds,
)

NOTICE = ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, "Made up for a test."), language="en", headings={})

PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=("requested_at", "id"),
    subject=("payer", "payee"),
    as_of="requested_at",
    fields=(
        Field(name="id", type=FieldType.INTEGER),
        Field(name="requested_at", type=FieldType.TIMESTAMP),
        Field(name="payee", type=FieldType.TEXT),
        Field(name="amount", type=FieldType.DECIMAL, asset=Constant("XLM")),
        Field(name="note", type=FieldType.TEXT),
    ),
)
"""A small dataset for tests whose own history does not matter."""

CATALOG = Catalog((PAYOUTS,), timezone="UTC")


def keep_everything(catalog: Catalog, profile: str = "self") -> Policy:
    """
    Return a policy that keeps every field of a catalog: for tests, never for people.
    """
    rule = FieldRule(rule=Keep(), reason="Kept in a test.")
    return Policy(profile=profile, rules={d.name: {f.name: rule for f in d.fields} for d in catalog.datasets})


class MemoryDeployment:
    """
    Service, worker and sweeper over fakes that tests can reach: `clock`, `audit`, `tombstones`, `jobs`,
    `storage`, `rings`, `telemetry`. Nothing runs by itself: call `worker.work()` and `sweeper.sweep()`, and
    move the clock.

    Two deployments made alike do the same, byte for byte, but for what the cipher makes random.
    """

    def __init__(
        self,
        tables: Mapping[str, Records] | None = None,
        *,
        catalog: Catalog = CATALOG,
        policies: Policies | None = None,
        source: HistorySource | None = None,
        **changes: Any,
    ) -> None:
        self.clock = ManualClock()
        self.audit = MemoryAudit()
        self.tombstones = MemoryTombstoneLog()
        self.jobs = MemoryJobStore(self.clock)
        self.storage = MemoryStorage()
        self.rings = RecordingDispatcher()
        self.telemetry = RecordingTelemetry()
        keys = MemoryKeys(b"test")
        wiring = Wiring(
            catalog=catalog,
            policies=policies or Policies.of(keep_everything(catalog)),
            notice=NOTICE,
            source=source or IterableSource(tables or {}, now=self.clock, timezone="UTC"),
            jobs=self.jobs,
            outbox=self.jobs,
            storage=self.storage,
            audit=self.audit,
            tombstones=self.tombstones,
            keys=keys.provider,
            versions=keys.versions,
            tagger=keys.tagger,
            sealer=JobSealer,
            tickets=keys.tickets,
            cursors=keys.cursors,
            manifests=keys.manifests,
            links=AppLinks(),
            authorize=owner_only,
            dispatcher=self.rings,
            writers=default_writers(),
            report=HtmlReport(),
            make_id=SequentialIds(),
            randomness=SeededRandomness(),
            clock=self.clock,
            trail=self.audit,
            telemetry=self.telemetry,
        )
        self.wiring = evolve(wiring, **changes)
        self.service = ExportService(self.wiring)
        self.worker = Worker(self.wiring)
        self.sweeper = Sweeper(self.wiring)
