"""
An export as whoever may read it sees it: no key, no tag, no storage key.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .deadline import Extension
from .job import DatasetProgress, DatasetState, Failure, Job, is_unanswered
from .lifecycle import GONE, Completeness, State
from .party import Capacity


@frozen(kw_only=True)
class Export:
    """
    One export. Times are UTC. *total* is `None` until every dataset has been counted; *size* (bytes)
    and *sha256* (hex) are those of the bundle, `None` while there is none. *paused_at* is since when the
    clock stands and nothing is worked on, because it is not known yet who asks; *due_at* moves when it
    goes on. *overdue*: the person has no answer, and it was due. *capacity*: as what whoever asked for it
    acted, so that a subject sees what others had made of their history.
    """

    id: str
    state: State
    completeness: Completeness
    profile: str
    capacity: Capacity
    received_at: datetime
    due_at: datetime
    extension: Extension | None
    paused_at: datetime | None
    overdue: bool
    as_of: datetime | None
    expires_at: datetime | None
    formats: tuple[str, ...]
    datasets: tuple[DatasetProgress, ...]
    size: int | None
    sha256: str | None
    failure: Failure | None
    revision: int

    @property
    def rows(self) -> int:
        """
        Rows written so far.
        """
        return sum(each.written for each in self.datasets)

    @property
    def total(self) -> int | None:
        """
        Rows expected in all, `None` until every dataset has been counted.
        """
        counts = [each.expected for each in self.datasets]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def parts(self) -> int:
        """
        Parts closed so far: what a crash cannot take back.
        """
        return sum(each.parts for each in self.datasets)

    @property
    def seconds_left(self) -> int | None:
        """
        About how long reading the rest takes at the rate of the dataset at hand; `None` while that is unknown.
        """
        rate = next((each.rate for each in self.datasets if each.state is DatasetState.RUNNING), 0)
        if self.state is not State.RUNNING or self.total is None or not rate:
            return None
        return max(0, self.total - self.rows) // rate

    @classmethod
    def of(cls, job: Job, now: datetime) -> Export:
        """
        Return the job as it is at *now*: expiry holds whether or not a sweeper has been by.
        """
        state = job.state
        if state is State.READY and job.expires_at is not None and job.expires_at <= now:
            state = State.EXPIRED
        there = state is State.READY
        return cls(
            id=job.id,
            state=state,
            completeness=job.completeness,
            profile=job.request.profile,
            capacity=job.capacity,
            received_at=job.received_at,
            due_at=job.due_at,
            extension=job.extension,
            paused_at=job.paused_at,
            overdue=job.unanswered and job.deadline.passed(now),
            as_of=job.as_of,
            expires_at=job.expires_at,
            formats=job.request.formats,
            datasets=job.datasets,
            size=job.artifact.size if there and job.artifact else None,
            sha256=job.artifact.sha256 if there and job.artifact else None,
            failure=job.failure,
            revision=job.revision,
        )

    @property
    def unanswered(self) -> bool:
        """
        Whether the person still waits for a file or a refusal.
        """
        return is_unanswered(self.state, self.failure)

    @property
    def gone(self) -> bool:
        """
        Whether the file existed once and exists no more.
        """
        return self.state in GONE
