"""
A data file under way: deflated as it is written, part by part, so that whoever reads a part packs it.

Every segment is deflate of its own (RFC 1951) and ends at a whole byte: segments that are put one behind the other
are one deflate stream, whoever made them.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from ._core.manifest import Digest
from .deflating import begin_deflate, inflated
from .errors import ObjectAltered
from .stage import BLOCK, UnnamedFile, disk_errors

# What a stored block begins with (RFC 1951, 3.2.4): whether it is the last, its length, and that inverted.
_STORED = struct.Struct("<BHH")
_MOST_STORED = 0xFFFF


def _stored(data: bytes, *, last: bool) -> bytes:
    pieces = [data[start : start + _MOST_STORED] for start in range(0, max(len(data), 1), _MOST_STORED)]
    ends = [False] * (len(pieces) - 1) + [last]
    return b"".join(
        _STORED.pack(end, len(piece), len(piece) ^ _MOST_STORED) + piece
        for end, piece in zip(ends, pieces, strict=True)
    )


class Plaintext:
    """
    What is known of plaintext that streams by: size and SHA-256.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> Digest:
        """
        Size and SHA-256 so far.
        """
        return Digest(size=self.size, sha256=self._sha256.hexdigest())

    def add(self, data: bytes) -> None:
        """
        Take note of more.
        """
        self._sha256.update(data)
        self.size += len(data)

    def copy(self) -> Plaintext:
        """
        Return one that goes on from here by itself.
        """
        other = Plaintext()
        other._sha256, other.size = self._sha256.copy(), self.size
        return other


@frozen(kw_only=True)
class Mark:
    """
    A place between two parts of a `PackedStage`, to which it can go back.
    """

    plain: Plaintext
    crc: int
    packed: int


class PackedStage(UnnamedFile):
    """
    A data file that is packed as it grows, in an unnamed file.

    *add* grows the part under way and *close_part* ends it; between parts *piece* writes what joins them, and
    *restore* puts back one that was packed before; *end* comes last. Knows the digest and the CRC-32 of its
    plaintext, unless it is not *whole*: such a one holds a part on its way to another file. Used by one thread.
    """

    def __init__(self, directory: Path | None = None, *, whole: bool = True) -> None:
        super().__init__(directory)
        self._whole = whole
        self._plain = Plaintext()
        self._crc = self._packed = self._part_at = 0
        self._begin_part()

    @property
    def digest(self) -> Digest:
        """
        Size and SHA-256 of the plaintext.
        """
        return self._plain.digest

    @property
    def crc(self) -> int:
        """
        The CRC-32 of the plaintext.
        """
        return self._crc

    @property
    def packed(self) -> int:
        """
        How many bytes were written, packed.
        """
        return self._packed

    @property
    def packed_part(self) -> int:
        """
        How many of them are the part's that was closed last.
        """
        return self._packed - self._part_at

    def piece(self, data: bytes) -> None:
        """
        Write a few bytes that belong to no part.
        """
        self._note(data)
        self._write(_stored(data, last=False) if data else b"")
        self._part_at = self._packed

    def add(self, data: bytes) -> None:
        """
        Write more of the part under way.
        """
        self._part.add(data)
        if self._whole:
            self._note(data)
        self._held += data
        # Deflate is fed the same blocks of a part, whatever its pages were: same data, same bytes.
        while len(self._held) >= BLOCK:
            self._write(self._deflate.compress(self._held[:BLOCK]))
            del self._held[:BLOCK]

    def close_part(self) -> Digest:
        """
        Return size and SHA-256 of the plaintext of the part under way, and begin the next.
        """
        closed = self._part.digest
        if closed.size:
            self._write(self._deflate.compress(self._held) + self._deflate.flush(zlib.Z_SYNC_FLUSH))
            self._begin_part()
        else:
            self._part_at = self._packed
        return closed

    def part_blocks(self) -> Iterator[bytes]:
        """
        Yield the packed bytes of the part closed last. Not to be called once anything was written since.
        """
        return self.blocks(self._part_at)

    def restore(self, blocks: Iterable[bytes], digest: Digest) -> None:
        """
        Write a part that was packed before. Raises `ObjectAltered` unless it is what its *digest* says.
        """
        part = Plaintext()
        for plain in inflated(self._copied(blocks)):
            part.add(plain)
            self._note(plain)
        if part.digest != digest:
            raise ObjectAltered
        self._part_at = self._packed

    def end(self, data: bytes) -> None:
        """
        Write a few bytes, and the end.
        """
        self._note(data)
        self._write(_stored(data, last=True))

    def mark(self) -> Mark:
        """
        Return where it is, between two parts.
        """
        return Mark(plain=self._plain.copy(), crc=self._crc, packed=self._packed)

    def back_to(self, mark: Mark) -> None:
        """
        Forget everything since then.
        """
        with disk_errors():
            self._file.seek(mark.packed)
            self._file.truncate()
        self._plain, self._crc, self._packed = mark.plain.copy(), mark.crc, mark.packed
        self._part_at = mark.packed
        self._begin_part()

    def _begin_part(self) -> None:
        self._part = Plaintext()
        self._deflate = begin_deflate()
        self._held = bytearray()

    def _note(self, plain: bytes) -> None:
        self._plain.add(plain)
        self._crc = zlib.crc32(plain, self._crc)

    def _copied(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._write(block)
            yield block

    def _write(self, packed: bytes) -> None:
        with disk_errors():
            self._packed += self._file.write(packed)
