"""
Self-serve, GDPR-grade exports of a person's stream and payout history.

Values, errors, ports and the service. Adapters are imported from their own modules, and
`streampay_export.embedded` wires the default ones in one call.
"""

from ._core.catalog import Catalog, Constant, Dataset, Direction, Field, FieldType, Omission, Owner
from ._core.export import Export
from ._core.notice import ProcessingNotice
from ._core.party import Actor, Capacity, Subject
from ._core.policy import FieldRule, Policies, Policy
from ._core.rules import Keep, Mask, MaskKind, Pseudonymise, Withhold
from ._core.selection import Window
from ._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from .access import operator_on_this_machine, owner_only
from .download import Download
from .errors import BackendError, CallerError, ExportError, SetupError, SourceDataError
from .ports.audit import AuditSink
from .ports.authorize import Access, Action, Authorizer
from .ports.dispatch import Dispatcher
from .ports.jobs import JobStore
from .ports.keys import KeyProvider
from .ports.source import HistorySource
from .ports.storage import Storage
from .ports.writer import Writer
from .service import ExportList, ExportService, Link, Requested
from .sweeper import Sweeper
from .wiring import Wiring
from .worker import Worker

__all__ = [
    "STREAMPAY",
    "STREAMPAY_POLICIES",
    "Access",
    "Action",
    "Actor",
    "AuditSink",
    "Authorizer",
    "BackendError",
    "CallerError",
    "Capacity",
    "Catalog",
    "Constant",
    "Dataset",
    "Direction",
    "Dispatcher",
    "Download",
    "Export",
    "ExportError",
    "ExportList",
    "ExportService",
    "Field",
    "FieldRule",
    "FieldType",
    "HistorySource",
    "JobStore",
    "Keep",
    "KeyProvider",
    "Link",
    "Mask",
    "MaskKind",
    "Omission",
    "Owner",
    "Policies",
    "Policy",
    "ProcessingNotice",
    "Pseudonymise",
    "Requested",
    "SetupError",
    "SourceDataError",
    "Storage",
    "Subject",
    "Sweeper",
    "Window",
    "Wiring",
    "Withhold",
    "Worker",
    "Writer",
    "operator_on_this_machine",
    "owner_only",
]
