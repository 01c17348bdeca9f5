"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .._core.trail import AuditEntry


class AuditSink(Protocol):
    """
    Takes audit entries, durably. Thread-safe, and safe for several processes.
    """

    def append(self, entry: AuditEntry) -> None:
        """
        Record the entry; when this returns it is durable. The same (tenant, id) again changes nothing,
        whoever recorded it: another instance, another process.

        Raises `AuditUnavailable`, within a bounded wait, when it cannot be recorded.
        """


class AuditReader(Protocol):
    """
    Reads the trail back; not every sink can.
    """

    def entries(self, tenant: str, job_id: str | None = None) -> Iterator[AuditEntry]:
        """
        Yield a tenant's entries in the order recorded, of one job if named.

        Raises `AuditUnavailable` when the trail cannot be read, or holds what is no entry.
        """
