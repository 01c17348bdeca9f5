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

from .access import AccessRefused, CoolingOff, InvalidTicket, NotFound, NotSignedIn, StepUpRequired, TicketExpired
from .backend import (
    AuditUnavailable,
    BackendError,
    JobStoreUnavailable,
    NotifierUnavailable,
    ObjectAltered,
    ObjectExists,
    ObjectMissing,
    RecipientRefused,
    RunBrokenOff,
    SourceUnavailable,
    StorageUnavailable,
    TombstonesUnavailable,
)
from .broken import IllegalMove, OutOfTurn, TrailBroken
from .caller import (
    BundleRefused,
    CallerError,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidRequest,
    MalformedRequest,
    TooManyRequests,
    UnknownName,
)
from .conflict import (
    ActiveExportDiffers,
    ExportGone,
    ExportNotActive,
    ExportNotReady,
    NotExtendable,
    StateConflict,
    SubjectErased,
)
from .quoting import listed, quoted, quoted_path
from .root import ExportError
from .setup import (
    ErasuresMissing,
    InvalidCatalog,
    InvalidConfiguration,
    InvalidPolicy,
    KeysMissing,
    MissingExtra,
    SetupError,
    SourceMismatch,
    TombstonesBroken,
)
from .source_data import (
    CountMismatch,
    ForeignRow,
    KeyForm,
    NullKey,
    PageTooLarge,
    RepeatedRow,
    RowsOutOfOrder,
    SourceDataError,
    StuckCursor,
    UnwritableValue,
)
from .stopped import Interrupted, LeaseLost, Stopped

__all__ = [
    "AccessRefused",
    "ActiveExportDiffers",
    "AuditUnavailable",
    "BackendError",
    "BundleRefused",
    "CallerError",
    "CoolingOff",
    "CountMismatch",
    "ErasuresMissing",
    "ExportError",
    "ExportGone",
    "ExportNotActive",
    "ExportNotReady",
    "ForeignRow",
    "IdempotencyKeyReused",
    "IllegalMove",
    "Interrupted",
    "InvalidCatalog",
    "InvalidConfiguration",
    "InvalidCursor",
    "InvalidPolicy",
    "InvalidRequest",
    "InvalidTicket",
    "JobStoreUnavailable",
    "KeyForm",
    "KeysMissing",
    "LeaseLost",
    "MalformedRequest",
    "MissingExtra",
    "NotExtendable",
    "NotFound",
    "NotSignedIn",
    "NotifierUnavailable",
    "NullKey",
    "ObjectAltered",
    "ObjectExists",
    "ObjectMissing",
    "OutOfTurn",
    "PageTooLarge",
    "RecipientRefused",
    "RepeatedRow",
    "RowsOutOfOrder",
    "RunBrokenOff",
    "SetupError",
    "SourceDataError",
    "SourceMismatch",
    "SourceUnavailable",
    "StateConflict",
    "StepUpRequired",
    "Stopped",
    "StorageUnavailable",
    "StuckCursor",
    "SubjectErased",
    "TicketExpired",
    "TombstonesBroken",
    "TombstonesUnavailable",
    "TooManyRequests",
    "TrailBroken",
    "UnknownName",
    "UnwritableValue",
    "listed",
    "quoted",
    "quoted_path",
]
