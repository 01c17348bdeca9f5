"""
The file of a key table: private, replaced under a lock, and overwritten once it was replaced.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import KeysMissing, StorageUnavailable, quoted_path
from .table import KeyTable, dump, load

# A rotation adds about a kilobyte: two years of daily ones.
LARGEST_FILE = 1 << 20
# A rotation takes milliseconds; whoever holds the folder for longer is stuck.
LONGEST_WAIT = 10.0


class KeyFile:
    """
    A `HeldTable` in a file (0600) that several processes share, replaced whole or not at all.
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

    def create(self, table: KeyTable) -> None:
        """
        Write the file where there is none, its folder too. Raises `FileExistsError`, and `KeysMissing`.
        """
        try:
            _make_folder(self.file.parent)
            # A link never replaces: whoever comes second sees FileExistsError, and no half file is ever seen.
            _write(self.file, dump(table), os.link)
        except FileExistsError:
            raise
        except OSError as error:
            raise _unwritable(self.file, error) from None

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
            raise KeysMissing(f"{quoted_path(self.file)} is a link; change the keys where the file itself is")
        if len(content) > LARGEST_FILE:
            raise KeysMissing(f"{quoted_path(self.file)} is full; no key was made")
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
            f"there is no {quoted_path(file)}; bring it back, or make keys for a new deployment: "
            "streampay-export keys init"
        ) from None
    except OSError as error:
        raise KeysMissing(f"{quoted_path(file)} cannot be read: {os.strerror(error.errno or 0)}") from None


def _check_mode(path: Path, mode: int, forbidden: int, what: str, right: str) -> None:
    if stat.S_IMODE(mode) & forbidden:
        command = f"chmod {right} {shlex.quote(str(path))}"
        raise KeysMissing(f"{quoted_path(path)} can be {what} by others; run: {command}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "") from None
    _check_mode(folder, folder.stat().st_mode, 0o022, "replaced", "700")


def _write(file: Path, content: bytes, put: Callable[[Path, Path], None]) -> None:
    draft = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
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
    return KeysMissing(f"{quoted_path(file)} cannot be written: {os.strerror(error.errno or 0)}")
