"""
Work in progress on local disk: files without a name, one per dataset and format.

Nothing here can be found after a crash: the files are unlinked at open (`O_TMPFILE` where there is
one), so that the system frees them with the process, whatever ended it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from ._core.cut import Columns
from ._core.manifest import Digest
from .errors import StorageUnavailable
from .ports.writer import Encoder

# Deflate and the digests are fed blocks of this size, whatever the pages were: same data, same bytes.
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

    *directory* says on which disk (default: the system's temporary folder). Raises `StorageUnavailable`.
    """
    with disk_errors():
        return cast("BinaryIO", tempfile.TemporaryFile(dir=directory))


def blocks_of(file: BinaryIO, start: int = 0) -> Iterator[bytes]:
    """
    Yield what *file* holds, from *start* on, in blocks of 256 KiB. Raises `StorageUnavailable`.
    """
    with disk_errors():
        file.seek(start)
        while block := file.read(BLOCK):
            yield block


class Stage:
    """
    An unnamed file that is appended to, then read from the start as often as needed.

    Knows its size and SHA-256 at every moment. Close it, or use it as a context manager: its data
    is gone then. Used by one thread. Everything raises `StorageUnavailable` when the disk is full.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._file = unnamed_file(directory)
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
        Append bytes. Not to be called while `blocks` is being read.
        """
        with disk_errors():
            self._file.write(data)
        self._sha256.update(data)
        self._size += len(data)

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """
        Yield everything from *start* on, in blocks of 256 KiB.
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


class DatasetStage:
    """
    One dataset being written in every asked format: a page is encoded once per format from one read.

    A file is `head`, then all pages joined by `separator`, then `tail`. The digest of a *part* is over
    its pages and the separators between them; the separator that joins two parts belongs to neither,
    so that a part's digest does not depend on its place. Call `begin`, then `page` and `close_part`,
    then `end`; instead of a part's pages its bytes may be put back with `restore`. *stages* has one
    empty stage for each encoder; whoever made them closes them. Used by one thread.
    """

    def __init__(self, encoders: Mapping[str, Encoder], stages: Mapping[str, Stage]) -> None:
        self._encoders = encoders
        self._stages = stages
        self._parts = {name: _PartDigest() for name in encoders}
        self._begins = dict.fromkeys(encoders, 0)
        self._any_page = False

    def begin(self) -> int:
        """
        Write the heads; return how many bytes that were, over all formats.
        """
        return self._append_each({name: encoder.head for name, encoder in self._encoders.items()})

    def page(self, columns: Columns) -> int:
        """
        Encode one non-empty page in every format; return how many bytes that were, over all formats.

        All formats are encoded before any is appended: a page that cannot be written leaves no trace.
        Raises `UnwritableValue`.
        """
        encoded = {name: encoder.page(columns) for name, encoder in self._encoders.items()}
        written = 0
        for name, data in encoded.items():
            separator = self._encoders[name].separator if self._any_page else b""
            if separator:
                self._stages[name].append(separator)
            if not self._parts[name].digest.size:
                self._begins[name] = self._stages[name].size
            self._stages[name].append(data)
            self._parts[name].add(separator, data)
            written += len(separator) + len(data)
        self._any_page = True
        return written

    def close_part(self) -> Mapping[str, Digest]:
        """
        Return size and SHA-256 of the part's bytes in each format, and begin the next part.
        """
        closed = {name: part.digest for name, part in self._parts.items()}
        self._parts = {name: _PartDigest() for name in self._encoders}
        return closed

    def part_blocks(self, name: str) -> Iterator[bytes]:
        """
        Yield the bytes of the part closed last, in one format. Not to be called once its next page is staged.
        """
        return self._stages[name].blocks(self._begins[name])

    def restore(self, parts: Mapping[str, Iterable[bytes]]) -> None:
        """
        Put back the bytes of a part that was staged before, in every format.
        """
        for name, blocks in parts.items():
            if self._any_page:
                self._stages[name].append(self._encoders[name].separator)
            for block in blocks:
                self._stages[name].append(block)
        self._any_page = True

    def end(self) -> int:
        """
        Write the tails; return how many bytes that were, over all formats.
        """
        return self._append_each({name: encoder.tail for name, encoder in self._encoders.items()})

    def _append_each(self, pieces: Mapping[str, bytes]) -> int:
        for name, piece in pieces.items():
            self._stages[name].append(piece)
        return sum(map(len, pieces.values()))


class _PartDigest:
    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._size = 0

    def add(self, separator: bytes, page: bytes) -> None:
        if self._size:
            self._sha256.update(separator)
            self._size += len(separator)
        self._sha256.update(page)
        self._size += len(page)

    @property
    def digest(self) -> Digest:
        return Digest(size=self._size, sha256=self._sha256.hexdigest())
