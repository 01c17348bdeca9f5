"""Erasures: who is erased, and which jobs that reaches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from ..._core.erasure import Erasure, Tombstone
from ..._core.job import Job
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry


class JobErasures(Protocol):
    """
    Erasures, and what they do to jobs. See `JobStore`.
    """

    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        """
        Begin an erasure, with the store's instant for its tombstone's `at`, and return it as it is stored.

        From then on `add` refuses the tags. Nothing begins, and the latest erasure (see `erasure_of`) is
        returned, where that one covers all the tags, no job with one of them that is not erased is newer
        than it, and its receipt is not *past*. Of many concurrent calls for the same tags one begins.
        """

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        """
        Return the latest erasure, by (at, receipt), that has one of these tags.
        """

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        """
        Return all erasures of all tenants, by (at, receipt); *unfinished*: those whose `sealed` is there.
        """

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        """
        Store a tombstone under its *number*, and erase every job it reaches, in one transaction.

        It reaches the tenant's jobs that were added with one of its tags and made up to its `at`, in whatever
        state. Such a job is erased as `end` does it, and loses its failure and extension too, as those hold
        what somebody wrote. An erasure that is not there, as the database is older than it, is stored without
        `sealed`. Returns the erasure, its exports counted, and the jobs it reaches, erased now or before, by
        id. Done again it changes nothing.
        """

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        """
        Set `finished_at`, and clear `sealed` and its key; where that was done before, nothing changes.

        Returns the erasure as it is now, or `None` where this tenant has no such receipt.
        """
