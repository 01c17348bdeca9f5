"""
One export as its row in the job store knows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import evolve, field, frozen

from .deadline import Deadline, Extension
from .encrypted_file import FileContext, FilePurpose
from .lifecycle import ACTIVE, Completeness, State
from .manifest import DatasetSummary
from .party import Capacity
from .request import ExportRequest


@frozen(kw_only=True)
class WrappedKey:
    """
    A job key, encrypted under the key-encryption key *key_id*. Without it nothing of the job opens.
    """

    key_id: str
    ciphertext: bytes = field(repr=False)


class DatasetState(StrEnum):
    """
    How far one dataset of an export is.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@frozen(kw_only=True)
class DatasetProgress:
    """
    Rows of one dataset: *expected* by the census (`None` before it), *written* so far, in how many closed
    *parts*, and at which *rate* (rows a second, 0 while unknown) it is being read.
    """

    name: str
    state: DatasetState = field(default=DatasetState.WAITING, converter=DatasetState)
    expected: int | None = None
    written: int = 0
    parts: int = 0
    rate: int = 0

    @classmethod
    def done(cls, summary: DatasetSummary) -> DatasetProgress:
        """
        Return the progress of a dataset that is complete.
        """
        return cls(
            name=summary.name,
            state=DatasetState.DONE,
            expected=summary.expected,
            written=summary.written,
            parts=len(summary.parts),
        )


def all_progress(datasets: Iterable[DatasetProgress]) -> tuple[DatasetProgress, ...]:
    """
    Return the progress of several datasets as a tuple.
    """
    return tuple(datasets)


class Protection(StrEnum):
    """
    What keeps an artifact from others at rest: this library's encryption, or the store's own.

    Only what this library encrypts can be shredded.
    """

    LIBRARY = "library"
    STORE = "store"


@frozen(kw_only=True)
class Artifact:
    """
    The published bundle: its storage key, and size in bytes and SHA-256 (hex) of what a person downloads.
    """

    key: str
    size: int
    sha256: str
    protection: Protection = field(default=Protection.LIBRARY, converter=Protection)


@frozen(kw_only=True)
class Failure:
    """
    Why an export failed: an error's slug, and a sentence for the person with nobody's data in it.

    Of a refusal the sentence is the reason, and *remedies* says what the person may do (GDPR Art. 12(4)).
    *detail* is for operators: it may name tables and columns, so it is never shown to the person.
    """

    slug: str
    sentence: str
    remedies: str = ""
    detail: str = ""

    @property
    def for_operators(self) -> str:
        """
        What went wrong, as exactly as is known.
        """
        return self.detail or self.sentence


REFUSED = "refused"
"""The slug of a `Failure` that is an answer: somebody decided it."""


def is_unanswered(state: State, failure: Failure | None) -> bool:
    """
    Return whether the person still has neither a file nor a refusal, and has not withdrawn the request.
    """
    return state in ACTIVE or (state is State.FAILED and (failure is None or failure.slug != REFUSED))


@frozen(kw_only=True)
class Job:
    """
    One export. Times are UTC, from `JobStore.now()`; *received_at* may lie before *created_at*.

    *owner_tag* and *requester_tag* are keyed hashes of subject and actor. *sealed* is the subject's
    id and identifiers, encrypted under the job key; *wrapped_key* is that key, `None` once shredded.
    *fence* rises by one at each claim, and when the job ends or is paused under a worker: a writer that
    names an older one changes nothing. *attempts* counts claims; one given back is uncounted.
    *revision* rises at every visible change (it makes the ETag). *received_at*, *due_at*, *extension*
    and *paused_at* are the clock of the law (see `Deadline`): they belong to the request, and outlive
    the job that answers nothing. Of a job that is not *told*, the person is sent no notification.
    """

    id: str
    tenant: str
    owner_tag: str
    requester_tag: str
    capacity: Capacity = field(converter=Capacity)
    request: ExportRequest
    sealed: bytes | None = field(repr=False)
    wrapped_key: WrappedKey | None
    created_at: datetime
    received_at: datetime
    due_at: datetime
    extension: Extension | None = None
    paused_at: datetime | None = None
    told: bool = True
    state: State = field(default=State.QUEUED, converter=State)
    completeness: Completeness = field(default=Completeness.FULL, converter=Completeness)
    as_of: datetime | None = None
    expires_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0
    fence: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None
    datasets: tuple[DatasetProgress, ...] = field(converter=all_progress)
    artifact: Artifact | None = None
    failure: Failure | None = None
    revision: int = 0

    @property
    def active(self) -> bool:
        """
        Whether the job is queued or running.
        """
        return self.state in ACTIVE

    @property
    def unanswered(self) -> bool:
        """
        Whether the person still waits for an answer.
        """
        return is_unanswered(self.state, self.failure)

    @property
    def deadline(self) -> Deadline:
        """
        When the answer is due, as things are.
        """
        return Deadline(due_at=self.due_at, extension=self.extension, paused_at=self.paused_at)

    @property
    def waits_from(self) -> datetime | None:
        """
        The instant from which the job waits for a worker, `None` if it does not, or while it is paused.
        """
        if self.state is State.QUEUED:
            return None if self.paused_at else self.not_before or self.created_at
        return self.lease_until

    def ended_as(self, state: State, now: datetime) -> dict[str, Any]:
        """
        Return what changes when the job ends: shredded, without a lease, and with a fence that voids any claim.
        """
        return {
            "state": state,
            "fence": self.fence + 1,
            "lease_until": None,
            "not_before": None,
            "wrapped_key": None,
            "sealed": None,
            "finished_at": self.finished_at or now,
        }

    def following(self, before: Job) -> Job:
        """
        Return this new job with the clock of the one *before* it, if they are one request to the law.

        They are when that one failed without an answer, or was cancelled and was not due yet: neither a
        failure of ours nor asking again begins a new month. The earlier receipt counts. Whoever was to
        prove their identity still is.
        """
        cancelled = before.state is State.CANCELLED and not before.deadline.passed(self.created_at)
        if not (before.unanswered or cancelled):
            return self
        paused_at = before.paused_at or self.paused_at
        if self.received_at < before.received_at:
            return evolve(self, paused_at=paused_at)
        return evolve(
            self,
            received_at=before.received_at,
            due_at=before.due_at,
            extension=before.extension,
            paused_at=paused_at,
        )


@frozen(kw_only=True)
class Claim:
    """
    The right to work on a job until `job.lease_until`, as long as the row's fence is *fence*. It was given, or
    renewed last, *at* that instant of the store's.
    """

    job: Job
    at: datetime

    @property
    def fence(self) -> int:
        """
        The fence this claim was given.
        """
        return self.job.fence


def key_context(tenant: str, job_id: str) -> bytes:
    """
    Return what a job's wrapped key is bound to: a key wrapped for one job opens no other.
    """
    return f"{tenant}\n{job_id}".encode()


def artifact_context(job: Job, key: str) -> FileContext:
    """
    Return what the artifact under a storage key is bound to: its job and place, and the job's fence.
    """
    return FileContext(purpose=FilePurpose.ARTIFACT, tenant=job.tenant, job_id=job.id, file=key, fence=job.fence)
