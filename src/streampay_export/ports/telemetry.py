"""What operators watch: how long things took, how much of what there was, and nobody's data."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import Enum, StrEnum
from typing import Protocol, TypeAlias

Fact: TypeAlias = str | int
"""A job id, a tenant, a name of the catalog, a slug or a number; never a person, an identifier or a storage key."""


class Span(StrEnum):
    """
    What takes time. A dataset is part of an attempt, a part of its dataset, publishing of its attempt.
    """

    REQUEST = "request"
    ATTEMPT = "attempt"
    DATASET = "dataset"
    PART = "part"
    PUBLISH = "publish"
    DOWNLOAD = "download"
    SWEEP = "sweep"


class Measure(Enum):
    """
    What is counted or measured: its name, its unit (UCUM), and what it says.
    """

    QUEUE_AGE = ("queue.age", "s", "How long the export has waited that waits longest; asked at each sweep.")
    RUNNING = ("exports.running", "{export}", "Exports being worked on: rises and falls.")
    ROWS = ("rows", "{row}", "Rows written, told as each part closes.")
    PUBLISHED = ("published", "By", "Bytes of bundles put into storage.")
    DOWNLOADED = ("downloaded", "By", "Bytes of bundles handed over.")
    LEASES_LOST = ("leases.lost", "{lease}", "Attempts that had to stop: cancelled, paused, or taken over.")
    FAILURES = ("failures", "{attempt}", "Attempts that failed, by the slug of the error.")
    PART_FAILURES = ("parts.failed", "{part}", "Shared parts that could not be read, by the slug of the error.")
    NOT_NOTIFIED = ("notifications.failed", "{notification}", "Notifications given up, by occasion and slug.")
    SWEEPS = ("sweeps", "{sweep}", "Rounds of the sweeper.")

    def __init__(self, title: str, unit: str, description: str) -> None:
        self.title = title
        self.unit = unit
        self.description = description


class OpenSpan(Protocol):
    """
    A span that has not ended.
    """

    def add(self, **facts: Fact) -> None:
        """
        Say more about it, as far as it is known by now. A *slug* says that it failed.
        """


class Telemetry(Protocol):
    """
    Where signals go. Thread-safe. No method raises, waits for a network, or costs more than microseconds: they are
    called for each part of an export, never for each row.
    """

    def span(self, span: Span, /, **facts: Fact) -> AbstractContextManager[OpenSpan]:
        """
        Return a context that lasts as long as the span. What leaves it by an error ends it as failed, and passes.

        Of the error only its slug is told, or the name of its class where it is none of ours: its text may
        hold more. A span begun within another in the same thread belongs to it; but a download's encloses
        none, as it stays open while its reader does other things.
        """

    def count(self, measure: Measure, amount: int = 1, /, **facts: Fact) -> None:
        """
        Add *amount*; below zero for what falls again, which only `Measure.RUNNING` does.
        """

    def gauge(self, measure: Measure, value: float, /, **facts: Fact) -> None:
        """
        Say what it is now: of `Measure.QUEUE_AGE`.
        """
