"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from .._core.chain import ChainedEntry
from .._core.checkpoint import Checkpoint, SignedCheckpoint
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

    def entries(
        self, tenant: str, job_id: str | None = None, *, subject: str | None = None
    ) -> Iterator[AuditEntry]:
        """
        Yield a tenant's entries in the order recorded: of one job if named, about one *subject* (a
        pseudonym) if named.

        Raises `AuditUnavailable` when the trail cannot be read, or holds what is no entry.
        """


class ChainedTrail(Protocol):
    """
    A trail whose entries are links of a chain per tenant, numbered 1, 2, 3 ... without a gap.

    What reads here checks nothing: it is handed to `verify_chain`, which does. Raises `AuditUnavailable`.
    """

    def tenants(self) -> Sequence[str]:
        """
        Return the tenants that have entries, sorted.
        """

    def chain(self, tenant: str) -> Iterator[ChainedEntry]:
        """
        Yield a tenant's links as they are stored, in their stored order; nothing is skipped or mended.
        """

    def checkpoint(self) -> None:
        """
        Sign where each tenant's chain is, if that is due. A checkpoint that cannot be kept is logged.
        """

    def prune(self, checkpoint: Checkpoint) -> int:
        """
        Delete the entries up to a checkpoint's size, all but the tenant's last; return how many. The
        checkpoint is *pruned*, and in the checkpoint store already.
        """


class CheckpointStore(Protocol):
    """
    Keeps checkpoints, best where the application can add and not rewrite. Thread-safe, for several processes.

    Whether what it returns is genuine is for the reader to check. Raises `AuditUnavailable`, within a
    bounded wait.
    """

    def add(self, signed: SignedCheckpoint) -> None:
        """
        Keep a checkpoint, durably. The same one again may be kept twice.
        """

    def latest(self, tenant: str) -> SignedCheckpoint | None:
        """
        Return the checkpoint of a tenant that was kept last. Asked often: it costs the same however many there are.
        """

    def checkpoints(self, tenant: str | None = None) -> Sequence[SignedCheckpoint]:
        """
        Return the checkpoints of a tenant, or of all, in the order kept.
        """
