"""
The entries of the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen


class Event(StrEnum):
    """
    What is recorded. Intents are recorded before they happen, outcomes after.
    """

    REQUESTED = "requested"
    REPEATED = "repeated"
    EXTENDED = "extended"
    PAUSED = "paused"
    RESUMED = "resumed"
    REFUSED = "refused"
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"
    LINK_ISSUED = "link_issued"
    DOWNLOAD_AUTHORISED = "download_authorised"
    DOWNLOAD_FINISHED = "download_finished"
    DOWNLOAD_BROKEN_OFF = "download_broken_off"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    ERASURE_BEGUN = "erasure_begun"
    ERASED = "erased"
    ERASURES_REPLAYED = "erasures_replayed"
    NOTIFIED = "notified"
    NOT_NOTIFIED = "not_notified"
    REVOKED = "revoked"
    KEYS_ROTATED = "keys_rotated"


@frozen(kw_only=True)
class AuditEntry:
    """
    One entry. *id* is deterministic, so that the same thing recorded twice is one entry.

    *actor* and *subject* are keyed pseudonyms, never ids. *facts* hold counts, formats and reasons as
    short texts; never a row's value, a ticket or an identifier.
    """

    id: str
    event: Event = field(converter=Event)
    tenant: str
    job_id: str
    at: datetime
    actor: str
    capacity: str
    subject: str
    facts: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class TrailItem:
    """
    One entry of a person's own trail, as they may read it: when (UTC), what, of which export, for which
    profile the copy was cut (empty where none was), and in which capacity whoever did it acted. No names.
    """

    at: datetime
    event: Event
    job_id: str
    profile: str
    capacity: str
