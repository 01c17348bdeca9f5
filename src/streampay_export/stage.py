"""
Work in progress: what is small in memory, the rest on local disk in files without a name.

Nothing here can be found after a crash: the files are unlinked at open (`O_TMPFILE` where there is
one), so that the system frees them with the process, whatever ended it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from ._core.manifest import Digest
from .errors import StorageUnavailable

# What is read at once, what deflate is fed at once, and what stays in memory: most exports are small, and making a
# file took the kernel a twentieth of one.
BLOCK = 256 * 1024


@contextmanager
def disk_errors() -> Iterator[None]:
    """
    Turn an `OSError` of the local disk into `StorageUnavailable`, which names no path.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise StorageUnavailable(
            f"work in progress cannot be kept on the local disk ({reason}); free some space"
        ) from None


def unnamed_file(directory: Path | None = None) -> BinaryIO:
    """
    Open an empty file for reading and writing that no directory lists; the caller closes it.

    It is in memory up to 256 KiB; *directory* says on which disk it is then (default: the system's temporary
    folder).
    """
    where = None if directory is None else str(directory)
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=BLOCK, dir=where))


def blocks_of(file: BinaryIO, start: int = 0) -> Iterator[bytes]:
    """
    Yield what *file* holds, from *start* on, in blocks of 256 KiB. Raises `StorageUnavailable`.
    """
    with disk_errors():
        file.seek(start)
        while block := file.read(BLOCK):
            yield block


class UnnamedFile:
    """
    A file without a name. Close it, or use it as a context manager: its data is gone then.

    Everything raises `StorageUnavailable` when the disk is full.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._file = unnamed_file(directory)

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """
        Yield everything from *start* on, in blocks of 256 KiB, as often as asked. Not to be written to meanwhile.
        """
        yield from blocks_of(self._file, start)

    def close(self) -> None:
        """
        Close the file, and with it free its data; closing twice is harmless.
        """
        # A full disk also fails the flush at close; the data is being thrown away anyway.
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Stage(UnnamedFile):
    """
    An unnamed file that is appended to, and knows its size and SHA-256 at every moment. Used by one thread.
    """

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory)
        self._sha256 = hashlib.sha256()
        self._size = 0

    @property
    def file(self) -> BinaryIO:
        """
        The file itself, for whoever seeks in it; what is not appended is not in `digest`.
        """
        return self._file

    @property
    def size(self) -> int:
        """
        How many bytes were appended.
        """
        return self._size

    @property
    def digest(self) -> Digest:
        """
        Size and SHA-256 of everything appended so far.
        """
        return Digest(size=self._size, sha256=self._sha256.hexdigest())

    def append(self, data: bytes) -> None:
        """
        Append bytes.
        """
        with disk_errors():
            self._file.write(data)
        self._sha256.update(data)
        self._size += len(data)
