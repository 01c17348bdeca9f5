"""
Objects as files under one folder of a local disk. No path is ever built: folders are walked by handle.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from ..errors import InvalidConfiguration, ObjectExists, ObjectMissing, StorageUnavailable
from ..ports.storage import StoredObject
from .check import is_key
from .draft import LEFTOVER, open_draft
from .lifecycle import Gap

CHUNK = 256 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a pipe planted under a key must not hang the reader.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# To a reader whatever is no object, or lies behind a link or a file, is not there.
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR})
_NOTHING: frozenset[int] = frozenset()


@frozen
class Disk:
    """
    One folder. Keys were checked. Thread-safe, and safe for several processes; nothing to close.

    Links below the folder are never followed. Files are 0600, folders made here 0700.
    """

    root: Path

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Write, sync and then name a new file: whole or not at all, never in place of another.
        """
        *folders, name = key.split("/")
        with _translated(_NOTHING), self._folder(folders, make=True) as folder, open_draft(folder) as draft:
            stage.seek(0)
            while chunk := stage.read(CHUNK):
                draft.write(chunk)
            draft.publish(name)

    def size(self, key: str) -> int:
        """
        Return the file's size in bytes, or raise `ObjectMissing`.
        """
        with _translated(), self._file(key) as (_, size):
            return size

    def read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end) in chunks of 256 KiB.
        """
        with _translated(), self._file(key) as (descriptor, size):
            left = (size if end is None else min(end, size)) - start
            os.lseek(descriptor, start, os.SEEK_SET)
            while left > 0:
                chunk = os.read(descriptor, min(CHUNK, left))
                if not chunk:
                    raise StorageUnavailable("an object ended before its end")
                left -= len(chunk)
                yield chunk

    def delete(self, key: str) -> None:
        """
        Unlink the file, if there is one.
        """
        *folders, name = key.split("/")
        with contextlib.suppress(ObjectMissing), _translated(), self._folder(folders) as folder:
            os.unlink(name, dir_fd=folder)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """
        Yield every file that has a key, and the key begins with *prefix*.
        """
        for key, folder, name in self._walk(prefix):
            if key.startswith(prefix) and is_key(key):
                found = _regular(folder, name)
                if found is not None:
                    modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield StoredObject(key=key, size=found.st_size, modified_at=modified_at)

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Unlink what killed writers left behind before *older_than*; return how many files that were.
        """
        swept = 0
        for _, folder, name in self._walk(""):
            found = _regular(folder, name) if name.startswith(LEFTOVER) else None
            if found is not None and found.st_mtime < older_than.timestamp():
                with contextlib.suppress(ObjectMissing), _translated():
                    os.unlink(name, dir_fd=folder)
                    swept += 1
        return swept

    def check(self) -> None:
        """
        Do nothing: a file that was unlinked is gone.
        """

    def lifecycle_gaps(self, exports: timedelta) -> Sequence[Gap]:
        """
        Say that a folder has no rules.
        """
        return (Gap.NO_RULES,)

    def put_lifecycle(self, exports: timedelta) -> None:
        """
        Refuse: a folder takes none.
        """
        raise InvalidConfiguration("storage.url", Gap.NO_RULES.sentence)

    @contextlib.contextmanager
    def _folder(self, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
        if make:
            with contextlib.suppress(FileExistsError):
                self.root.mkdir(mode=0o700, parents=True)
        here = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                if make:
                    _make_folder(name, here)
                below = os.open(name, _FOLDER, dir_fd=here)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    @contextlib.contextmanager
    def _file(self, key: str) -> Iterator[tuple[int, int]]:
        *folders, name = key.split("/")
        with self._folder(folders) as folder:
            descriptor = os.open(name, _FILE, dir_fd=folder)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ObjectMissing
            yield descriptor, found.st_size
        finally:
            os.close(descriptor)

    def _walk(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        *folders, _ = prefix.split("/")
        with contextlib.suppress(ObjectMissing), _translated(), self._folder(folders) as top:
            for where, _, names, folder in os.fwalk(".", dir_fd=top, onerror=_not_unless_gone):
                below = where.split("/")[1:]
                for name in names:
                    yield "/".join((*folders, *below, name)), folder, name


def _make_folder(name: str, parent: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)


def _regular(folder: int, name: str) -> os.stat_result | None:
    with contextlib.suppress(ObjectMissing), _translated():
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return found if stat.S_ISREG(found.st_mode) else None
    return None


def _not_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextlib.contextmanager
def _translated(missing: frozenset[int] = _MISSING) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ObjectExists from None
    except OSError as error:
        if error.errno in missing:
            raise ObjectMissing from None
        # The system's text for the number alone: the error itself quotes a path.
        raise StorageUnavailable(_SENTENCES.get(error.errno) or os.strerror(error.errno or 0)) from None


_IN_THE_WAY = "a link or a file is in the place of one of its folders or objects; remove it"
_SENTENCES: dict[int | None, str] = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this system allows",
    errno.ELOOP: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
}
