"""
The manifest itself: a signed statement of ours that does not contradict itself, and is safe to print.
"""

from __future__ import annotations

import re

from .._core.dsse import IN_TOTO, Envelope, read_envelope
from .._core.figures import fold_figures
from .._core.layout import DATA_PATH, DOCUMENTS, MANIFEST, data_path
from .._core.lifecycle import Completeness
from .._core.manifest import DatasetSummary, Manifest
from .._core.manifest_wire import read_manifest
from .._core.row_count import ROW_COUNTERS
from ..errors import BundleRefused, listed, quoted
from .keys import KEY_ID

# Printed with the verdict, so it is visible ASCII. Ours have 26 characters.
_JOB = re.compile(r"[!-~]{1,64}\Z")


def open_envelope(sealed: bytes) -> Envelope:
    """
    Read the manifest's envelope: a statement with one signature. Raises `BundleRefused` for anything else.
    """
    try:
        envelope = read_envelope(sealed)
    except ValueError as error:
        raise BundleRefused(MANIFEST, str(error)) from None
    if envelope.payload_type != IN_TOTO or not envelope.signatures:
        raise BundleRefused(MANIFEST, "it is no signed statement; a bundle's manifest is one")
    if len(envelope.signatures) > 1:
        raise BundleRefused(MANIFEST, f"it has {len(envelope.signatures)} signatures; a bundle's has one")
    if not KEY_ID.match(envelope.signatures[0].key_id):
        raise BundleRefused(MANIFEST, "its signature does not name a key")
    return envelope


def open_manifest(envelope: Envelope) -> Manifest:
    """
    Read the statement. Raises `BundleRefused` when its files, datasets, parts and totals do not fit together.
    """
    try:
        manifest = read_manifest(envelope.payload)
    except ValueError as error:
        raise BundleRefused(MANIFEST, str(error)) from None
    formats = set(manifest.formats)
    if not formats or not formats <= ROW_COUNTERS.keys() or len(formats) != len(manifest.formats):
        raise BundleRefused(MANIFEST, f"its formats are not some, each once, of: {listed([*ROW_COUNTERS])}")
    if not _JOB.match(manifest.job) or manifest.completeness not in set(Completeness):
        raise BundleRefused(MANIFEST, "it does not say which export it is of, or whether that is full or partial")
    due = {
        data_path(each.name, format_): each.written for each in manifest.datasets for format_ in manifest.formats
    }
    absent = {data_path(each.name, manifest.formats[0]) for each in manifest.missing}
    if not all(DATA_PATH.match(path) for path in (*due, *absent)) or absent & due.keys():
        raise BundleRefused(MANIFEST, "it names a dataset as no bundle does")
    told = {file.path: file.rows for file in manifest.files}
    if [*told.items()] != [*due.items(), *dict.fromkeys(DOCUMENTS).items()] or len(told) != len(manifest.files):
        raise BundleRefused(MANIFEST, "its files are not those of its datasets and formats")
    if bool(manifest.missing) != (manifest.completeness == Completeness.PARTIAL):
        raise BundleRefused(MANIFEST, "whether it is partial and what is missing do not agree")
    for dataset in manifest.datasets:
        if not _adds_up(dataset):
            raise BundleRefused(MANIFEST, f"the parts of {quoted(dataset.name)} do not add up to the whole")
    return manifest


def _adds_up(dataset: DatasetSummary) -> bool:
    return (
        dataset.written == sum(part.rows for part in dataset.parts)
        and [part.number for part in dataset.parts] == list(range(len(dataset.parts)))
        and dataset.figures == fold_figures(part.figures for part in dataset.parts)
    )
