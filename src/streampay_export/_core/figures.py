"""
What is known of rows beyond their number: exact totals, months, states, invariants, where they begin and end.

Figures add up: those of two stretches of rows, one after the other, are the sum of both. So a part's are the
sum over its pages, a dataset's the sum over its parts, and who reads which part makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact
from typing import Protocol, Self, TypeAlias, TypeVar

from attrs import field, frozen

# Sums of money are exact or they are an error: the default context would round at 28 digits,
# where one i128 amount already has 39.
_EXACT = Context(prec=10_000, traps=[Inexact])

# Of sums by asset and month: far more than a person has, few enough to keep beside each part. Whoever is sent
# thousands of worthless assets loses these sums, and no row.
MOST_GROUPS = 4096
# A field with more values than this does not say which state a row is in.
MOST_STATES = 32
LATEST_ROWS = 10

Texts: TypeAlias = tuple[str | None, ...]
"""Cells of one row as they are written; `None` is NULL."""


class _Adding(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


_Key = TypeVar("_Key")
_Value = TypeVar("_Value", bound=_Adding)


@frozen(kw_only=True, order=True)
class TotalKey:
    """
    What a control total is over: an amount field, its asset, and the direction seen from the subject.

    *direction* is `in`, `out`, `self` (both sides are the subject's) or empty where the dataset has none.
    """

    amount: str
    asset: str
    direction: str = ""


@frozen(kw_only=True, order=True)
class MonthKey:
    """
    One calendar month (UTC, `2026-01`) of one control total.
    """

    total: TotalKey
    month: str


@frozen(kw_only=True)
class Total:
    """
    How many non-NULL amounts, and their exact sum.
    """

    rows: int
    sum: Decimal

    def __add__(self, other: Total) -> Total:
        return Total(rows=self.rows + other.rows, sum=_EXACT.add(self.sum, other.sum))


@frozen(kw_only=True)
class Held:
    """
    How many rows an invariant was checked in, and in how many of them it does not hold.
    """

    rows: int
    broken: int

    def __add__(self, other: Held) -> Held:
        return Held(rows=self.rows + other.rows, broken=self.broken + other.broken)


Totals: TypeAlias = Mapping[TotalKey, Total]


@frozen(kw_only=True)
class Figures:
    """
    Of some rows: *totals* and *months* by asset and direction, how many are in each of the *states*, how the
    *invariants* held, the *first* and *last* key as written (`None` for a column the files do not have), and
    the *latest* rows, oldest first.

    Totals and months are `None` beyond `MOST_GROUPS`, states beyond `MOST_STATES`. `Figures()` are those of no row.
    """

    totals: Totals | None = field(factory=dict)
    months: Mapping[MonthKey, Total] | None = field(factory=dict)
    states: Mapping[str, int] | None = field(factory=dict)
    invariants: Mapping[str, Held] = field(factory=dict)
    first: Texts | None = field(default=None, repr=False)
    last: Texts | None = field(default=None, repr=False)
    latest: tuple[Texts, ...] = field(default=(), repr=False)

    def __add__(self, later: Figures) -> Figures:
        return Figures(
            totals=_bounded(self.totals, later.totals, MOST_GROUPS),
            months=_bounded(self.months, later.months, MOST_GROUPS),
            states=_bounded(self.states, later.states, MOST_STATES),
            invariants=_sum(self.invariants, later.invariants),
            first=later.first if self.first is None else self.first,
            last=self.last if later.last is None else later.last,
            latest=(self.latest + later.latest)[-LATEST_ROWS:],
        )


def fold_figures(many: Iterable[Figures]) -> Figures:
    """
    Return the sum of figures, in the order of their rows.
    """
    return sum(many, start=Figures())


def _bounded(
    ours: Mapping[_Key, _Value] | None, theirs: Mapping[_Key, _Value] | None, most: int
) -> Mapping[_Key, _Value] | None:
    if ours is None or theirs is None:
        return None
    both = _sum(ours, theirs)
    return both if len(both) <= most else None


def _sum(ours: Mapping[_Key, _Value], theirs: Mapping[_Key, _Value]) -> Mapping[_Key, _Value]:
    both = dict(ours)
    for key, value in theirs.items():
        both[key] = both[key] + value if key in both else value
    return both
