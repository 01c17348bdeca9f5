"""
Numbers as text: every digit the source holds, none it does not, and never an exponent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

from ..errors import UnwritableValue

Refuse = Callable[[str], UnwritableValue]
"""Makes the error for one field of one dataset from what is wrong with a value, without the value."""

# Python itself turns no longer text to an integer; and 1e999999999 must not become a gigabyte of zeros.
MOST_DIGITS = 4300
# Beyond it a float no longer tells an integer from its neighbour.
LARGEST_EXACT_FLOAT = 2**53

_TOO_LONG = f"a number of more than {MOST_DIGITS} digits; no amount needs as many: correct the row"
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_PLAIN_DECIMALS = re.compile(rf"(?:{_PLAIN_DECIMAL.pattern}\n)*")
_PLAIN_INTEGERS = re.compile(r"(?:(?:0|-?[1-9][0-9]*)\n)*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER_TYPES = {int, float, Decimal, str}


def decimal_texts(scale: int | None, refuse: Refuse) -> Callable[[Sequence[Any], set[type]], Sequence[str]]:
    """
    Return the function from a column of numbers to plain decimals, of exactly *scale* digits if given.

    A float is written as the shortest decimal that reads back as the same float. Zero has no sign.
    """

    def texts(values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
        _check_kinds(kinds, "a decimal", refuse)
        found = _plain_column(values, kinds, refuse)
        return found if scale is None else _scaled(found, scale, refuse)

    return texts


def integer_texts(refuse: Refuse) -> Callable[[Sequence[Any], set[type]], Sequence[str]]:
    """
    Return the function from a column of whole numbers of any size to their digits.
    """

    def texts(values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
        _check_kinds(kinds, "an integer", refuse)
        if float not in kinds:
            try:
                found = list(map(str, values))
            except ValueError:
                raise refuse(_TOO_LONG) from None
            if kinds == {int} or _all_match(_PLAIN_INTEGERS, found):
                return found
        return [_whole(value, refuse) for value in values]

    return texts


def is_plain_decimal(text: str) -> bool:
    """
    Return whether this is a decimal as it is written in files: digits without exponent, for instance.
    """
    return _PLAIN_DECIMAL.fullmatch(text) is not None


def has_scale(texts: Sequence[str], scale: int) -> bool:
    """
    Return whether each of these plain decimals has exactly *scale* digits after its point.
    """
    if scale == 0:
        return "." not in "\n".join(texts)
    try:
        return set(map(itemgetter(-scale - 1), texts)) <= {"."}
    except IndexError:
        return False


def _all_match(lines: re.Pattern[str], texts: Sequence[str]) -> bool:
    joined = "\n".join(texts) + "\n"
    # The count, as a text may hold a line break itself.
    return joined.count("\n") == len(texts) and lines.fullmatch(joined) is not None


def _check_kinds(kinds: set[type], wanted: str, refuse: Refuse) -> None:
    if not kinds <= _NUMBER_TYPES:
        names = ", ".join(sorted(kind.__name__ for kind in kinds - _NUMBER_TYPES))
        raise refuse(f"a value of type {names}, not {wanted}; declare the field's type as what it holds")


def _plain_column(values: Sequence[Any], kinds: set[type], refuse: Refuse) -> Sequence[str]:
    try:
        found = list(map(str, values))
    except ValueError:
        raise refuse(_TOO_LONG) from None
    if max(map(len, found)) > MOST_DIGITS:
        raise refuse(_TOO_LONG)
    joined = "\n".join(found) + "\n"
    if float in kinds and ".0\n" in joined and kinds <= {int, float}:
        joined = joined.replace(".0\n", "\n")
        found = joined.split("\n")[:-1]
    if kinds <= {int, float, Decimal}:
        # Exponents, NaN and Infinity are all the letters that numbers are written with.
        plain = not any(letter in joined for letter in "EeNnIi")
    else:
        plain = _all_match(_PLAIN_DECIMALS, found)
    if plain and "-0" not in joined and (float not in kinds or kinds <= {int, float}):
        return found
    if kinds <= {int, float}:
        # Of these, only exponents, NaN, infinity and a zero's sign need a second look.
        odd = ["e" in text or "n" in text or text.startswith("-0") for text in found]
    else:
        odd = [True] * len(found)
    return [_plain(v, text, refuse) if look else text for v, text, look in zip(values, found, odd, strict=True)]


def _plain(value: object, text: str, refuse: Refuse) -> str:
    if type(value) is float:
        text = text.removesuffix(".0")
    if not _PLAIN_DECIMAL.fullmatch(text):
        text = _without_exponent(text, refuse)
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _without_exponent(text: str, refuse: Refuse) -> str:
    if not _NUMBER.fullmatch(text):
        raise refuse("a value that is no finite number; correct the row or declare the field text")
    number = Decimal(text)
    if abs(number.adjusted()) > MOST_DIGITS:
        raise refuse(_TOO_LONG)
    # Digits before the point of a zero, as in 0E+2, say nothing.
    plain = f"{number:f}"
    return plain if number or "." in plain else "0"


def _scaled(texts: Sequence[str], scale: int, refuse: Refuse) -> Sequence[str]:
    if has_scale(texts, scale):
        return texts
    zeros = {1 + digits: "0" * (scale - digits) for digits in range(scale + 1)} if scale else {}
    pointed = [text if "." in text else text + "." for text in texts]
    try:
        return [text + zeros[len(text) - text.find(".")] for text in pointed]
    except KeyError:
        return [_padded(text, scale, refuse) for text in texts]


def _padded(text: str, scale: int, refuse: Refuse) -> str:
    whole, _, fraction = text.partition(".")
    if fraction[scale:].strip("0"):
        raise refuse(
            f"an amount with more than the declared {scale} decimal digits; "
            "amounts are never rounded: declare a larger scale or none"
        )
    return f"{whole}.{fraction[:scale]:0<{scale}}" if scale else whole


def _whole(value: float | Decimal | str, refuse: Refuse) -> str:
    if type(value) is float and abs(value) > LARGEST_EXACT_FLOAT:
        raise refuse("a floating-point number too large to be an exact integer; store it as integer or text")
    whole, _, fraction = _plain(value, str(value), refuse).partition(".")
    if fraction.strip("0") or (type(value) is str and not _INTEGER.fullmatch(value)):
        raise refuse("a value that is no whole number; declare the field decimal or text")
    return whole if whole.strip("-0") else "0"
