"""
Small real implementations of ports for tests: no patching, no clock freezing, no waiting.

Imports neither pytest nor hypothesis.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import field, frozen

from .._core.erasure import Tombstone
from .._core.erasure_order import ErasureOrder
from .._core.notification import Notification
from .._core.trail import AuditEntry
from ..errors import AuditUnavailable, ExportError, TombstonesUnavailable
from ..ports.telemetry import Fact, Measure, Span

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class ManualClock:
    """
    A clock that moves only when told to. Thread-safe.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def __call__(self) -> datetime:
        """
        Return the instant it was set to.
        """
        return self._now

    def advance(self, by: timedelta) -> None:
        """
        Move the clock; a negative *by* moves it back.
        """
        self._now += by


class SeededRandomness:
    """
    Random-looking bytes that are the same in every run: for tests and demonstrations only. Thread-safe.
    """

    def __init__(self, seed: str = "streampay-export") -> None:
        self._seed = seed
        self._drawn = 0
        self._lock = threading.Lock()

    def __call__(self, size: int) -> bytes:
        """
        Return the next *size* bytes of the sequence.
        """
        with self._lock:
            self._drawn += 1
            label = f"{self._seed}:{self._drawn}".encode()
        return hashlib.shake_256(label).digest(size)


class SequentialIds:
    """
    Ids that look like real ones and come in a fixed sequence. Thread-safe.
    """

    def __init__(self, seed: str = "ids") -> None:
        self._randomness = SeededRandomness(seed)

    def __call__(self) -> str:
        """
        Return the next id.
        """
        return base64.b32encode(self._randomness(16)).decode().rstrip("=").lower()


class RecordingDispatcher:
    """
    A doorbell that only remembers who rang.
    """

    def __init__(self) -> None:
        self.rings: list[tuple[str, str]] = []

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Remember the ring.
        """
        self.rings.append((tenant, job_id))


class RecordingNotifier:
    """
    Remembers what it was to send, in `sent`; while *problem* is set, it raises that instead. Thread-safe.
    """

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.sent: list[Notification] = []

    def send(self, notification: Notification) -> None:
        """
        Remember the notification, or raise *problem*.
        """
        if self.problem is not None:
            raise self.problem from None
        self.sent.append(notification)


@frozen(kw_only=True)
class RecordedSpan:
    """
    A span that was told: *within* which other it was begun, if any, and its *facts*.
    """

    span: Span
    within: Span | None
    facts: dict[str, Fact] = field(factory=dict)

    def add(self, **facts: Fact) -> None:
        """
        See `OpenSpan.add`.
        """
        self.facts.update(facts)


class RecordingTelemetry:
    """
    Telemetry that remembers what it was told. Thread-safe.

    *spans* are those that have ended, in that order; *counts* what was added to each measure, by its facts
    in alphabetical order; *gauges* what each was told last.
    """

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []
        self.counts: dict[tuple[Measure, tuple[tuple[str, Fact], ...]], int] = {}
        self.gauges: dict[Measure, float] = {}
        self._lock = threading.Lock()
        self._open = threading.local()

    def total(self, measure: Measure) -> int:
        """
        Return what was added to a measure, whatever the facts.
        """
        return sum(amount for (each, _), amount in self.counts.items() if each is measure)

    @contextmanager
    def span(self, span: Span, /, **facts: Fact) -> Iterator[RecordedSpan]:
        """
        See `Telemetry.span`.
        """
        outer: Span | None = getattr(self._open, "span", None)
        recorded = RecordedSpan(span=span, within=outer, facts=dict(facts))
        self._open.span = outer if span is Span.DOWNLOAD else span
        try:
            yield recorded
        except BaseException as error:
            recorded.add(slug=error.slug if isinstance(error, ExportError) else type(error).__name__)
            raise
        finally:
            self._open.span = outer
            self.spans.append(recorded)

    def count(self, measure: Measure, amount: int = 1, /, **facts: Fact) -> None:
        """
        See `Telemetry.count`.
        """
        with self._lock:
            key = measure, _in_order(facts)
            self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, measure: Measure, value: float, /, **facts: Fact) -> None:
        """
        See `Telemetry.gauge`.
        """
        self.gauges[measure] = value


def _in_order(facts: Mapping[str, Fact]) -> tuple[tuple[str, Fact], ...]:
    return tuple(sorted(facts.items()))


class MemoryAudit:
    """
    An audit sink and reader in memory; set *down* and it refuses. Thread-safe.
    """

    def __init__(self) -> None:
        self.down = False
        self._entries: dict[str, AuditEntry] = {}
        self._lock = threading.Lock()

    def append(self, entry: AuditEntry) -> None:
        """
        Keep the entry once, or raise `AuditUnavailable` while *down*.
        """
        if self.down:
            raise AuditUnavailable("the sink was told to be down")
        with self._lock:
            self._entries.setdefault(entry.id, entry)

    def entries(
        self, tenant: str, job_id: str | None = None, *, subject: str | None = None
    ) -> Iterator[AuditEntry]:
        """
        Yield what was recorded, in order.
        """
        for entry in list(self._entries.values()):
            if entry.tenant == tenant and job_id in (None, entry.job_id) and subject in (None, entry.subject):
                yield entry

    def events(self, job_id: str) -> Sequence[str]:
        """
        Return the names of a job's events, in order.
        """
        return [str(entry.event) for entry in self.entries("default", job_id)]


class MemoryTombstoneLog:
    """
    A tombstone log in memory; set *down* and it does not answer. Thread-safe.
    """

    def __init__(self) -> None:
        self.down = False
        self._tombstones: list[Tombstone] = []
        self._lock = threading.Lock()

    def append(self, tombstone: Tombstone) -> int:
        """
        Keep a tombstone once and return its number, or raise `TombstonesUnavailable` while *down*.
        """
        with self._lock:
            for number, each in enumerate(self.read(), 1):
                if (each.tenant, each.receipt) == (tombstone.tenant, tombstone.receipt):
                    return number
            self._tombstones.append(tombstone)
            return len(self._tombstones)

    def read(self) -> Sequence[Tombstone]:
        """
        Return what was appended.
        """
        if self.down:
            raise TombstonesUnavailable("it was told to be down")
        return tuple(self._tombstones)


class RecordingEraser:
    """
    An eraser that remembers its *orders*, and scrubs the subject's rows of *tables* in place.

    It knows rows that name the subject in a subject column, as an `IterableSource` has them; a real one
    also decides what of a row that two people share is whose. Set *failing* and it raises.
    """

    def __init__(self, tables: Mapping[str, Iterable[MutableMapping[str, Any]]] | None = None) -> None:
        self.failing = False
        self.orders: list[ErasureOrder] = []
        self._tables = tables or {}

    def __call__(self, order: ErasureOrder) -> None:
        """
        Remember the order, and put `None` where something is to be scrubbed.
        """
        if self.failing:
            raise RuntimeError("the eraser was told to fail")
        self.orders.append(order)
        for each in order.datasets:
            for row in self._tables.get(each.dataset.table, ()):
                theirs = any(row.get(column) in order.subject.names for column in each.dataset.subject)
                if theirs and not _is_later(row.get(each.dataset.as_of or ""), order.at):
                    row.update(dict.fromkeys((field.column for field in each.scrub), None))


def _is_later(value: Any, at: datetime) -> bool:
    if not isinstance(value, datetime):
        return False
    return value > (at if value.tzinfo else at.replace(tzinfo=None))
