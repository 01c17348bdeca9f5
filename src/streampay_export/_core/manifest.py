"""
What is in a bundle: part summaries, and the manifest as a fold over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal, Inexact

from attrs import field, frozen

from .selection import Census, Window

# Sums of money are exact or they are an error: the default context would round at 28 digits,
# where one i128 amount already has 39.
_EXACT = Context(prec=10_000, traps=[Inexact])


@frozen(kw_only=True)
class Digest:
    """
    Size in bytes and SHA-256 (hex) of some bytes.
    """

    size: int
    sha256: str


@frozen(kw_only=True, order=True)
class TotalKey:
    """
    What a control total is over: an amount field, its asset, and the direction seen from the subject.

    *direction* is `in`, `out`, `self` (both sides are the subject's) or empty where the dataset has none.
    """

    amount: str
    asset: str
    direction: str = ""


@frozen(kw_only=True)
class Total:
    """
    How many non-NULL amounts, and their exact sum.
    """

    rows: int
    sum: Decimal

    def __add__(self, other: Total) -> Total:
        return Total(rows=self.rows + other.rows, sum=_EXACT.add(self.sum, other.sum))


Totals = Mapping[TotalKey, Total]


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
    totals: Totals = field(factory=dict)


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
    totals: Totals = field(factory=dict)

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
            totals=fold_totals(part.totals for part in closed),
        )


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

    *archive* is over the zip's own bytes up to the manifest, so that nothing hides between files.
    """

    job: str
    profile: str
    as_of: datetime
    completed_at: datetime
    completeness: str
    formats: tuple[str, ...]
    window: Window
    datasets: tuple[DatasetSummary, ...]
    files: tuple[BundleFile, ...]
    archive: Digest


def fold_totals(many: Iterable[Totals]) -> Totals:
    """
    Add up control totals, keys sorted.
    """
    folded: dict[TotalKey, Total] = {}
    for totals in many:
        for key, total in totals.items():
            folded[key] = folded[key] + total if key in folded else total
    return dict(sorted(folded.items()))
