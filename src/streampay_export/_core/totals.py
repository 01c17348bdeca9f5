"""
Control totals of a page: exact sums of what was written, by amount, asset, direction and month.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact, localcontext
from operator import itemgetter
from typing import TypeAlias

from .catalog import Constant, Direction, FieldType
from .decimals import MOST_DIGITS, has_scale
from .figures import MonthKey, Total, TotalKey
from .selection import Row, Selection

_Columns: TypeAlias = Sequence[Sequence[str | None]]
_Group: TypeAlias = tuple[str | None, tuple[str, str]]
"""Of one row the asset, and its direction and month."""

# Any number this package writes fits, before and after the point; to round would be an error.
_EXACT = Context(prec=4 * MOST_DIGITS, traps=[Inexact])
_WAYS = {(False, False): "", (True, False): "out", (False, True): "in", (True, True): "self"}
_TIMES = {FieldType.TIMESTAMP, FieldType.DATE}
_NAMED_WAYS = {"in", "out", "self"}


def monthly_totals_of(
    selection: Selection, places: Mapping[str, int], owners: Collection[object]
) -> Callable[[Sequence[Row], _Columns], Mapping[MonthKey, Total]]:
    """
    Return the function from a page's rows and canonical columns to its control totals, month by month.

    *places* are the fields kept as they are, and where in the cut they stand. There are totals for each
    kept decimal field whose asset is a `Constant` or itself kept. Rows whose amount is NULL are not
    counted; an asset that is NULL counts as an empty one. A row's month is that of the as-of column, or
    else of the first key column that is a time; empty where no such field is kept.
    """
    amounts = [
        (field, places[field.name], _asset(field.asset, places))
        for field in selection.dataset.fields
        if field.name in places and (isinstance(field.asset, Constant) or field.asset in places)
    ]
    ways = _ways(selection, places, frozenset(owners))

    months = _months(selection, places)

    def totals(rows: Sequence[Row], columns: _Columns) -> Mapping[MonthKey, Total]:
        if not amounts:
            return {}
        when = list(zip(ways(rows, columns), months(rows, columns), strict=True))
        # Amounts mostly share their asset's column: rows are then grouped once for all of them.
        grouped: dict[object, Mapping[_Group, Sequence[int]]] = {}
        found: dict[MonthKey, Total] = {}
        for field, place, asset in amounts:
            if field.asset not in grouped:
                grouped[field.asset] = _grouped(zip(asset(columns, len(rows)), when, strict=True))
            for (name, (way, month)), total in _sums(columns[place], grouped[field.asset]).items():
                key = MonthKey(total=TotalKey(amount=field.name, asset=name or "", direction=way), month=month)
                # A NULL asset and an empty one are one group.
                found[key] = found[key] + total if key in found else total
        return found

    return totals


def _grouped(groups: Iterable[_Group]) -> Mapping[_Group, Sequence[int]]:
    """
    Return, for each group, in which rows it is.
    """
    places: defaultdict[_Group, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[group].append(place)
    return places


def _asset(
    asset: str | Constant | None, places: Mapping[str, int]
) -> Callable[[_Columns, int], Sequence[str | None]]:
    if isinstance(asset, Constant):
        return lambda _, rows: (asset.const,) * rows
    place = places[asset or ""]
    return lambda columns, _: columns[place]


def _ways(
    selection: Selection, places: Mapping[str, int], owners: frozenset[object]
) -> Callable[[Sequence[Row], _Columns], Sequence[str]]:
    """
    Return the function from a page to each row's direction.
    """
    direction = selection.dataset.direction
    if isinstance(direction, Direction):
        payer = itemgetter(selection.position(direction.out))
        payee = itemgetter(selection.position(direction.into))
        owned = owners.__contains__
        return lambda rows, _: [
            _WAYS[way] for way in zip(map(owned, map(payer, rows)), map(owned, map(payee, rows)), strict=True)
        ]
    if direction is not None and direction in places:
        place = places[direction]
        return lambda _, columns: [way if way in _NAMED_WAYS else "" for way in columns[place]]
    return lambda rows, _: ("",) * len(rows)


def _months(selection: Selection, places: Mapping[str, int]) -> Callable[[Sequence[Row], _Columns], Sequence[str]]:
    """
    Return the function from a page to each row's month, UTC.
    """
    dataset = selection.dataset
    kept = {
        field.column: places[field.name]
        for field in dataset.fields
        if field.name in places and field.type in _TIMES
    }
    place = next((kept[column] for column in (dataset.as_of, *dataset.key) if column in kept), None)
    if place is None:
        return lambda rows, _: ("",) * len(rows)
    return lambda _, columns: [(text or "")[:7] for text in columns[place]]


def _sums(amounts: Sequence[str | None], groups: Mapping[_Group, Sequence[int]]) -> dict[_Group, Total]:
    """
    Add up the amounts of each group; exact, whatever the number of digits.
    """
    if None in amounts:
        there = {group: [at for at in places if amounts[at] is not None] for group, places in groups.items()}
        groups = {group: places for group, places in there.items() if places}
    if not groups:
        return {}
    texts = [amount or "0" for amount in amounts]
    _, _, fraction = next((amount for amount in amounts if amount), "0").partition(".")
    # Where all have as many digits, the digits alone are integers: twice as fast as decimals.
    whole = has_scale([amount for amount in amounts if amount], len(fraction))
    digits = "\n".join(texts).replace(".", "")
    numbers: Sequence[int | Decimal] = list(map(int, digits.split("\n")) if whole else map(Decimal, texts))
    with localcontext(_EXACT):
        sums = {group: Decimal(sum(map(numbers.__getitem__, places))) for group, places in groups.items()}
        if whole:
            sums = {group: units.scaleb(-len(fraction)) for group, units in sums.items()}
    return {group: Total(rows=len(groups[group]), sum=each) for group, each in sums.items()}
