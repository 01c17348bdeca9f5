"""
Control totals of a page: exact sums of what was written, by amount, asset and direction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Context, Decimal, Inexact, localcontext
from operator import itemgetter
from typing import TypeAlias

from .catalog import Constant, Direction
from .decimals import MOST_DIGITS, has_scale
from .manifest import Total, TotalKey, Totals
from .selection import Row, Selection

_Columns: TypeAlias = Sequence[Sequence[str | None]]
_Group: TypeAlias = tuple[str | None, str]

# Any number this package writes fits, before and after the point; to round would be an error.
_EXACT = Context(prec=4 * MOST_DIGITS, traps=[Inexact])
_WAYS = {(False, False): "", (True, False): "out", (False, True): "in", (True, True): "self"}
_NAMED_WAYS = {"in", "out", "self"}


def totals_of(
    selection: Selection, kept: Sequence[str | None], owners: Collection[object]
) -> Callable[[Sequence[Row], _Columns], Totals]:
    """
    Return the function from a page's rows and canonical columns to its control totals.

    *kept* names the fields kept as they are, by place in the cut, `None` for altered ones. There are
    totals for each kept decimal field whose asset is a `Constant` or itself kept. Rows whose amount
    is NULL are not counted; an asset that is NULL counts as an empty one.
    """
    places = {name: place for place, name in enumerate(kept) if name is not None}
    amounts = [
        (field, places[field.name], _asset(field.asset, places))
        for field in selection.dataset.fields
        if field.name in places and (isinstance(field.asset, Constant) or field.asset in places)
    ]
    ways = _ways(selection, places, frozenset(owners))

    def totals(rows: Sequence[Row], columns: _Columns) -> Totals:
        found: dict[TotalKey, Total] = {}
        directions = ways(rows, columns) if amounts else ()
        for field, place, asset in amounts:
            groups = list(zip(asset(columns, len(rows)), directions, strict=True))
            for (name, way), total in _sums(columns[place], groups).items():
                key = TotalKey(amount=field.name, asset=name or "", direction=way)
                found[key] = found[key] + total if key in found else total
        return found

    return totals


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


def _sums(amounts: Sequence[str | None], groups: Sequence[_Group]) -> dict[_Group, Total]:
    """
    Add up the amounts of each group; exact, whatever the number of digits.
    """
    if None in amounts:
        groups = [group for amount, group in zip(amounts, groups, strict=True) if amount is not None]
    texts = [amount for amount in amounts if amount is not None]
    if not texts:
        return {}
    _, _, fraction = texts[0].partition(".")
    # Where all have as many digits, the digits alone are integers: twice as fast as decimals.
    whole = has_scale(texts, len(fraction))
    digits = "\n".join(texts).replace(".", "")
    numbers: Iterator[int | Decimal] = map(int, digits.split("\n")) if whole else map(Decimal, texts)
    gathered: defaultdict[_Group, list[int | Decimal]] = defaultdict(list)
    for group, number in zip(groups, numbers, strict=True):
        gathered[group].append(number)
    with localcontext(_EXACT):
        sums = {group: Decimal(sum(each)) for group, each in gathered.items()}
        if whole:
            sums = {group: units.scaleb(-len(fraction)) for group, units in sums.items()}
    return {group: Total(rows=len(gathered[group]), sum=each) for group, each in sums.items()}
