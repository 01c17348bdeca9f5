"""
Blocks that are made as they are asked for, as a file to be put into a storage.

Stands on nothing, so that whoever publishes and whoever encrypts share it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class BlockStage(io.RawIOBase):
    """
    What *blocks* yields, *size* bytes in all, as a file.

    Seekable to its start, where *blocks* is called again, and to its end alone. One thread's.
    """

    def __init__(self, blocks: Callable[[], Iterable[bytes]], size: int) -> None:
        super().__init__()
        self._blocks = blocks
        self._size = size
        self.seek(0)

    def readable(self) -> bool:
        """
        Say that it can be read.
        """
        return True

    def seekable(self) -> bool:
        """
        Say that it can be sought, to two places.
        """
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """
        Go to the start, or to the end. Raises `io.UnsupportedOperation` for any other place.
        """
        if offset != 0 or whence not in {io.SEEK_SET, io.SEEK_END}:
            raise io.UnsupportedOperation("only the start and the end can be sought")
        self._held = bytearray()
        self._rest = iter(()) if whence == io.SEEK_END else iter(self._blocks())
        return self._size if whence == io.SEEK_END else 0

    def read(self, size: int = -1) -> bytes:
        """
        Return the next *size* bytes, fewer only at the end; without *size*, the rest.
        """
        while size < 0 or len(self._held) < size:
            block = next(self._rest, None)
            if block is None:
                break
            self._held += block
        end = len(self._held) if size < 0 else size
        with memoryview(self._held) as view:
            taken = bytes(view[:end])
        del self._held[:end]
        return taken

    def readinto(self, buffer: WriteableBuffer) -> int:
        """
        Fill *buffer*, and return how many bytes that were.
        """
        with memoryview(buffer).cast("B") as view:
            taken = self.read(len(view))
            view[: len(taken)] = taken
        return len(taken)
