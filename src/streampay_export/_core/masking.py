"""
What stands in a value's place: masks that show next to nothing of it, and pseudonyms that show it is the same.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from typing import assert_never

from .rules import MaskKind

HIDDEN = "***"

# Pages repeat their addresses; remembering this many spares the hashing without growing with the history.
MOST_REMEMBERED = 16_384
LONGEST_REMEMBERED = 256
PSEUDONYM_LENGTH = 26

_LAST_LABEL = re.compile(r"[A-Za-z]{2,24}")


class Remembered(dict[str | None, str | None]):
    """
    A replacement function that works each short text out once, within bounds; NULL stays NULL.

    Used as `remembered[text]`. Thread-safe: at worst a text is worked out twice.
    """

    def __init__(self, replace: Callable[[str], str | None]) -> None:
        super().__init__()
        self._replace = replace

    def __missing__(self, text: str | None) -> str | None:
        if text is None:
            return None
        replacement = self._replace(text)
        if len(text) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[text] = replacement
        return replacement


def mask(kind: MaskKind) -> Callable[[str], str]:
    """
    Return the mask of this kind: defined for every text, and masking a mask changes nothing.
    """
    match kind:
        case MaskKind.EMAIL:
            return _masked_email
        case MaskKind.NAME:
            return _masked_name
        case MaskKind.ADDRESS | MaskKind.TEXT:
            return _hidden
        case _:
            assert_never(kind)


def pseudonyms(key: bytes) -> Callable[[str], str]:
    """
    Return the function from a text to its pseudonym: `p-` and 130 bits of HMAC-SHA256 (RFC 2104) in base32.
    """

    def pseudonym(text: str) -> str:
        digest = hmac.digest(key, text.encode(), "sha256")
        return "p-" + b32encode(digest).decode()[:PSEUDONYM_LENGTH].lower()

    return pseudonym


def _hidden(_: str) -> str:
    return HIDDEN


def _initial(text: str) -> str:
    # Only of scripts with capitals: in the others one character may be a whole name.
    first = text[:1]
    return first if first.isalpha() and first.lower() != first.upper() else ""


def _masked_name(text: str) -> str:
    return _initial(text) + HIDDEN


def _masked_email(text: str) -> str:
    person, at, domain = text.rpartition("@")
    if not at:
        return HIDDEN
    _, point, last = domain.rpartition(".")
    shown = f".{last}" if point and _LAST_LABEL.fullmatch(last) else ""
    return f"{_initial(person)}{HIDDEN}@{HIDDEN}{shown}"
