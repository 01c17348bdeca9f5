"""
The figures of a page: what is added up while its rows go by, compiled once per dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import TypeAlias

from .catalog import Invariant
from .decimals import MOST_DIGITS
from .figures import LATEST_ROWS, Figures, Held, Texts, Total, TotalKey
from .selection import Row, Selection
from .totals import monthly_totals_of

_Columns: TypeAlias = Sequence[Sequence[str | None]]
_EXACT = Context(prec=4 * MOST_DIGITS, traps=[Inexact])


def figures_of(
    selection: Selection, kept: Sequence[str | None], owners: Collection[object]
) -> Callable[[Sequence[Row], _Columns], Figures]:
    """
    Return the function from a page's rows and their canonical columns to its figures.

    *kept* names the fields kept as they are, by place in the cut, `None` for altered ones: nothing is
    added up of a field that its rule alters. *owners* tell the direction of amounts.
    """
    places = {name: place for place, name in enumerate(kept) if name is not None}
    dataset = selection.dataset
    monthly = monthly_totals_of(selection, places, owners)
    state = places.get(dataset.state or "")
    key = _key_places(selection)
    checked = [
        (each.name, _check(each, places)) for each in dataset.invariants if places.keys() >= set(each.fields)
    ]

    def figures(rows: Sequence[Row], columns: _Columns) -> Figures:
        by_month = monthly(rows, columns)
        totals: dict[TotalKey, Total] = {}
        for group, total in by_month.items():
            totals[group.total] = totals[group.total] + total if group.total in totals else total
        return Figures(
            totals=totals,
            months={group: total for group, total in by_month.items() if group.month},
            states={} if state is None else Counter(text or "" for text in columns[state]),
            invariants={name: check(columns) for name, check in checked},
            first=_cells(columns, key, 0),
            last=_cells(columns, key, -1),
            latest=tuple(zip(*(column[-LATEST_ROWS:] for column in columns), strict=True)),
        )

    return figures


def _key_places(selection: Selection) -> tuple[int | None, ...]:
    """
    Return where the key's columns stand in the files; `None` for one that the files do not have.
    """
    written = selection.key
    return tuple(place if place < len(selection.fields) else None for place in written)


def _cells(columns: _Columns, places: Sequence[int | None], row: int) -> Texts:
    return tuple(None if place is None else columns[place][row] for place in places)


def _check(invariant: Invariant, places: Mapping[str, int]) -> Callable[[_Columns], Held]:
    left = [places[name] for name in invariant.left]
    right = [places[name] for name in invariant.right]

    def check(columns: _Columns) -> Held:
        both = zip(*(columns[place] for place in (*left, *right)), strict=True)
        rows = [[Decimal(text) for text in texts if text is not None] for texts in both if None not in texts]
        broken = sum(_sum(row[: len(left)]) != _sum(row[len(left) :]) for row in rows)
        return Held(rows=len(rows), broken=broken)

    return check


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total
