"""
Less exact values: the day or month of an instant, the band of an amount.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import pairwise

from .decimals import is_plain_decimal
from .masking import HIDDEN
from .rules import Band, Period

# Of `2026-01-31T23:59:59.000000Z`, and of the date or month it was already reduced to.
_SHOWN: Mapping[Period, int] = {Period.DAY: len("2026-01-31"), Period.MONTH: len("2026-01")}


def period(to: Period) -> Callable[[str], str]:
    """
    Return the function from a canonical instant or date (UTC) to its day or month.
    """
    shown = slice(_SHOWN[to])
    return lambda text: text[shown]


def band_names(band: Band) -> tuple[str, ...]:
    """
    Return the bands in words, lowest first: `under 10`, `10 to under 100`, `100 or more`.
    """
    bounds = [format(bound, "f") for bound in band.bounds]
    between = [f"{low} to under {high}" for low, high in pairwise(bounds)]
    return (f"under {bounds[0]}", *between, f"{bounds[-1]} or more")


def banded(band: Band) -> Callable[[str], str]:
    """
    Return the function from a canonical amount to its band; a band stays what it is, other texts are hidden.
    """
    names = band_names(band)

    def name(text: str) -> str:
        if is_plain_decimal(text):
            return names[bisect_right(band.bounds, Decimal(text))]
        return text if text in names else HIDDEN

    return name
