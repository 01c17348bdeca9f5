"""
What is in a bundle: part summaries, and the manifest as a fold over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen


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
        return Total(rows=self.rows + other.rows, sum=self.sum + other.sum)


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
    parts: tuple[PartSummary, ...] = field(converter=tuple)
    totals: Totals = field(factory=dict)


def fold_totals(many: Iterable[Totals]) -> Totals:
    """
    Add up control totals, keys sorted.
    """
    folded: dict[TotalKey, Total] = {}
    for totals in many:
        for key, total in totals.items():
            folded[key] = folded[key] + total if key in folded else total
    return dict(sorted(folded.items()))
