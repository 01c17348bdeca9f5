"""
Every byte of a bundle, checked from the outside in, in bounded memory.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from .._core.documents import sums
from .._core.encrypted_file import MAGIC
from .._core.layout import (
    MANIFEST,
    SEALS,
    STORED,
    SUMS,
    Entry,
    directory,
    entry_time,
    local_header,
    method_of,
)
from .._core.manifest import BundleFile, Digest, Manifest
from .._core.row_count import ROW_COUNTERS
from .._core.signature import PublicKey
from .._core.zip_records import TAIL, read_directory, read_end
from ..errors import BundleRefused, InvalidRequest, StorageUnavailable, quoted_path
from .keys import signer_of
from .statement import open_envelope, open_manifest

BLOCK = 256 * 1024
# 20,000 parts (a thousand million rows) in three formats need half of this.
LARGEST_MANIFEST = 1 << 25
# How far back to look for the zip's end, to tell a file with something behind it from one cut short.
LOOK_BACK = 1 << 20


@frozen(kw_only=True)
class Verdict:
    """
    An intact bundle. *signer* is the id of the key that signed it, `None` when no key was given to ask.
    """

    manifest: Manifest
    signer: str | None

    @property
    def rows(self) -> int:
        """
        Rows in all datasets, each counted once.
        """
        return sum(each.written for each in self.manifest.datasets)


def verify_bundle(path: Path | str, public_keys: Sequence[PublicKey] = ()) -> Verdict:
    """
    Check every byte of the bundle at *path*, in bounded memory, and return what its maker says of it.

    With *public_keys* the manifest must carry a signature by one of them that is not revoked; without,
    only integrity is checked and the verdict has no signer. Raises `BundleRefused` naming the first file
    at fault, `InvalidRequest` when there is no file, `StorageUnavailable` when it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            if not file.seekable():
                raise InvalidRequest("bundle", "give a file, not a pipe: a zip is read from its end")
            return _Bundle(file).verdict(public_keys)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise InvalidRequest("bundle", f"there is no file {quoted_path(path)}; give the path of a bundle") from None
    except OSError as error:
        raise StorageUnavailable(f"the bundle cannot be read ({error.strerror or 'unknown reason'})") from None


class _Bundle:
    """
    One open bundle. Checks go from the outside in, so that each may rely on those before it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def verdict(self, keys: Sequence[PublicKey]) -> Verdict:
        entries = self._entries()
        sealed = self._stored(entries, MANIFEST)
        envelope = open_envelope(sealed)
        signer = signer_of(envelope, keys) if keys else None
        manifest = open_manifest(envelope)
        _check_members(manifest, entries)
        for file in manifest.files:
            self._check_file(file, entries[file.path])
        self._check_sums(manifest, sealed, entries)
        self._check_records(manifest, entries)
        return Verdict(manifest=manifest, signer=signer)

    def _entries(self) -> dict[str, Entry]:
        beginning = self._read(0, len(MAGIC))
        if beginning == MAGIC:
            raise BundleRefused("", "this is an artifact as it lies in storage, encrypted; verify a download")
        if not beginning.startswith(b"PK\x03\x04"):
            raise BundleRefused("", "this is no zip file; a bundle is one")
        total = self._file.seek(0, 2)
        back = min(total, LOOK_BACK + TAIL)
        end = read_end(self._read(total - back, back), total)
        entries = read_directory(self._read(end.start, end.size), end)
        for entry in entries:
            name = entry.name.encode("ascii")
            header = self._read(entry.offset, entry.data_at - entry.offset)
            if not header.startswith(b"PK\x03\x04") or header[30 : 30 + len(name)] != name:
                raise BundleRefused(entry.name, "the zip's directory names it otherwise than the file's own header")
        return {entry.name: entry for entry in entries}

    def _stored(self, entries: dict[str, Entry], name: str) -> bytes:
        if name not in entries:
            raise BundleRefused(name, "it is missing")
        entry = entries[name]
        if entry.method != STORED or entry.packed != entry.size or entry.size > LARGEST_MANIFEST:
            raise BundleRefused(name, "it is not kept as bundles keep it")
        data = self._read(entry.data_at, entry.size)
        if zlib.crc32(data) != entry.crc:
            raise BundleRefused(name, "its bytes were changed: the checksum differs")
        return data

    def _check_file(self, file: BundleFile, entry: Entry) -> None:
        if entry.size != file.digest.size:
            raise BundleRefused(
                file.path, f"it would unpack to {entry.size} bytes where the manifest says {file.digest.size}"
            )
        sha256 = hashlib.sha256()
        counter = ROW_COUNTERS[file.path.rpartition(".")[2]]() if file.rows is not None else None
        crc = 0
        for block in self._unpacked(entry):
            sha256.update(block)
            crc = zlib.crc32(block, crc)
            if counter is not None:
                counter.feed(block)
        if sha256.hexdigest() != file.digest.sha256 or crc != entry.crc:
            raise BundleRefused(file.path, "its content was changed: the digest differs from the manifest's")
        if counter is not None and counter.rows != file.rows:
            raise BundleRefused(file.path, f"it holds {counter.rows} rows where the manifest says {file.rows}")

    def _check_sums(self, manifest: Manifest, sealed: bytes, entries: dict[str, Entry]) -> None:
        digest = Digest(size=len(sealed), sha256=hashlib.sha256(sealed).hexdigest())
        right = sums((*manifest.files, BundleFile(path=MANIFEST, digest=digest)))
        if self._stored(entries, SUMS) != right:
            raise BundleRefused(SUMS, "it does not list the digests of the bundle's files")

    def _check_records(self, manifest: Manifest, entries: dict[str, Entry]) -> None:
        time = entry_time(manifest.as_of)
        for entry in entries.values():
            header = local_header(entry, time)
            if self._read(entry.offset, len(header)) != header:
                raise BundleRefused(entry.name, "its header in the zip was changed")
        right = directory(entries.values(), time)
        if self._read(entries[SUMS].end, len(right) + 1) != right:
            raise BundleRefused("", "the zip's directory was changed")
        sha256 = hashlib.sha256()
        for block in self._blocks(0, manifest.archive.size):
            sha256.update(block)
        if (manifest.archive.size, manifest.archive.sha256) != (entries[MANIFEST].offset, sha256.hexdigest()):
            raise BundleRefused("", "the files are whole, but the zip around them was packed anew")

    def _unpacked(self, entry: Entry) -> Iterator[bytes]:
        """
        Yield what the entry unpacks to: never more than it declares, whatever its bytes would give.
        """
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        left, taken = entry.size, 0
        for packed in self._blocks(entry.data_at, entry.packed):
            if inflate.eof:
                break
            taken += len(packed)
            waiting, block = packed, b""
            # A full block may leave more behind in the decompressor, even when nothing waits.
            while (waiting or len(block) == BLOCK) and not inflate.eof:
                try:
                    block = inflate.decompress(waiting, BLOCK)
                except zlib.error:
                    raise BundleRefused(entry.name, "its bytes were changed: they cannot be unpacked") from None
                left -= len(block)
                if left < 0:
                    raise BundleRefused(entry.name, f"it unpacks to more than the {entry.size} bytes it declares")
                yield block
                waiting = inflate.unconsumed_tail
        if left or not inflate.eof or inflate.unused_data or taken != entry.packed:
            raise BundleRefused(entry.name, f"it does not unpack to the {entry.size} bytes it declares")

    def _blocks(self, start: int, size: int) -> Iterator[bytes]:
        while size > 0:
            block = self._read(start, min(size, BLOCK))
            if not block:
                return
            yield block
            start += len(block)
            size -= len(block)

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)


def _check_members(manifest: Manifest, entries: dict[str, Entry]) -> None:
    due = [*(file.path for file in manifest.files), *SEALS]
    for name in entries:
        if name not in due:
            raise BundleRefused(name, "the manifest does not speak of it")
    for name in due:
        if name not in entries:
            raise BundleRefused(name, "it is missing")
    for found, right in zip(entries.values(), due, strict=True):
        if found.name != right:
            raise BundleRefused(found.name, f"it stands where {right} belongs")
        if found.method != method_of(right):
            raise BundleRefused(found.name, "it is not kept as bundles keep it")
