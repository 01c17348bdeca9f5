"""What must be sent after a commit, kept until it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .._core.trail import AuditEntry


class Outbox(Protocol):
    """
    Audit entries that were written in one transaction with the change they speak of. Thread-safe.

    An entry that waits already, by (tenant, id), is not stored again. Raises `JobStoreUnavailable`.
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
