"""
Checkpoints of the audit trail: when they are due, and a file that keeps them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from .._core.chain import Head
from .._core.checkpoint import Checkpoint, SignedCheckpoint
from .._core.wire import checkpoint_to_sign, read_checkpoint, spell_checkpoint
from ..errors import AuditUnavailable
from ..ports.audit import CheckpointStore
from ..ports.clock import Clock
from ..ports.signing import CheckpointSigner

logger = logging.getLogger("streampay_export")

EVERY_ENTRIES = 100
EVERY = timedelta(seconds=60)
LONGEST_WAIT = 5.0
"""Seconds that closing may take."""

_TENANT = re.compile(rb'"tenant":"([a-z0-9-]+)"')


class Checkpoints:
    """
    Signs where a tenant's chain is whenever it passes a hundred, or after a minute. Thread-safe.

    A store that fails holds up no entry: that is logged, and the next entry or sweep tries again.
    """

    def __init__(self, store: CheckpointStore, signer: CheckpointSigner, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._latest: dict[str, Checkpoint] = {}
        self._unsigned: dict[str, Head] = {}
        self._lock = threading.Lock()

    def reached(self, tenant: str, head: Head) -> None:
        """
        Note that a tenant's chain has come to *head*, and sign that if it is due.
        """
        with self._lock:
            self._unsigned[tenant] = head
            # Others sign too, but what they signed is read only when our own has become old.
            if self._due(tenant, head, EVERY):
                self._sign_if_due(tenant, head, EVERY)

    def close(self) -> None:
        """
        Sign where the chains are that have moved on since they were signed. Gives up after five seconds.
        """
        signing = threading.Thread(target=self._sign_all, name="streampay-export-checkpoints", daemon=True)
        signing.start()
        signing.join(LONGEST_WAIT)

    def sign(self, checkpoint: Checkpoint) -> None:
        """
        Sign a checkpoint and keep it. Raises `AuditUnavailable`.
        """
        signature = self._signer.sign(checkpoint_to_sign(checkpoint))
        self._store.add(SignedCheckpoint(checkpoint=checkpoint, signature=signature))

    def genuine(self, tenant: str | None = None) -> tuple[Sequence[Checkpoint], int]:
        """
        Return the checkpoints of a tenant, or of all, that this deployment signed, and how many others are kept.

        Raises `AuditUnavailable`.
        """
        kept = self._store.checkpoints(tenant)
        ours = [each.checkpoint for each in kept if self._is_ours(each)]
        return ours, len(kept) - len(ours)

    def _sign_all(self) -> None:
        with self._lock:
            for tenant, head in list(self._unsigned.items()):
                self._sign_if_due(tenant, head, timedelta.min)

    def _is_ours(self, signed: SignedCheckpoint) -> bool:
        return self._signer.verify(checkpoint_to_sign(signed.checkpoint), signed.signature)

    def _signed_last(self, tenant: str) -> Checkpoint | None:
        latest = self._store.latest(tenant)
        if latest is None:
            return None
        if self._is_ours(latest):
            return latest.checkpoint
        # Somebody put in what we did not sign: look at all there are.
        return max(self.genuine(tenant)[0], key=lambda each: each.size, default=None)

    def _due(self, tenant: str, head: Head, every: timedelta) -> bool:
        latest = self._latest.get(tenant)
        if latest is None or head.number // EVERY_ENTRIES > latest.size // EVERY_ENTRIES:
            return True
        return head.number > latest.size and self._clock() - latest.at >= every

    def _sign_if_due(self, tenant: str, head: Head, every: timedelta) -> None:
        try:
            latest = self._signed_last(tenant)
            if latest is not None:
                self._latest[tenant] = latest
            if self._due(tenant, head, every):
                checkpoint = Checkpoint(tenant=tenant, size=head.number, link=head.link.hex(), at=self._clock())
                self.sign(checkpoint)
                self._latest[tenant] = checkpoint
            if self._latest[tenant].size >= head.number:
                del self._unsigned[tenant]
        except AuditUnavailable as error:
            logger.warning("audit: a checkpoint was not kept: %s", error.problem)


class FileCheckpoints:
    """
    A `CheckpointStore` in a file of JSON lines. Thread-safe, and safe for several processes; nothing to close.

    Beside the trail it proves little: whoever can rewrite the one can rewrite the other. Lines are only
    ever added, so the file may be append-only (`chattr +a`), or be copied away. It is made on first
    use, private to its owner (0600). Lines that are no checkpoint are logged and left out.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._file = (0, 0)
        self._read_to = 0
        self._last: dict[bytes, bytes] = {}

    def add(self, signed: SignedCheckpoint) -> None:
        """
        See `CheckpointStore.add`.
        """
        line = spell_checkpoint(signed).encode("ascii") + b"\n"
        with _translated():
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(file).st_size
                # A line that was cut off cannot be removed from a file that only grows; ours begins anew.
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                os.write(file, b"\n" * torn + line)
                os.fsync(file)
            finally:
                os.close(file)

    def latest(self, tenant: str) -> SignedCheckpoint | None:
        """
        See `CheckpointStore.latest`. The first call reads the file, later ones what was added.
        """
        with self._lock, _translated(), contextlib.suppress(FileNotFoundError), self._path.open("rb") as lines:
            self._catch_up(lines)
            line = self._last.get(tenant.encode())
            return None if line is None else _read(line)
        return None

    def checkpoints(self, tenant: str | None = None) -> Sequence[SignedCheckpoint]:
        """
        See `CheckpointStore.checkpoints`.
        """
        with _translated(), contextlib.suppress(FileNotFoundError):
            lines = self._path.read_bytes().splitlines()
            return tuple(each for each in map(_read, lines) if each and tenant in {None, each.checkpoint.tenant})
        return ()

    def _catch_up(self, lines: BinaryIO) -> None:
        found = os.fstat(lines.fileno())
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._read_to:
            self._file, self._read_to, self._last = (found.st_dev, found.st_ino), 0, {}
        lines.seek(self._read_to)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            self._read_to += len(line)
            tenant = _TENANT.search(line)
            if tenant is not None:
                self._last[tenant[1]] = line


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuditUnavailable(f"the checkpoint file: {os.strerror(error.errno or 0)}") from None


def _read(line: bytes) -> SignedCheckpoint | None:
    try:
        return read_checkpoint(line.decode("ascii"))
    except ValueError:
        logger.warning("audit: the checkpoint file has a line that is no checkpoint")
        return None
