"""
Something outside failed.
"""

from __future__ import annotations

from attrs import define

from .root import ExportError


class BackendError(ExportError):
    """
    Something outside this process failed; the same call may succeed later.
    """

    retry = True
    slug = "backend"
    person = "A part of the service did not answer, however often asked; try again later."


@define
class SourceUnavailable(BackendError):
    """
    The history source did not answer, or broke off.
    """

    slug = "source-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"the history source is not available: {self.problem}"


@define
class RunBrokenOff(BackendError):
    """
    A bulk run was ended, as *failed* exports in a row failed by something outside; *cause* is the last one's slug.
    """

    slug = "run-broken-off"

    failed: int
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.failed} exports in a row failed by {self.cause}, so the others were not begun; "
            "see to the cause and go on with --resume"
        )


@define
class StorageUnavailable(BackendError):
    """
    The storage did not answer, refused, or is full.
    """

    slug = "storage-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"the storage is not available: {self.problem}"


@define
class JobStoreUnavailable(BackendError):
    """
    The job store did not answer.
    """

    slug = "job-store-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"the job store is not available: {self.problem}"


@define
class AuditUnavailable(BackendError):
    """
    The audit sink did not take an entry: without audit nothing is handed out.
    """

    slug = "audit-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"the audit trail cannot be written: {self.problem}"


@define
class TombstonesUnavailable(BackendError):
    """
    The tombstone log does not answer: without it nobody's erasure goes on, and nothing starts.
    """

    slug = "tombstones-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"the tombstone log is not available: {self.problem}"


@define
class NotifierUnavailable(BackendError):
    """
    What tells people did not take a notification, and may take it later.
    """

    slug = "notifier-unavailable"

    problem: str

    def __str__(self) -> str:
        return f"nobody can be told now: {self.problem}"


@define
class RecipientRefused(BackendError):
    """
    What tells people will never reach this person under the address that is known.
    """

    retry = False
    slug = "recipient-refused"

    problem: str

    def __str__(self) -> str:
        return f"the person cannot be told: {self.problem}"


class ObjectMissing(BackendError):
    """
    No object is stored under that key.
    """

    retry = False
    slug = "object-missing"

    def __str__(self) -> str:
        return "there is no such object in storage"


class ObjectExists(BackendError):
    """
    An object is already stored under that key; it was not touched.
    """

    retry = False
    slug = "object-exists"

    def __str__(self) -> str:
        return "an object with that key is already in storage"


class ObjectAltered(BackendError):
    """
    An object is not what was stored under its key: altered, cut, swapped, or of another key.
    """

    retry = False
    slug = "object-altered"

    def __str__(self) -> str:
        return "an object in storage is not the one that was put there; ask for a new export"
