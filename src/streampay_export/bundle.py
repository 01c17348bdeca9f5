"""
Parts become a bundle: the zip a person receives, with its manifest signed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from ._core.contents import BundleContents, DatasetContents, Staged
from ._core.datapackage import DataFile, data_package
from ._core.documents import notice_document, readme, spell_document, sums, withheld_document
from ._core.dsse import IN_TOTO, Envelope, pre_authentication_encoding, spell_envelope
from ._core.layout import (
    DATAPACKAGE,
    DEFLATED,
    INDEX,
    MANIFEST,
    NOTICE,
    README,
    SUMS,
    WITHHELD,
    DosTime,
    Entry,
    data_path,
    directory,
    entry_time,
    local_header,
    method_of,
)
from ._core.manifest import BundleFile, Digest, Manifest
from ._core.manifest_wire import spell_manifest
from .deflating import deflated
from .packing import Plaintext
from .ports.report import Report
from .ports.signing import ManifestSigner
from .ports.writer import Writer

__all__ = ["Bundle", "BundleContents", "DatasetContents", "assemble"]


@frozen(kw_only=True)
class Bundle:
    """
    A whole zip: its size and SHA-256, and its bytes, from the stages that were assembled.
    """

    digest: Digest
    pieces: tuple[bytes | Staged, ...] = field(repr=False)

    def blocks(self) -> Iterator[bytes]:
        """
        Yield all of it, as often as asked, as long as those stages are open. Raises `StorageUnavailable`.
        """
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece.blocks()


def assemble(
    contents: BundleContents,
    *,
    writers: Mapping[str, Writer],
    signer: ManifestSigner,
    report: Report,
) -> Bundle:
    """
    Put the bundle together; nothing of the stages in *contents*, which have been ended before, is copied.

    The same arguments give the same bytes, whatever the pages were. Raises `StorageUnavailable` when a stage cannot
    be read, `KeysMissing` when there is no key to sign with.
    """
    zip_ = _Zip(entry_time(contents.as_of))
    data = [
        DataFile(
            dataset=each.name,
            format=format_,
            media_type=writers[format_].media_type,
            file=zip_.add(data_path(each.name, format_), each.stages[format_], rows=each.summary.written),
        )
        for each in contents.datasets
        for format_ in contents.request.formats
    ]
    zip_.add_text(DATAPACKAGE, spell_document(data_package(contents, data)))
    zip_.add_text(NOTICE, spell_document(notice_document(contents)))
    zip_.add_text(WITHHELD, spell_document(withheld_document(contents)))
    zip_.add_text(README, readme(contents, zip_.files))
    zip_.add_text(INDEX, report(contents, zip_.files))
    zip_.add_text(MANIFEST, _signed_manifest(contents, zip_, signer))
    zip_.add_text(SUMS, sums(zip_.files))
    return zip_.finished()


def _signed_manifest(contents: BundleContents, zip_: _Zip, signer: ManifestSigner) -> bytes:
    payload = spell_manifest(
        Manifest(
            job=contents.job_id,
            profile=contents.profile,
            as_of=contents.as_of,
            completed_at=contents.completed_at,
            completeness=str(contents.completeness),
            formats=contents.request.formats,
            window=contents.request.window,
            datasets=tuple(each.summary for each in contents.datasets),
            missing=contents.missing,
            files=zip_.files,
            archive=zip_.so_far(),
        )
    )
    signature = signer.sign(pre_authentication_encoding(IN_TOTO, payload))
    return spell_envelope(Envelope(payload=payload, signatures=(signature,)))


class _Zip:
    """
    A zip under way, hashed as it grows.
    """

    def __init__(self, time: DosTime) -> None:
        self._time = time
        self._entries: list[Entry] = []
        self._files: list[BundleFile] = []
        self._pieces: list[bytes | Staged] = []
        self._hashed = Plaintext()

    @property
    def files(self) -> tuple[BundleFile, ...]:
        return tuple(self._files)

    def add(self, path: str, stage: Staged, *, rows: int) -> BundleFile:
        return self._add(path, stage, stage.digest, crc=stage.crc, packed=stage.packed, rows=rows)

    def add_text(self, path: str, text: bytes) -> None:
        digest = Digest(size=len(text), sha256=hashlib.sha256(text).hexdigest())
        packed = deflated(text) if method_of(path) == DEFLATED else text
        self._add(path, packed, digest, crc=zlib.crc32(text), packed=len(packed))

    def _add(
        self, path: str, content: bytes | Staged, digest: Digest, *, crc: int, packed: int, rows: int | None = None
    ) -> BundleFile:
        entry = Entry(
            name=path,
            method=method_of(path),
            crc=crc,
            packed=packed,
            size=digest.size,
            offset=self._entries[-1].end if self._entries else 0,
        )
        self._write(local_header(entry, self._time))
        self._write(content)
        self._entries.append(entry)
        self._files.append(BundleFile(path=path, digest=digest, rows=rows))
        return self._files[-1]

    def so_far(self) -> Digest:
        return self._hashed.digest

    def finished(self) -> Bundle:
        self._write(directory(self._entries, self._time))
        return Bundle(digest=self._hashed.digest, pieces=tuple(self._pieces))

    def _write(self, piece: bytes | Staged) -> None:
        self._pieces.append(piece)
        for block in (piece,) if isinstance(piece, bytes) else piece.blocks():
            self._hashed.add(block)
