"""
A file under way: without a name where the system can do that, and under no key before it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from attrs import define

# Keys have no dot at their start, so no key is ever taken for a leftover.
LEFTOVER = ".tmp-"
_HANDLES = "/proc/self/fd"
_NO_UNNAMED_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}


@define
class Draft:
    """
    An open file in *folder*; *name* is empty when it has none. One thread's.
    """

    folder: int
    descriptor: int
    name: str

    def write(self, chunk: bytes) -> None:
        """
        Append the whole chunk.
        """
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def publish(self, name: str) -> None:
        """
        Make it last, then give it its name; `FileExistsError` when that is taken. Nothing shows on failure.
        """
        os.fsync(self.descriptor)
        if self.name:
            # Some network file systems tell of a full disk only now.
            self._close()
            os.link(self.name, name, src_dir_fd=self.folder, dst_dir_fd=self.folder, follow_symlinks=False)
        else:
            os.link(f"{_HANDLES}/{self.descriptor}", name, dst_dir_fd=self.folder)
        try:
            os.fsync(self.folder)
        except OSError:
            os.unlink(name, dir_fd=self.folder)
            raise

    def discard(self) -> None:
        """
        Close the file and remove its own name, if it has one; what was published stays.
        """
        # Neither failure takes anything back: the bytes are synced, and a name left over is swept.
        with contextlib.suppress(OSError):
            if self.descriptor >= 0:
                self._close()
        with contextlib.suppress(OSError):
            if self.name:
                os.unlink(self.name, dir_fd=self.folder)

    def _close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)


@contextlib.contextmanager
def open_draft(folder: int) -> Iterator[Draft]:
    """
    Open a new file (0600) in *folder*, an open directory; gone at the end unless published.
    """
    draft = _open(folder)
    try:
        yield draft
    finally:
        draft.discard()


def _open(folder: int) -> Draft:
    unnamed = getattr(os, "O_TMPFILE", 0)  # Linux only
    if unnamed and Path(_HANDLES).is_dir():
        try:
            descriptor = os.open(".", unnamed | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
            return Draft(folder, descriptor, "")
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
    name = LEFTOVER + secrets.token_hex(16)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return Draft(folder, os.open(name, flags, 0o600, dir_fd=folder), name)
