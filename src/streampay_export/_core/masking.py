"""
What stands in a value's place: masks that show next to nothing of it, and pseudonyms that show it is the same.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import assert_never

from .rules import MaskKind

HIDDEN = "***"

# Pages repeat their addresses; remembering this many spares the hashing without growing with the history.
MOST_REMEMBERED = 16_384
LONGEST_REMEMBERED = 256

_TOLD_APART, _KNOWN_AGAIN = 16, 4  # bytes
_PSEUDONYM = re.compile(r"p-[0-9a-f]{40}")
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
    Return the function from a text to its pseudonym: `p-` and 160 bits as 40 hexadecimal digits.

    The first 128 are HMAC-SHA256 of the text (RFC 2104, truncated to half as its section 5 allows), the others
    that of the first 128: by them a pseudonym made with this key is known, and is its own pseudonym. A text that
    only looks like one has another.
    """

    def keyed(purpose: bytes, message: bytes, size: int) -> bytes:
        return hmac.digest(key, purpose + message, "sha256")[:size]

    def pseudonym(text: str) -> str:
        if _PSEUDONYM.fullmatch(text):
            made = bytes.fromhex(text[2:])
            if hmac.compare_digest(made[_TOLD_APART:], keyed(b"check", made[:_TOLD_APART], _KNOWN_AGAIN)):
                return text
        told_apart = keyed(b"value", text.encode(), _TOLD_APART)
        return f"p-{told_apart.hex()}{keyed(b'check', told_apart, _KNOWN_AGAIN).hex()}"

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
