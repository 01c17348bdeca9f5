"""
Every error of streampay-export.

The first split is whose fault it is; `retry` says whether the same call may succeed later. The text of an error
is for operators and may name tables and columns; *person* is what the person is told whose export it ended.

    ExportError
    ├── CallerError                 the call is at fault: change it (retry: no)
    │   ├── InvalidRequest          a field of the request is wrong
    │   │   ├── MalformedRequest    the request could not be read at all
    │   │   ├── UnknownName         no such dataset, format, profile, field, column ...
    │   │   ├── InvalidCursor       a cursor that this service did not give to this caller
    │   │   └── IdempotencyKeyReused
    │   ├── AccessRefused           who is asking may not have this
    │   │   ├── NotSignedIn
    │   │   ├── NotFound            unknown, foreign and erased alike
    │   │   ├── StepUpRequired      proved too long ago who they are
    │   │   ├── CoolingOff          e-mail address or wallet changed too recently
    │   │   ├── InvalidTicket       missing, malformed, altered, for something else
    │   │   └── TicketExpired       expired, spent or revoked
    │   ├── StateConflict           right call, wrong moment
    │   │   ├── ActiveExportDiffers another export of the same person is under way
    │   │   ├── ExportNotReady
    │   │   ├── ExportNotActive     only what is queued or running can be paused, resumed or refused
    │   │   ├── NotExtendable       extended before, due already, or answered
    │   │   ├── SubjectErased       the history was erased; says when, and what is retained
    │   │   └── ExportGone
    │   ├── TooManyRequests
    │   └── BundleRefused           a bundle under verification is not what its maker signed
    ├── SetupError                  the operator or developer is at fault: mend the configuration (retry: no)
    │   ├── InvalidConfiguration
    │   ├── InvalidCatalog
    │   ├── InvalidPolicy
    │   ├── SourceMismatch          the database does not have what the catalog says
    │   ├── KeysMissing             key material is missing, unknown or unsafe
    │   ├── ErasuresMissing         database and tombstone log differ, as after a restored backup: replay
    │   ├── TombstonesBroken        the tombstone log is not what was appended to it
    │   └── MissingExtra            an optional dependency is not installed
    ├── SourceDataError             the source's rows cannot be exported faithfully (retry: no)
    │   ├── NullKey · KeyForm · RowsOutOfOrder · RepeatedRow · StuckCursor · PageTooLarge
    │   ├── ForeignRow              a row that is not the subject's
    │   ├── UnwritableValue
    │   └── CountMismatch           expected and written rows differ inside one snapshot
    ├── BackendError                something outside failed (retry: yes)
    │   ├── SourceUnavailable · StorageUnavailable · JobStoreUnavailable · AuditUnavailable
    │   ├── TombstonesUnavailable · NotifierUnavailable
    │   ├── RecipientRefused        nobody is reached there (retry: no)
    │   ├── RunBrokenOff            so many exports in a row failed by it that a bulk run was ended
    │   └── ObjectMissing · ObjectExists · ObjectAltered (retry: no)
    ├── TrailBroken                 the audit trail is not what was recorded (retry: no)
    ├── Stopped                     this worker must not go on (retry: by whoever holds the job now)
    │   ├── LeaseLost
    │   └── Interrupted
    ├── IllegalMove                 a bug: the lifecycle table has no such move
    └── OutOfTurn                   a bug: the pager was told something it had not asked for

No message and no attribute carries a row's values, a ticket, or anything unverified at length: names
that the caller typed are shown escaped and cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from attrs import define

# A path is of use only whole; no system has longer ones.
LONGEST_PATH = 4096


def quoted_path(path: object) -> str:
    """
    Return a path escaped, safe for one line of a message.
    """
    return quoted(str(path), most=LONGEST_PATH)


def quoted(text: str, *, most: int = 80) -> str:
    """
    Return *text* escaped and cut to *most* characters, safe for one line of a message.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return ascii(cut) if not cut.isprintable() else f"'{cut}'"


def listed(names: Sequence[str]) -> str:
    """
    Return names as prose: `a, b, c`, or `none`.
    """
    return ", ".join(names) if names else "none"


class ExportError(Exception):
    """
    Root of all errors of this library.
    """

    retry: ClassVar[bool] = False
    slug: ClassVar[str] = "export-error"
    person: ClassVar[str] = "Something went wrong at the service; its operators have been told."


class CallerError(ExportError):
    """
    The call is at fault; the same call will fail again.
    """

    slug = "invalid-request"


@define
class InvalidRequest(CallerError):
    """
    One field of a request is wrong. *field* is its name, *problem* says what would be right.
    """

    slug = "invalid-request"

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


@define
class MalformedRequest(InvalidRequest):
    """
    The request could not be read at all.
    """

    slug = "malformed-request"


@define
class UnknownName(InvalidRequest):
    """
    A name that is not among the known ones. *field* is the kind of thing: dataset, format, profile.
    """

    slug = "unknown-name"

    name: str
    known: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, name: str, known: Sequence[str], *, field: str = "") -> UnknownName:
        """
        Make the error for *name*, which is no *kind* among *known*, found in the parameter *field*.
        """
        problem = f"there is no {kind} {quoted(name)}; there are: {listed(known)}"
        return cls(field=field or kind, problem=problem, name=name[:80], known=tuple(known))


@define
class InvalidCursor(InvalidRequest):
    """
    The cursor was not given out by this service to this caller, or was altered.
    """

    slug = "invalid-cursor"

    field: str = "cursor"
    problem: str = "this cursor was not given to you by this list; start again without one"


@define
class IdempotencyKeyReused(InvalidRequest):
    """
    An idempotency key came again with other parameters (draft-ietf-httpapi-idempotency-key-header).
    """

    slug = "idempotency-key-reused"

    field: str = "Idempotency-Key"
    problem: str = "this key was used before with another request; use a new one"


class AccessRefused(CallerError):
    """
    Who is asking may not have this.
    """

    slug = "access-refused"


class NotSignedIn(AccessRefused):
    """
    Nobody is signed in.
    """

    slug = "not-signed-in"

    def __str__(self) -> str:
        return "nobody is signed in; sign in and try again"


class NotFound(AccessRefused):
    """
    There is no such export for this caller. Unknown, foreign and erased ids are told apart by nothing.
    """

    slug = "not-found"

    def __str__(self) -> str:
        return "there is no such export"


@define
class StepUpRequired(AccessRefused):
    """
    The actor must prove anew who they are: not longer ago than *max_age* seconds (RFC 9470).
    """

    slug = "insufficient_user_authentication"  # as the RFC spells it

    max_age: int

    def __str__(self) -> str:
        return f"sign in again: this needs a sign-in of the last {self.max_age} s"


@define
class CoolingOff(AccessRefused):
    """
    An e-mail address or wallet changed a short while ago: no copy before *until* (UTC), in *retry_after* seconds.
    """

    slug = "cooling-off"

    until: datetime
    retry_after: int

    def __str__(self) -> str:
        at = self.until.strftime("%Y-%m-%d %H:%M UTC")
        return f"an e-mail address or wallet of this account changed recently; ask again from {at} on"


class InvalidTicket(AccessRefused):
    """
    The link's ticket is missing, malformed, altered, or for another purpose, path or place.
    """

    slug = "invalid-ticket"

    def __str__(self) -> str:
        return "this link is not valid; ask for a new one"


class TicketExpired(AccessRefused):
    """
    The link's ticket was genuine but is expired, spent or revoked.
    """

    slug = "ticket-expired"

    def __str__(self) -> str:
        return "this link is no longer valid; ask for a new one"


class StateConflict(CallerError):
    """
    The call is right but the export is not in a state for it.
    """

    slug = "conflict"


@define
class ActiveExportDiffers(StateConflict):
    """
    Another export of the same subject, profile and requester is under way with other parameters.
    """

    slug = "active-export-differs"

    job_id: str

    def __str__(self) -> str:
        return (
            f"export {self.job_id} with other parameters is under way; "
            "wait until it is ready, or cancel it, and ask again"
        )


@define
class ExportNotReady(StateConflict):
    """
    The export has no file (yet).
    """

    slug = "not-ready"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state}: there is no file to download"


@define
class ExportNotActive(StateConflict):
    """
    The export is neither queued nor running, so it cannot be paused, resumed or refused.
    """

    slug = "not-active"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state}; only one that is queued or running can be paused, resumed or refused"


@define
class NotExtendable(StateConflict):
    """
    The answer cannot be put off (again): GDPR Art. 12(3) allows it once, and before it is due.
    """

    slug = "not-extendable"

    problem: str

    def __str__(self) -> str:
        return f"the deadline cannot be extended: {self.problem}"


@define
class SubjectErased(StateConflict):
    """
    The person's history was erased: *erased_at* (UTC) says when, *retained* what the law keeps, in words.
    """

    slug = "subject-erased"

    erased_at: datetime
    retained: tuple[str, ...] = ()

    def __str__(self) -> str:
        kept = "; ".join(self.retained) or "nothing"
        return f"this history was erased on {self.erased_at:%Y-%m-%d}, so there is no copy of it; retained: {kept}"


@define
class ExportGone(StateConflict):
    """
    The export's file existed and is gone for good.
    """

    slug = "gone"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state} and its file is gone; ask for a new export"


@define
class TooManyRequests(CallerError):
    """
    A configured limit was met; *retry_after* is in seconds.
    """

    slug = "too-many-requests"

    retry_after: int

    def __str__(self) -> str:
        return f"too many requests; try again in {self.retry_after} s"


@define
class BundleRefused(CallerError):
    """
    A bundle is not what its maker signed. *member* is the file at fault, empty for the zip itself.
    """

    slug = "bundle-refused"

    member: str
    problem: str

    def __str__(self) -> str:
        return f"{quoted(self.member)}: {self.problem}" if self.member else self.problem


class SetupError(ExportError):
    """
    Configuration, catalog, policy or keys are wrong; the operator or developer must mend them.
    """

    slug = "setup"


@define
class InvalidConfiguration(SetupError):
    """
    A configuration key is wrong; *problem* says what would be right.
    """

    slug = "invalid-configuration"

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


@define
class InvalidCatalog(SetupError):
    """
    A catalog is inconsistent; *where* is `dataset` or `dataset.field`.
    """

    slug = "invalid-catalog"

    where: str
    problem: str

    def __str__(self) -> str:
        return f"catalog, {self.where}: {self.problem}"


@define
class InvalidPolicy(SetupError):
    """
    A policy does not fit its catalog; *where* is `profile`, or `profile: dataset.field`.
    """

    slug = "invalid-policy"

    where: str
    problem: str

    def __str__(self) -> str:
        return f"policy, {self.where}: {self.problem}"


@define
class SourceMismatch(SetupError):
    """
    The source does not have what the catalog says: no such table or column, or of another kind.
    """

    slug = "source-mismatch"

    dataset: str
    problem: str

    def __str__(self) -> str:
        return f"dataset {self.dataset}: {self.problem}"


@define
class KeysMissing(SetupError):
    """
    Key material is missing, unknown, too short, or readable by others.
    """

    slug = "keys-missing"

    problem: str

    def __str__(self) -> str:
        return f"keys: {self.problem}"


@define
class ErasuresMissing(SetupError):
    """
    The job database and the tombstone log do not know the same erasures, as after a restored backup.
    """

    slug = "erasures-missing"

    problem: str

    def __str__(self) -> str:
        return f"{self.problem}: nothing is served until they agree; run: streampay-export erase --replay"


@define
class TombstonesBroken(SetupError):
    """
    The tombstone log is not what was appended to it. *number* is the first tombstone that does not hold.
    """

    slug = "tombstones-broken"

    number: int

    def __str__(self) -> str:
        return f"the tombstone log does not hold at number {self.number}; bring back a copy of it"


@define
class MissingExtra(SetupError):
    """
    An optional dependency is not installed.
    """

    slug = "missing-extra"

    extra: str
    needed_for: str

    def __str__(self) -> str:
        return f"{self.needed_for} needs: pip install 'streampay-export[{self.extra}]'"


@define
class SourceDataError(ExportError):
    """
    The rows of *dataset* cannot be exported faithfully, so nothing is exported.
    """

    slug = "source-data"
    person = "Some records cannot be copied faithfully as they are; operators have been told."

    dataset: str

    def __str__(self) -> str:
        return f"dataset {self.dataset}: {self.problem}"

    @property
    def problem(self) -> str:
        """
        What is wrong, without any row's values.
        """
        return "its rows cannot be exported"


@define
class NullKey(SourceDataError):
    """
    Rows have NULL in a key column: keyset paging would lose them without a word.
    """

    slug = "null-key"

    column: str
    rows: int

    @property
    def problem(self) -> str:
        """
        Which column, how many rows, and what to do.
        """
        return (
            f"{self.rows} {'row has' if self.rows == 1 else 'rows have'} NULL in key column {quoted(self.column)}; "
            "a key is never NULL: fill it in, or page by another key"
        )


@define
class KeyForm(SourceDataError):
    """
    A text timestamp that pages or bounds the dataset is not written in one fixed form.
    """

    slug = "key-form"

    column: str

    @property
    def problem(self) -> str:
        """
        Which column and what would be right.
        """
        return (
            f"column {quoted(self.column)} holds timestamps in more than one textual form; "
            "store one form (such as 2026-01-31T23:59:59.000000) or use another column"
        )


@define
class RowsOutOfOrder(SourceDataError):
    """
    A page's rows are not in key order.
    """

    slug = "rows-out-of-order"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned rows out of key order"


@define
class RepeatedRow(SourceDataError):
    """
    Two rows have the same key.
    """

    slug = "repeated-row"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "two rows have the same key; the key's columns must be unique together"


@define
class StuckCursor(SourceDataError):
    """
    A page begins at or before the cursor it was to follow: an endless export.
    """

    slug = "stuck-cursor"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned rows at or before the cursor they were to follow"


@define
class PageTooLarge(SourceDataError):
    """
    A page has more rows than were asked for.
    """

    slug = "page-too-large"

    asked: int
    got: int

    @property
    def problem(self) -> str:
        """
        How many were asked for and how many came.
        """
        return f"the source returned {self.got} rows where at most {self.asked} were asked for"


@define
class ForeignRow(SourceDataError):
    """
    A row is not the subject's: the export stops before a byte of the page is written.
    """

    slug = "foreign-row"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned a row that is not the subject's"


@define
class UnwritableValue(SourceDataError):
    """
    A value cannot be written exactly under its field's declared type.
    """

    slug = "unwritable-value"

    field: str
    reason: str

    @property
    def problem(self) -> str:
        """
        Which field and why.
        """
        return f"field {quoted(self.field)} holds {self.reason}"


@define
class CountMismatch(SourceDataError):
    """
    Inside one snapshot the rows counted and the rows read differ.
    """

    slug = "count-mismatch"

    expected: int
    written: int

    @property
    def problem(self) -> str:
        """
        Both counts.
        """
        return f"{self.expected} rows were counted but {self.written} were read in the same snapshot"


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


@define
class TrailBroken(ExportError):
    """
    The audit trail is not what was recorded: somebody changed it, or lost a part of it.
    """

    slug = "trail-broken"

    tenant: str
    problem: str

    def __str__(self) -> str:
        return f"the audit trail of tenant {self.tenant} does not hold at {self.problem}"


class Stopped(ExportError):
    """
    The worker must not go on with the job; nothing of what it did is visible.
    """

    slug = "stopped"


@define
class LeaseLost(Stopped):
    """
    The job was cancelled, erased, or taken over: *state* is what it is now, empty if unknown.
    """

    slug = "lease-lost"

    state: str = ""

    def __str__(self) -> str:
        return "the export was taken over or ended elsewhere" + (f": it is {self.state}" if self.state else "")


class Interrupted(Stopped):
    """
    The process was asked to stop; the job goes back to the queue with its attempt given back.
    """

    slug = "interrupted"

    def __str__(self) -> str:
        return "interrupted; the export waits in the queue and the next worker takes it up"


@define
class IllegalMove(ExportError):
    """
    A move between job states that the lifecycle table does not have: a bug of the caller's code.
    """

    slug = "illegal-move"

    before: str
    after: str

    def __str__(self) -> str:
        return f"a job cannot go from {self.before} to {self.after}"


@define
class OutOfTurn(ExportError):
    """
    The pager was answered, or asked for its end, out of turn: a bug of the caller's code.
    """

    slug = "out-of-turn"

    call: str
    waiting_for: str

    def __str__(self) -> str:
        return f"{self.call} is out of turn: the pager's next step is {self.waiting_for}"
