"""
Reading a zip's own records, trusting none: where it ends, and what its directory says is in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import frozen

from ..errors import BundleRefused
from .layout import (
    CENTRAL_ENTRY,
    DATA_PATH,
    DOCUMENTS,
    END,
    END64,
    LARGEST_FILE,
    LARGEST_OFFSET,
    LOCATOR64,
    SEALS,
    Entry,
)

# The records at the very end, with Zip64.
TAIL = END64.size + LOCATOR64.size + END.size
# A bundle has a few dozen files; a directory larger than this is an attack on the reader's memory.
LARGEST_DIRECTORY = 1 << 22


@frozen(kw_only=True)
class End:
    """
    Where the central directory is, and how many files it lists.
    """

    count: int
    start: int
    size: int


def read_end(tail: bytes, total: int) -> End:
    """
    Return what the zip's last record says. *tail* are the last bytes of a file of *total* bytes.

    Raises `BundleRefused` when the file does not end with a zip's end, or the directory is not right
    before it.
    """
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise BundleRefused("", "the zip was cut off: its end is missing; get the file again")
    if len(tail) - at > END.size:
        raise BundleRefused("", f"{len(tail) - at - END.size} bytes follow the end of the zip; a bundle has none")
    _, _, _, _, count, size, start, _ = END.unpack(tail[at:])
    records = END.size
    if at >= TAIL - END.size and tail[at - LOCATOR64.size :].startswith(b"PK\x06\x07"):
        _, _, _, _, _, _, _, count, size, start = END64.unpack(
            tail[at - LOCATOR64.size - END64.size :][: END64.size]
        )
        records = TAIL
    if start + size + records != total or size > LARGEST_DIRECTORY:
        raise BundleRefused("", "the zip's directory is not where its end says; the file was altered or cut")
    return End(count=count, start=start, size=size)


def read_directory(directory: bytes, end: End) -> tuple[Entry, ...]:
    """
    Return the files the directory lists. Raises `BundleRefused` for any that no bundle has, for two of
    one name, and when they do not follow one another from the zip's first byte to its directory.
    """
    entries = tuple(_entries(directory))
    if len(entries) != end.count:
        raise BundleRefused("", f"the zip's end speaks of {end.count} files, its directory of {len(entries)}")
    seen: set[str] = set()
    place = 0
    for entry in entries:
        if entry.name in seen:
            raise BundleRefused(entry.name, "two files have this name; in a bundle each has its own")
        seen.add(entry.name)
        if not (DATA_PATH.match(entry.name) or entry.name in DOCUMENTS or entry.name in SEALS):
            raise BundleRefused(entry.name, "a bundle has no such file")
        if entry.packed > LARGEST_OFFSET and entry.size <= LARGEST_FILE:
            raise BundleRefused(entry.name, "it is packed into far more bytes than it unpacks to")
        if entry.offset != place:
            raise BundleRefused(entry.name, "it does not begin where the file before it ends")
        place = entry.end
    if place != end.start:
        raise BundleRefused("", "bytes between the last file and the directory belong to nothing")
    return entries


def _entries(directory: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(directory):
        name_at = at + CENTRAL_ENTRY.size
        if not directory.startswith(b"PK\x01\x02", at) or name_at > len(directory):
            raise _unreadable()
        fields = CENTRAL_ENTRY.unpack_from(directory, at)
        method, _, _, crc, packed, size, name_length, extra_length, comment_length = fields[6:15]
        extra_at = name_at + name_length
        at = extra_at + extra_length + comment_length
        if at > len(directory):
            raise _unreadable()
        # A bundle's names are ASCII; any other byte is shown escaped.
        name = directory[name_at:extra_at].decode("ascii", "backslashreplace")
        size, packed, offset = _large(directory[extra_at : extra_at + extra_length], size, packed, fields[-1])
        yield Entry(name=name, method=method, crc=crc, packed=packed, size=size, offset=offset)


def _large(extra: bytes, *fields: int) -> tuple[int, ...]:
    wanted = sum(each == 0xFFFFFFFF for each in fields)
    if not wanted:
        return fields
    try:
        kind, length, *values = struct.unpack(f"<HH{wanted}Q", extra)
    except struct.error:
        raise _unreadable() from None
    if (kind, length) != (1, 8 * wanted):
        raise _unreadable()
    found = iter(values)
    return tuple(next(found) if each == 0xFFFFFFFF else each for each in fields)


def _unreadable() -> BundleRefused:
    return BundleRefused("", "the zip's directory cannot be read; the file was altered")
