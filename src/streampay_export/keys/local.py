"""
Keys in one file on this machine, readable by its owner alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from ..errors import InvalidConfiguration, KeysMissing, quoted
from .ring import KeyRing
from .table import dump, load, new_table

FILE = "keys.json"
# A table grows by a line per rotation: a megabyte holds thousands.
LARGEST_FILE = 1 << 20


class LocalKeys(KeyRing):
    """
    A `KeyRing` in the file `keys.json` (0600) of a folder (0700). Thread-safe; nothing to close.

    That one file holds root secrets and table. Keep a copy of it apart from the database and the
    storage: without it no export opens, and with it and a copy of both, every export does.
    """

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """
        Read the keys in folder *path*.

        Raises `KeysMissing` when there are none, when others can read them, and when they are damaged.
        """
        file = Path(path) / FILE
        return cls(load(_read_private(file)), where=str(file))

    @classmethod
    def init(
        cls, path: str | Path, *, created_at: datetime, randomness: Callable[[int], bytes] = os.urandom
    ) -> Self:
        """
        Make new keys in folder *path* (made if need be) and read them back.

        Raises `InvalidConfiguration` when keys are there already: nothing is changed then.
        """
        file = Path(path) / FILE
        try:
            _write_new(file, dump(new_table(created_at, randomness)))
        except FileExistsError:
            raise InvalidConfiguration(
                "keys.path", f"there are keys in {quoted(str(path))} already; nothing was changed"
            ) from None
        except OSError as error:
            raise KeysMissing(f"{quoted(str(file))} cannot be written: {os.strerror(error.errno or 0)}") from None
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


def _read_private(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            _check_mode(file.parent, file.parent.stat().st_mode, 0o022, "replaced", "700")
            _check_mode(file, os.fstat(opened.fileno()).st_mode, 0o077, "read", "600")
            return opened.read(LARGEST_FILE)
    except FileNotFoundError:
        raise KeysMissing(
            f"there is no {quoted(str(file))}; bring it back, or make keys for a new deployment: "
            "streampay-export keys init"
        ) from None
    except OSError as error:
        raise KeysMissing(f"{quoted(str(file))} cannot be read: {os.strerror(error.errno or 0)}") from None


def _check_mode(path: Path, mode: int, forbidden: int, what: str, right: str) -> None:
    if stat.S_IMODE(mode) & forbidden:
        command = f"chmod {right} {shlex.quote(str(path))}"
        raise KeysMissing(f"{quoted(str(path))} can be {what} by others; run: {command}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "") from None
    _check_mode(folder, folder.stat().st_mode, 0o022, "replaced", "700")


def _write_new(file: Path, content: bytes) -> None:
    _make_folder(file.parent)
    draft = file.with_name(f".{FILE}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        # A link never replaces: whoever comes second sees FileExistsError, and no half file is ever seen.
        os.link(draft, file)
    finally:
        draft.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
