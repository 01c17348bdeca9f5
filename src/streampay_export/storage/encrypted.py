"""
Between plaintext and any storage: what is put there is encrypted, and a range fetches only its own chunks.

Stands on the ports alone, so that whoever publishes and whoever downloads share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import field, frozen

from .._core.encrypted_file import (
    CHUNK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    chunk_count,
    stored_size,
    stored_start,
)
from ..errors import ObjectAltered
from ..ports.keys import FileDecryptor, FileEncryptor
from ..ports.storage import Read
from .blocks import BlockStage


def encrypted(blocks: Iterable[bytes], encryptor: FileEncryptor) -> Iterator[bytes]:
    """
    Yield the encrypted file of what *blocks* hold together: its header, then chunk by chunk.
    """
    yield encryptor.header
    source = iter(blocks)
    held = bytearray()
    for block in source:
        held += block
        # A full chunk may be the last one: it waits until more has come.
        while len(held) > CHUNK_BYTES:
            yield encryptor.seal(_taken(held, CHUNK_BYTES), last=False)
    yield encryptor.seal(bytes(held), last=True)


class EncryptedStage(BlockStage):
    """
    A file to be put into a storage, encrypted while it is read: no draft of it lies anywhere.

    *blocks* yields the plaintext from its start, *size* bytes in all. Each time it is read from the start it is
    another file, under a key of its own. One thread's.
    """

    def __init__(
        self, blocks: Callable[[], Iterable[bytes]], size: int, encryptor: Callable[[], FileEncryptor]
    ) -> None:
        super().__init__(lambda: encrypted(blocks(), encryptor()), stored_size(size))


@frozen(kw_only=True)
class EncryptedFile:
    """
    One encrypted file in a storage, read by the offsets of its plaintext. Thread-safe.

    *size* is that of the plaintext, in bytes, from whoever remembers it: a file of any other size is
    refused. *decryptor* is asked with the file's header. Memory stays at a few chunks.
    """

    storage: Read
    key: str
    size: int
    decryptor: Callable[[bytes], FileDecryptor] = field(repr=False)

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the plaintext [start, end) in blocks of at most 64 KiB, none before its tag was checked.

        Nothing is fetched for an empty range of a file that is not empty. Raises `ObjectMissing`,
        `ObjectAltered` and `StorageUnavailable`. Closing the iterator closes what it opened.
        """
        stop = self.size if end is None else min(end, self.size)
        if start >= stop and self.size:
            return
        first, final = start // CHUNK_BYTES, chunk_count(self.size) - 1
        until = chunk_count(stop)
        decryptor = self.decryptor(self._fetched_header())
        # One byte more than there should be: what was appended to the file is noticed.
        ends = stored_start(until) if until <= final else stored_size(self.size) + 1
        stored = self.storage.read(self.key, stored_start(first), ends)
        try:
            chunks = _chunks(stored)
            for number in range(first, until):
                plain = decryptor.open(number, next(chunks, b""), last=number == final)
                at = number * CHUNK_BYTES
                wanted = plain[max(start - at, 0) : stop - at]
                if number == final and (next(chunks, b"") or at + len(plain) != self.size):
                    raise ObjectAltered
                if wanted:
                    yield wanted
        finally:
            _close(stored)

    def _fetched_header(self) -> bytes:
        return b"".join(self.storage.read(self.key, 0, HEADER_BYTES))


def _chunks(stored: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for block in stored:
        held += block
        while len(held) >= CHUNK_BYTES + TAG_BYTES:
            yield _taken(held, CHUNK_BYTES + TAG_BYTES)
    yield bytes(held)


def _taken(held: bytearray, size: int) -> bytes:
    with memoryview(held) as view:
        taken = bytes(view[:size])
    del held[:size]
    return taken


def _close(iterator: Iterator[bytes]) -> None:
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
