"""
One export as its row in the job store knows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

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
    Rows of one dataset: *expected* by the census (`None` before it), *written* so far.
    """

    name: str
    state: DatasetState = field(default=DatasetState.WAITING, converter=DatasetState)
    expected: int | None = None
    written: int = 0

    @classmethod
    def done(cls, summary: DatasetSummary) -> DatasetProgress:
        """
        Return the progress of a dataset that is complete.
        """
        return cls(name=summary.name, state=DatasetState.DONE, expected=summary.expected, written=summary.written)


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
    """

    slug: str
    sentence: str


@frozen(kw_only=True)
class Job:
    """
    One export. Times are UTC, from `JobStore.now()`.

    *owner_tag* and *requester_tag* are keyed hashes of subject and actor. *sealed* is the subject's
    id and identifiers, encrypted under the job key; *wrapped_key* is that key, `None` once shredded.
    *fence* rises by one at each claim and at each move that ends the job: a writer that names an
    older one changes nothing. *attempts* counts claims; one given back is uncounted. *revision* rises
    at every visible change (it makes the ETag).
    """

    id: str
    tenant: str
    owner_tag: str
    requester_tag: str
    capacity: Capacity = field(converter=Capacity)
    request: ExportRequest
    sealed: bytes | None = field(repr=False)
    wrapped_key: WrappedKey | None
    received_at: datetime
    due_at: datetime
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
    def waits_from(self) -> datetime | None:
        """
        The instant from which the job waits for a worker, `None` if it never will.
        """
        if self.state is State.QUEUED:
            return self.not_before or self.received_at
        return self.lease_until


@frozen(kw_only=True)
class Claim:
    """
    The right to work on a job until `job.lease_until`, as long as the row's fence is *fence*.
    """

    job: Job

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
