"""
Self-serve, GDPR-grade exports of a person's stream and payout history.

Values, errors, ports and the service. Adapters are imported from their own modules, and
`streampay_export.embedded` wires the default ones in one call.
"""

from ._core.catalog import Catalog, Constant, Dataset, Direction, Field, FieldType, Invariant, Omission, Owner
from ._core.deadline import CalendarMonths
from ._core.erasure import ErasureReceipt, Tombstone
from ._core.erasure_order import DatasetErasure, ErasureOrder
from ._core.export import Export
from ._core.field import LegalBasis, OnErasure, Retain, Scrub
from ._core.notice import ProcessingNotice
from ._core.notification import Occasion, Recipient
from ._core.party import Actor, Capacity, Subject
from ._core.policy import FieldRule, Policies, Policy
from ._core.policy_document import PolicyDocument, document_form, policy_document
from ._core.policy_markdown import policy_markdown
from ._core.retained import retained_policy
from ._core.retention import Retention
from ._core.rule_groups import band, by_row, generalise, keep, mask, pseudonymise, ruled, withhold
from ._core.rules import (
    Band,
    ByRow,
    Custom,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Period,
    Pseudonymise,
    SubjectIn,
    ValueIn,
    Withhold,
)
from ._core.selection import Window
from ._core.step_up import StepUp
from ._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from ._core.trail import TrailItem
from .access import operator_on_this_machine, owner_only
from .download import Download
from .errors import BackendError, CallerError, ExportError, SetupError, SourceDataError
from .linking import Link, Opened
from .ports.audit import AuditSink
from .ports.authorize import Access, Action, Allowed, Authorizer
from .ports.deadline import DeadlineRule
from .ports.dispatch import Dispatcher
from .ports.erasure import AfterErasure, Eraser, LaterRequest, TombstoneLog
from .ports.jobs import JobStore
from .ports.keys import KeyProvider
from .ports.notify import Notifier, Notify, Recipients
from .ports.rule import Rule
from .ports.source import HistorySource
from .ports.storage import Storage
from .ports.telemetry import Telemetry
from .ports.writer import Writer
from .service import ExportList, ExportService, Requested
from .sweeper import Sweeper
from .wiring import Wiring
from .worker import Worker

__all__ = [
    "STREAMPAY",
    "STREAMPAY_POLICIES",
    "Access",
    "Action",
    "Actor",
    "AfterErasure",
    "Allowed",
    "AuditSink",
    "Authorizer",
    "BackendError",
    "Band",
    "ByRow",
    "CalendarMonths",
    "CallerError",
    "Capacity",
    "Catalog",
    "Constant",
    "Custom",
    "Dataset",
    "DatasetErasure",
    "DeadlineRule",
    "Direction",
    "Dispatcher",
    "Download",
    "Eraser",
    "ErasureOrder",
    "ErasureReceipt",
    "Export",
    "ExportError",
    "ExportList",
    "ExportService",
    "Field",
    "FieldRule",
    "FieldType",
    "Generalise",
    "HistorySource",
    "Invariant",
    "JobStore",
    "Keep",
    "KeyProvider",
    "LaterRequest",
    "LegalBasis",
    "Link",
    "Mask",
    "MaskKind",
    "Notifier",
    "Notify",
    "Occasion",
    "Omission",
    "OnErasure",
    "Opened",
    "Owner",
    "Period",
    "Policies",
    "Policy",
    "PolicyDocument",
    "ProcessingNotice",
    "Pseudonymise",
    "Recipient",
    "Recipients",
    "Requested",
    "Retain",
    "Retention",
    "Rule",
    "Scrub",
    "SetupError",
    "SourceDataError",
    "StepUp",
    "Storage",
    "Subject",
    "SubjectIn",
    "Sweeper",
    "Telemetry",
    "Tombstone",
    "TombstoneLog",
    "TrailItem",
    "ValueIn",
    "Window",
    "Wiring",
    "Withhold",
    "Worker",
    "Writer",
    "band",
    "by_row",
    "document_form",
    "generalise",
    "keep",
    "mask",
    "operator_on_this_machine",
    "owner_only",
    "policy_document",
    "policy_markdown",
    "pseudonymise",
    "retained_policy",
    "ruled",
    "withhold",
]
