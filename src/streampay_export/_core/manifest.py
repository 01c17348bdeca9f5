"""
What is in a bundle: part summaries, and the manifest as a fold over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import field, frozen

from .figures import Figures, fold_figures
from .selection import Census, Window


@frozen(kw_only=True)
class Digest:
    """
    Size in bytes and SHA-256 (hex) of some bytes.
    """

    size: int
    sha256: str


@frozen(kw_only=True)
class PartSummary:
    """
    One closed part: *number* from 0 within its dataset, rows *expected* (counted) and *rows* (written)
    inside the snapshot taken at *read_at* (UTC), and the digest of its bytes per format.
    """

    dataset: str
    number: int
    expected: int
    rows: int
    read_at: datetime
    files: Mapping[str, Digest]
    figures: Figures = field(factory=Figures)


def _in_order(parts: Iterable[PartSummary]) -> tuple[PartSummary, ...]:
    return tuple(parts)


@frozen(kw_only=True)
class DatasetSummary:
    """
    A dataset's parts, folded. *expected* is the census before the first page, *drift* the difference
    a recount after the last page found (rows committed late or erased meanwhile; never a failure).
    """

    name: str
    expected: int
    written: int
    later: int
    outside: int
    omitted: int
    drift: int
    parts: tuple[PartSummary, ...] = field(converter=_in_order)
    figures: Figures = field(factory=Figures)

    @classmethod
    def of(cls, name: str, census: Census, parts: Iterable[PartSummary], *, recount: int) -> DatasetSummary:
        """
        Fold a dataset's parts: *census* is from before the first page, *recount* are the rows
        included when counted again after the last one.
        """
        closed = tuple(parts)
        written = sum(part.rows for part in closed)
        return cls(
            name=name,
            expected=census.included,
            written=written,
            later=census.later,
            outside=census.outside,
            omitted=census.omitted,
            drift=recount - written,
            parts=closed,
            figures=fold_figures(part.figures for part in closed),
        )


@frozen(kw_only=True)
class MissingDataset:
    """
    A dataset that was asked for and could not be read: the error's slug, and a sentence for the person.
    """

    name: str
    slug: str
    sentence: str


@frozen(kw_only=True)
class BundleFile:
    """
    One file of a bundle: its path in the zip, and how many *rows* it holds where it holds rows.
    """

    path: str
    digest: Digest
    rows: int | None = None


@frozen(kw_only=True)
class Manifest:
    """
    What a bundle's maker signs: where the data comes from, how much it is, and every file's digest.

    *missing* are the datasets of a partial export that have no files. *archive* is over the zip's own bytes
    up to the manifest, so that nothing hides between files.
    """

    job: str
    profile: str
    as_of: datetime
    completed_at: datetime
    completeness: str
    formats: tuple[str, ...]
    window: Window
    datasets: tuple[DatasetSummary, ...]
    missing: tuple[MissingDataset, ...] = ()
    files: tuple[BundleFile, ...]
    archive: Digest
