"""
Keys in one file on this machine, readable by its owner alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shlex
import stat
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Self

from ..errors import InvalidConfiguration, KeysMissing, StorageUnavailable, quoted
from .derivation import KeyPurpose
from .ring import KeyRing
from .table import ROTATED_BY_DEFAULT, KeyTable, dump, load, new_table

FILE = "keys.json"
# A rotation adds about a kilobyte: two years of daily ones.
LARGEST_FILE = 1 << 20
# A rotation takes milliseconds; whoever holds the folder for longer is stuck.
LONGEST_WAIT = 10.0


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
        held = _TableFile(Path(path) / FILE)
        return cls(held.read(), where=str(held.file), held=held)

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
            _make_folder(file.parent)
            # A link never replaces: whoever comes second sees FileExistsError, and no half file is ever seen.
            _write(file, dump(new_table(created_at, randomness)), os.link)
        except FileExistsError:
            raise InvalidConfiguration(
                "keys.path", f"there are keys in {quoted(str(path))} already; nothing was changed"
            ) from None
        except OSError as error:
            raise _unwritable(file, error) from None
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
        `StorageUnavailable` when another process holds the folder for `LONGEST_WAIT` seconds.
        """

        def change(table: KeyTable) -> KeyTable:
            rotating = purposes
            if rotating is None:
                rotating = table.purposes_of(revoke) if revoke else ROTATED_BY_DEFAULT
            return table.rotated(rotating, revoke, created_at=created_at, randomness=randomness)

        held = _TableFile(Path(path) / FILE)
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


class _TableFile:
    """
    A `HeldTable` in a file that several processes share.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: tuple[tuple[int, ...] | None, KeyTable] | None = None

    @property
    def changeable(self) -> bool:
        """
        Whether the file is where it seems to be, and may be replaced.
        """
        return not self.file.is_symlink() and os.access(self.file.parent, os.W_OK)

    def read(self) -> KeyTable:
        """
        Return the table, read again if the file is another than before.
        """
        known = self._known
        try:
            found = _signs(self.file.stat())
        except OSError:
            found = None
        # Keys that are in use go on when the file is taken away under them.
        if known is None or found not in {None, known[0]}:
            known = self._known = (found, load(_read_private(self.file)))
        return known[1]

    def change(self, change: Callable[[KeyTable], KeyTable]) -> KeyTable:
        """
        Replace the file, unless *change* leaves the table as it is.
        """
        try:
            with _held(self.file.parent):
                before = load(_read_private(self.file))
                after = change(before)
                if after != before:
                    self._replace(dump(after))
        except OSError as error:
            raise _unwritable(self.file, error) from None
        return after

    def _replace(self, content: bytes) -> None:
        if self.file.is_symlink():
            raise KeysMissing(f"{quoted(str(self.file))} is a link; change the keys where the file itself is")
        if len(content) > LARGEST_FILE:
            raise KeysMissing(f"{quoted(str(self.file))} is full; no key was made")
        self.file.chmod(0o600)
        with self.file.open("r+b") as former:
            _write(self.file, content, os.replace)
            found = os.fstat(former.fileno())
            # What was destroyed is not to lie in blocks that the file system calls free. A second name of
            # the file is somebody's copy.
            if found.st_nlink == 0:
                former.write(bytes(found.st_size))
                former.flush()
                os.fsync(former.fileno())


def _signs(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _read_private(file: Path) -> bytes:
    try:
        while True:
            with file.open("rb") as opened:
                _check_mode(file.parent, file.parent.stat().st_mode, 0o022, "replaced", "700")
                found = os.fstat(opened.fileno())
                _check_mode(file, found.st_mode, 0o077, "read", "600")
                content = opened.read(LARGEST_FILE)
            # One that was replaced meanwhile may have been wiped before it was read.
            if _signs(file.stat())[:2] == _signs(found)[:2]:
                return content
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


def _write(file: Path, content: bytes, put: Callable[[Path, Path], None]) -> None:
    draft = file.with_name(f".{FILE}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        put(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    with _opened(file.parent) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """
    Hold *folder* against other rotations; closing it, or dying, lets it go.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    with _opened(folder) as descriptor:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StorageUnavailable(f"others held the keys for {LONGEST_WAIT:g} s; see who does") from None
                time.sleep(0.01)
        yield


def _unwritable(file: Path, error: OSError) -> KeysMissing:
    return KeysMissing(f"{quoted(str(file))} cannot be written: {os.strerror(error.errno or 0)}")
