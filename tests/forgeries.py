"""
Bundles made by hand: as we would make them, or as far from it as a test asks.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve

from streampay_export._core.documents import sums
from streampay_export._core.dsse import (
    IN_TOTO,
    Envelope,
    pre_authentication_encoding,
    read_envelope,
    spell_envelope,
)
from streampay_export._core.layout import (
    DEFLATED,
    MANIFEST,
    SUMS,
    Entry,
    directory,
    entry_time,
    local_header,
    method_of,
)
from streampay_export._core.manifest import BundleFile, Digest, Manifest
from streampay_export._core.manifest_wire import read_manifest, spell_manifest
from streampay_export.deflating import library
from streampay_export.ports.signing import ManifestSigner
from tests.bundles import AS_OF, SIGNER

TIME = entry_time(AS_OF)


def digest_of(data: bytes) -> Digest:
    """
    The digest of bytes at hand.
    """
    return Digest(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def files_of(data: bytes) -> dict[str, bytes]:
    """
    What the zip holds, by name, in its order.
    """
    opened = zipfile.ZipFile(io.BytesIO(data))
    return {name: opened.read(name) for name in opened.namelist()}


def packed_as_ours(name: str, data: bytes) -> bytes:
    """
    A file's bytes as they stand in the zip.
    """
    if method_of(name) != DEFLATED:
        return data
    deflate = library().compressobj(1, zlib.DEFLATED, -15)
    if not name.startswith("data/"):
        return deflate.compress(data) + deflate.flush()
    head, rows, tail = _one_part(name, data)
    part = deflate.compress(rows) + deflate.flush(zlib.Z_SYNC_FLUSH) if rows else b""
    return (_stored(0, head) if head else b"") + part + _stored(1, tail)


def _one_part(name: str, data: bytes) -> tuple[bytes, bytes, bytes]:
    lines = data.splitlines(keepends=True)
    if name.endswith(".csv"):
        return b"".join(lines[:1]), b"".join(lines[1:]), b""
    if name.endswith(".json"):
        return data[:2], data[2:-3], data[-3:]
    return b"", data, b""


def _stored(last: int, data: bytes) -> bytes:
    return struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data


def zipped(
    files: Iterable[tuple[str, bytes]],
    *,
    size_of: Callable[[str, bytes], int] = lambda _, data: len(data),
    crc_of: Callable[[str, bytes], int] = lambda _, data: zlib.crc32(data),
    packed_of: Callable[[str, bytes], bytes] = packed_as_ours,
    gap: bytes = b"",
    tail: bool = True,
) -> bytes:
    """
    A zip of (name, bytes) pairs in our own layout, or as far from it as a test asks.
    """
    out, entries = b"", []
    for name, data in files:
        out += gap if entries else b""
        packed = packed_of(name, data)
        entry = Entry(
            name=name,
            method=method_of(name),
            crc=crc_of(name, data),
            packed=len(packed),
            size=size_of(name, data),
            offset=len(out),
        )
        out += local_header(entry, TIME) + packed
        entries.append(entry)
    return out + directory(entries, TIME) if tail else out


def listed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """
    The same files, with digests in SHA256SUMS that fit them.
    """
    told = [BundleFile(path=name, digest=digest_of(data)) for name, data in files.items() if name != SUMS]
    return {**files, SUMS: sums(told)}


def enveloped(payload: bytes, signer: ManifestSigner = SIGNER) -> bytes:
    """
    A statement in its signed envelope.
    """
    signature = signer.sign(pre_authentication_encoding(IN_TOTO, payload))
    return spell_envelope(Envelope(payload=payload, signatures=(signature,)))


def sealed(
    files: Mapping[str, bytes],
    change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    signer: ManifestSigner = SIGNER,
    *,
    spelled: Callable[[bytes], bytes] = lambda payload: payload,
    **packing: Any,
) -> bytes:
    """
    The bundle of these files, its manifest made to fit them, then changed, then *spelled*, then signed.
    """
    data = {name: content for name, content in files.items() if name not in {MANIFEST, SUMS}}
    old = read_manifest(read_envelope(files[MANIFEST]).payload)
    rows = {each.path: each.rows for each in old.files}
    told = tuple(BundleFile(path=n, digest=digest_of(c), rows=rows.get(n)) for n, c in data.items())
    archive = digest_of(zipped(data.items(), tail=False, **packing))
    payload = spelled(spell_manifest(change(evolve(old, files=told, archive=archive))))
    return zipped(listed({**data, MANIFEST: enveloped(payload, signer)}).items(), **packing)


def restated(files: Mapping[str, bytes], change: Callable[[Any], Any], signer: ManifestSigner = SIGNER) -> bytes:
    """
    The bundle of these files, whose statement is changed as JSON; what it says of files stays right.
    """
    return sealed(files, signer=signer, spelled=lambda payload: json.dumps(change(json.loads(payload))).encode())
