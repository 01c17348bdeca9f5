"""
Keys in one file on this machine, readable by its owner alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Self

from ..errors import InvalidConfiguration, quoted_path
from .derivation import KeyPurpose
from .key_file import KeyFile
from .ring import KeyRing
from .table import ROTATED_BY_DEFAULT, KeyTable, new_table

FILE = "keys.json"


class LocalKeys(KeyRing):
    """
    A `KeyRing` in the file `keys.json` (0600) of a folder (0700). Thread-safe; nothing to close.

    That one file holds root secrets and table. Keep a copy of it apart from the database and the
    storage, the newest one alone: without it no export opens, and with it and a copy of both, every export
    does whose version of the key-encryption key is in it.
    """

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """
        Read the keys in folder *path*.

        Raises `KeysMissing` when there are none, when others can read them, and when they are damaged.
        """
        held = KeyFile(Path(path) / FILE)
        return cls(held.read(), where=str(held.file), held=held)

    @classmethod
    def init(
        cls, path: str | Path, *, created_at: datetime, randomness: Callable[[int], bytes] = os.urandom
    ) -> Self:
        """
        Make new keys in folder *path* (made if need be) and read them back.

        Raises `InvalidConfiguration` when keys are there already: nothing is changed then.
        """
        try:
            KeyFile(Path(path) / FILE).create(new_table(created_at, randomness))
        except FileExistsError:
            raise InvalidConfiguration(
                "keys.path", f"there are keys in {quoted_path(path)} already; nothing was changed"
            ) from None
        return cls.load(path)

    @classmethod
    def rotate(
        cls,
        path: str | Path,
        *,
        purposes: Collection[KeyPurpose] | None = None,
        revoke: Collection[str] = (),
        created_at: datetime,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """
        Give each of *purposes* a new key, retire the former one, revoke the keys named, and read them back.

        Without *purposes* it is those whose current key is revoked; with neither, the `ROTATED_BY_DEFAULT`.
        No key is destroyed. Of several rotations at once none is lost. Processes that run keep the signing
        keys they have read until they are started again; the key-encryption key is read again by itself.

        Raises `InvalidRequest` for a purpose that is not rotated and for a current key that would be revoked
        alone, `UnknownName` for an unknown key, `KeysMissing` when the keys cannot be read or written, and
        `StorageUnavailable` when another process holds the folder for ten seconds.
        """

        def change(table: KeyTable) -> KeyTable:
            rotating = purposes
            if rotating is None:
                rotating = table.purposes_of(revoke) if revoke else ROTATED_BY_DEFAULT
            return table.rotated(rotating, revoke, created_at=created_at, randomness=randomness)

        held = KeyFile(Path(path) / FILE)
        held.read()  # what is missing or damaged is said so, before anything is held
        held.change(change)
        return cls.load(path)

    @classmethod
    def load_or_init(
        cls,
        path: str | Path,
        *,
        created_at: datetime,
        first_use: bool,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """
        Read the keys in folder *path*; make them if there are none and this is the *first use*.

        The caller knows whether it is: no jobs exist yet. Otherwise missing keys are `KeysMissing`,
        as new ones would open nothing of what is there. Of several processes at once, one makes them.
        """
        if first_use and not os.path.lexists(Path(path) / FILE):
            with contextlib.suppress(InvalidConfiguration):
                return cls.init(path, created_at=created_at, randomness=randomness)
        return cls.load(path)
