"""
What the drift check says: findings to mend or to excuse, notes, and what is excused.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class FindingKind(StrEnum):
    """
    What can be wrong, in the order in which it is told of one column. `CANNOT_TELL` is a note, not a fault.
    """

    MISSING = "missing"
    UNCLASSIFIED = "unclassified"
    MISFIT = "misfit"
    INEXACT = "inexact"
    NAIVE = "naive"
    NULLABLE_KEY = "nullable-key"
    NOT_UNIQUE = "not-unique"
    UNINDEXED = "unindexed"
    STALE_EXCUSE = "stale-excuse"
    CANNOT_TELL = "cannot-tell"


@frozen(kw_only=True)
class Finding:
    """
    One thing found. *dataset* is the first in the catalog that it concerns, *column* is `None` where it
    is about the table as a whole, and *problem* says what is wrong and what to do.
    """

    kind: FindingKind
    dataset: str
    table: str
    column: str | None
    problem: str


@frozen(kw_only=True)
class Excused:
    """
    A finding that the catalog excuses, and the *reason* it gives.
    """

    finding: Finding
    reason: str


@frozen(kw_only=True)
class Drift:
    """
    All that was found; each list by table in catalog order, then by column in the table's order.

    *findings* are to be mended or excused; *notes* say what the database cannot tell, and fail nothing.
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    excused: tuple[Excused, ...] = ()
