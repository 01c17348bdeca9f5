"""
How a bundle's zip is laid out: which files in which order, and every byte of the zip's own records.

`bundle.py` writes these records and the verifier compares what it finds with them, so that no byte
of a bundle is free. The standard library's zip writer decides some of them differently from one
Python version to the next; a bundle must verify everywhere.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from attrs import frozen

DATAPACKAGE = "datapackage.json"
NOTICE = "notice.json"
WITHHELD = "withheld.json"
README = "README.txt"
INDEX = "index.html"
MANIFEST = "manifest.dsse.json"
SUMS = "SHA256SUMS"

DOCUMENTS = (DATAPACKAGE, NOTICE, WITHHELD, README, INDEX)
SEALS = (MANIFEST, SUMS)
DATA_PATH = re.compile(r"data/[A-Za-z][A-Za-z0-9_]{0,62}\.[a-z0-9]{1,16}\Z")

STORED = 0
DEFLATED = 8
# Unix, so that the mode below is understood; an unpacked copy is its owner's alone.
CREATE_SYSTEM = 3
EXTERNAL_ATTRIBUTES = (stat.S_IFREG | 0o600) << 16

# What 32 bits can say; deflate may make incompressible data a little larger, hence the margin.
LARGEST_OFFSET = (1 << 32) - 2
LARGEST_FILE = 4_000_000_000
MOST_ENTRIES = (1 << 16) - 2
_VERSION = 20
_ZIP64_VERSION = 45

LOCAL_HEADER = struct.Struct("<4s2B4HL2L2H")
CENTRAL_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")

DosTime: TypeAlias = tuple[int, int, int, int, int, int]


def data_path(dataset: str, format_: str) -> str:
    """
    Return the path of a dataset's file in a bundle.
    """
    return f"data/{dataset}.{format_}"


def entry_time(as_of: datetime) -> DosTime:
    """
    Return the time of every zip entry: the export's as-of in UTC, within what a zip can say.
    """
    instant = as_of.astimezone(UTC)
    if instant.year < 1980:
        return (1980, 1, 1, 0, 0, 0)
    if instant.year > 2107:
        return (2107, 12, 31, 23, 59, 58)
    return (instant.year, instant.month, instant.day, instant.hour, instant.minute, instant.second)


def method_of(path: str) -> int:
    """
    Return how a file is kept: deflated, but for the seals, whose every byte is then checked as it is.
    """
    return STORED if path in SEALS else DEFLATED


@frozen(kw_only=True)
class Entry:
    """
    One file in the zip, as its records describe it. *offset* is where its local header begins.
    """

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def data_at(self) -> int:
        """
        Where the packed bytes begin.
        """
        return self.offset + len(local_header(self, (1980, 1, 1, 0, 0, 0)))

    @property
    def end(self) -> int:
        """
        Where the packed bytes end.
        """
        return self.data_at + self.packed


def local_header(entry: Entry, time: DosTime) -> bytes:
    """
    Return the local header of an entry: with the Zip64 field where the size is (nearly) too large.
    """
    name = entry.name.encode("ascii")
    large = entry.size > LARGEST_FILE
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.packed) if large else b""
    return (
        LOCAL_HEADER.pack(
            b"PK\x03\x04",
            _ZIP64_VERSION if large else _VERSION,
            0,
            0,
            entry.method,
            *_dos(time),
            entry.crc,
            0xFFFFFFFF if large else entry.packed,
            0xFFFFFFFF if large else entry.size,
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def directory(entries: Iterable[Entry], time: DosTime) -> bytes:
    """
    Return the zip's end: the central directory and the records after it, for entries in file order.
    """
    packed = b""
    count = start = 0
    for entry in entries:
        packed += _central_entry(entry, time)
        count += 1
        start = entry.end
    large = count > MOST_ENTRIES or start > LARGEST_OFFSET
    records = b""
    if large:
        after = start + len(packed)
        records = END64.pack(
            b"PK\x06\x06",
            END64.size - 12,
            _ZIP64_VERSION,
            _ZIP64_VERSION,
            0,
            0,
            count,
            count,
            len(packed),
            start,
        ) + LOCATOR64.pack(b"PK\x06\x07", 0, after, 1)
    few = min(count, 0xFFFF)
    end = END.pack(b"PK\x05\x06", 0, 0, few, few, len(packed), min(start, 0xFFFFFFFF), 0)
    return packed + records + end


def _central_entry(entry: Entry, time: DosTime) -> bytes:
    name = entry.name.encode("ascii")
    large = entry.size > LARGEST_FILE
    far = entry.offset > LARGEST_OFFSET
    fields = ([entry.size, entry.packed] if large else []) + ([entry.offset] if far else [])
    extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    version = _ZIP64_VERSION if fields else _VERSION
    return (
        CENTRAL_ENTRY.pack(
            b"PK\x01\x02",
            version,
            CREATE_SYSTEM,
            version,
            0,
            0,
            entry.method,
            *_dos(time),
            entry.crc,
            0xFFFFFFFF if large else entry.packed,
            0xFFFFFFFF if large else entry.size,
            len(name),
            len(extra),
            0,
            0,
            0,
            EXTERNAL_ATTRIBUTES,
            0xFFFFFFFF if far else entry.offset,
        )
        + name
        + extra
    )


def _dos(time: DosTime) -> tuple[int, int]:
    year, month, day, hour, minute, second = time
    return hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
