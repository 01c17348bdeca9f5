"""The clock of the law: when an answer is due, and what is overdue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from ..._core.deadline import Deadline
from ..._core.job import Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry

LARGEST_COUNT = 10_000
"""Up to here an overview counts; beyond, what it costs would grow and what it says would not."""

LATEST_FAILED = 1_000
"""So many failed jobs an overview looks at for an answer that came later."""

MOST_OVERDUE = 100
"""So many overdue jobs an overview names."""


def _all_jobs(jobs: Iterable[Job]) -> tuple[Job, ...]:
    return tuple(jobs)


@frozen(kw_only=True)
class Overview:
    """
    How a tenant's exports stand: *counts* by state, each up to `LARGEST_COUNT`, which then means so many or
    more; since when (UTC) the job has waited that waits longest, `None` if none does; and what is *overdue*.
    """

    counts: Mapping[State, int]
    waiting_since: datetime | None
    overdue: tuple[Job, ...] = field(converter=_all_jobs)


class JobDeadlines(Protocol):
    """
    Jobs as those see them who answer for them. See `JobStore`.
    """

    def reschedule(
        self,
        before: Job,
        deadline: Deadline,
        *,
        expected: Collection[State],
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        Give a job another deadline, if its state is in *expected* and its deadline is that of *before*.

        A running job that is paused by it is queued again, with its attempt given back and its fence
        raised, so that the worker changes nothing any more. Returns the job as it is now, or `None`
        where nothing matched.
        """

    def overview(self, tenant: str) -> Overview:
        """
        Return how a tenant's jobs stand. What it costs does not grow with what has ended.

        Overdue are jobs whose deadline has passed and that are queued, running, or failed without an answer
        and without a later job of the same (owner tag, profile, requester tag); the longest due first, at most
        `MOST_OVERDUE`. Of failed ones the `LATEST_FAILED` due last are looked at.
        """
