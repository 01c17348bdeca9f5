"""What must be sent after a commit, kept until it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from .._core.notification import PendingNotification
from .._core.trail import AuditEntry


class Outbox(Protocol):
    """
    Audit entries and notifications that were written in one transaction with the change they speak of.
    Thread-safe.

    What waits already, by (tenant, id), is not stored again. Raises `JobStoreUnavailable`.
    """

    def pending(self, limit: int = 100) -> Sequence[AuditEntry]:
        """
        Return the entries not yet delivered, of all tenants, the oldest first.
        """

    def delivered(self, entry_ids: Sequence[str]) -> None:
        """
        Forget entries; not an error when they are gone.
        """

    def keep(self, entries: Sequence[AuditEntry]) -> None:
        """
        Take entries that speak of no change of a job (a refused access), to be delivered later.
        """

    def claim_notification(
        self, *, lease: timedelta, stored_before: datetime | None = None
    ) -> PendingNotification | None:
        """
        Return the notification that has waited longest (of several the lower id), its attempts raised by one,
        or `None` where none waits. It waits again from now + *lease*: of many at once one gets it. With
        *stored_before* it is the one stored first, of those that were stored before that instant and wait.
        """

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        """
        Let it wait from *until* on; *give_back* uncounts the attempt. Nothing changes unless the attempts are
        still those of *pending*.
        """

    def notified(self, pending: PendingNotification, entries: Sequence[AuditEntry] = ()) -> None:
        """
        Forget a notification, and its key with it, and take *entries* that say how it ended, in one transaction.
        Not an error when it is gone: then nothing is taken.
        """

    def notification_keys(self) -> Collection[str]:
        """
        Return the ids of the key-encryption keys under which notifications that wait are sealed.
        """
