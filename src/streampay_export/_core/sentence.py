"""
What staff write to a person: a reason, and what the person may do about it.
"""

from __future__ import annotations

import unicodedata

from ..errors import InvalidRequest

LONGEST = 1000


def sentence(field: str, text: str) -> str:
    """
    Return *text* on one line, or raise `InvalidRequest` naming *field*: GDPR Art. 12 asks for reasons.

    Control characters are refused, as the sentence is printed on terminals and in pages.
    """
    line = " ".join(text.split())
    plain = not any(unicodedata.category(character) in {"Cc", "Cs"} for character in line)
    if not (1 <= len(line) <= LONGEST and plain):
        raise InvalidRequest(field, f"a sentence the person can read, of 1 to {LONGEST} characters, is expected")
    return line
