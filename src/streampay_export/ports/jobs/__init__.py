"""
The job store: the truth and the queue. Adapters and the contract are divided as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from .claims import Completion, JobClaims
from .deadlines import LARGEST_COUNT, LATEST_FAILED, MOST_OVERDUE, JobDeadlines, Overview
from .ends import JobEnds
from .erasures import JobErasures
from .keys import JobKeys
from .links import JobLinks, LinkUse
from .parts import JobParts
from .requests import Admission, Admitted, Idempotency, JobRequests

__all__ = [
    "LARGEST_COUNT",
    "LATEST_FAILED",
    "MOST_OVERDUE",
    "Admission",
    "Admitted",
    "Completion",
    "Idempotency",
    "JobStore",
    "LinkUse",
    "Overview",
]


class JobStore(
    JobRequests,
    JobClaims,
    JobParts,
    JobDeadlines,
    JobEnds,
    JobKeys,
    JobLinks,
    JobErasures,
    Protocol,
):
    """
    Jobs of all tenants. Thread-safe, and safe for several processes where the store is shared.

    Every update names the state or fence it expects in its WHERE and changes nothing otherwise.
    `now()` is the one clock of leases, tickets and expiry. *entries* and *notifications* go into the outbox in
    the same transaction as the change. Raises `JobStoreUnavailable`, within a bounded wait, when the store does
    not answer. A tenant or id that no job could have (of any length, with any character) is unknown,
    never an error. `revision` rises by one with every change but `renew` and `rewrap`.
    """

    def now(self) -> datetime:
        """
        Return the store's instant, UTC, to the microsecond.
        """
