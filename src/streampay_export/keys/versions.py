"""
The versions of the key-encryption key: one wraps, those before it only unwrap, and each is destroyed in time.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from .._core.job import WrappedKey
from .._core.signature import KeyState
from .derivation import KeyPurpose
from .table import KeyTable
from .wrapping import KeyWrapper

WRAPS_FOR = timedelta(days=1)


class HeldTable(Protocol):
    """
    Where a key table is kept. Thread-safe.
    """

    @property
    def changeable(self) -> bool:
        """
        Whether `change` has a chance.
        """

    def read(self) -> KeyTable:
        """
        Return the table as it is now, whoever changed it last.
        """

    def change(self, change: Callable[[KeyTable], KeyTable]) -> KeyTable:
        """
        Put what *change* makes of the table in its place, while nobody else changes it, and return that.
        """


class TableInMemory:
    """
    A `HeldTable` that nobody stores.
    """

    changeable = True

    def __init__(self, table: KeyTable) -> None:
        self._table = table
        self._lock = threading.Lock()

    def read(self) -> KeyTable:
        """
        Return the table.
        """
        return self._table

    def change(self, change: Callable[[KeyTable], KeyTable]) -> KeyTable:
        """
        Replace the table.
        """
        with self._lock:
            self._table = change(self._table)
            return self._table


class VersionedWrapper:
    """
    A `KeyProvider` and its `KeyVersions`. Thread-safe; of several processes each sees what another made.
    """

    def __init__(self, held: HeldTable, randomness: Callable[[int], bytes]) -> None:
        self._held = held
        self._randomness = randomness
        self._made: tuple[KeyTable, KeyWrapper] | None = None

    def wrap(self, job_key: bytes, context: bytes) -> WrappedKey:
        """
        Encrypt a 32-byte job key under the current version, bound to *context*.
        """
        return self._wrapper().wrap(job_key, context)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """
        Return the job key, or raise `KeysMissing`; nothing is changed either way.
        """
        return self._wrapper().unwrap(wrapped, context)

    def renew(self, now: datetime) -> bool:
        """
        Make a new version if the current one is a day old; say whether this call made it.
        """
        if not _is_due(self._held.read(), now):
            return False
        made: list[bool] = []

        def change(table: KeyTable) -> KeyTable:
            if not _is_due(table, now):  # another process was quicker
                return table
            made.append(True)
            purposes = {KeyPurpose.KEY_ENCRYPTION}
            return table.rotated(purposes, (), created_at=now, randomness=self._randomness)

        self._held.change(change)
        return bool(made)

    def retired(self) -> Mapping[str, datetime]:
        """
        Return the versions that only unwrap, with the instant from which each one no longer wraps.
        """
        rows = [row for row in self._held.read().keys if row.purpose is KeyPurpose.KEY_ENCRYPTION]
        return {
            row.key_id: successor.created_at
            for successor, row in itertools.pairwise(rows)
            if row.state is KeyState.RETIRED
        }

    def destroy(self, key_id: str) -> None:
        """
        Destroy a version that only unwraps; what is wrapped under it is lost. Any other is left alone.
        """
        self._held.change(lambda table: table.without_version(key_id))

    def _wrapper(self) -> KeyWrapper:
        table, made = self._held.read(), self._made
        if made is None or made[0] is not table:
            made = self._made = (table, _wrapper(table))
        return made[1]


def _is_due(table: KeyTable, now: datetime) -> bool:
    wrapping = (row for row in table.keys if row.purpose is KeyPurpose.KEY_ENCRYPTION)
    current = next(row for row in wrapping if row.state is KeyState.CURRENT)
    return now - current.created_at >= WRAPS_FOR


def _wrapper(table: KeyTable) -> KeyWrapper:
    rows = table.of(KeyPurpose.KEY_ENCRYPTION)
    current = next(row.key_id for row, _ in rows if row.state is KeyState.CURRENT)
    return KeyWrapper(current, {row.key_id: key for row, key in rows if row.state is not KeyState.REVOKED})
