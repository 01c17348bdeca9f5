"""
The guard that keeps a spreadsheet from running a text cell as a formula, and its undo.

`unguard(guard(text)) == text` for every text. Why the pair is lossless: the guard looks only forward from
a place and never adds or removes a separator, so guarding moves places but makes and loses none; and a text
that had a `'` at a place always gets a second one there. So a `'` stands at a place of guarded text exactly
if the guard put it there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SKIPPED = ' "\ufeff\u200b\u200c\u200d\u2060'
"""What spreadsheets drop, or a reader does not see, before a formula."""

FORMULA_LEADS = "=+-@\0＝＋－＠"
SEPARATORS = ";\t\r\n"
START_LEADS = "\t\r\n"

GUARD_RULE = (
    "Cells in quotes are guarded; cells without quotes are as they are. A place is the start of a cell, and "
    "just after every semicolon, TAB, CR and LF inside it. From each place, look past spaces, double quotes, "
    "U+FEFF, U+200B to U+200D and U+2060: where = + - @ NUL U+FF1D U+FF0B U+FF0D U+FF20 or an apostrophe "
    "follows, or at the start a TAB, CR or LF, one apostrophe was put in at that place. "
    "To undo it, remove one apostrophe at each place that has one."
)
"""The guard and its undo in words, for the description of a CSV file."""

_ACTIVE = FORMULA_LEADS + "'" + START_LEADS
_FIRST = frozenset(_ACTIVE + SKIPPED)
_LEADS = re.escape(FORMULA_LEADS + "'")
_starts_badly = re.compile(f"[{SKIPPED}]*[{_LEADS}{START_LEADS}]").match
_bad_places = re.compile(f"[{SEPARATORS}](?=[{SKIPPED}]*[{_LEADS}])").sub
_guarded_places = re.compile(f"[{SEPARATORS}]'").sub


def guard(text: str) -> str:
    """
    Return *text* with an apostrophe before whatever a spreadsheet could take for a formula.
    """
    return _guard_start(_bad_places(_apostrophe_after, text))


def unguard(text: str) -> str:
    """
    Return the text that `guard` was given, from what it returned.
    """
    return _guarded_places(_separator_alone, text.removeprefix("'"))


def guard_all(texts: Sequence[str]) -> Sequence[str]:
    """
    Return the texts guarded: the same sequence where none needs it.

    A column is asked as a whole first, as a search for one character is many times faster than a pattern.
    """
    whole = "".join(texts)
    if not any(map(whole.__contains__, _ACTIVE)):
        return texts
    if any(map(whole.__contains__, SEPARATORS)):
        return list(map(guard, texts))
    if _FIRST.isdisjoint({text[:1] for text in texts}):
        return texts
    return list(map(_guard_start, texts))


def _guard_start(text: str) -> str:
    return "'" + text if _starts_badly(text) else text


# Functions, as a replacement that refers to its match is parsed anew for every text.
def _apostrophe_after(separator: re.Match[str]) -> str:
    return separator[0] + "'"


def _separator_alone(place: re.Match[str]) -> str:
    return place[0][0]
