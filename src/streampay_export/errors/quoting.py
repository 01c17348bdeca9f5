"""
How names and paths stand in the text of an error.
"""

from __future__ import annotations

from collections.abc import Sequence

# A path is of use only whole; no system has longer ones.
LONGEST_PATH = 4096


def quoted_path(path: object) -> str:
    """
    Return a path escaped, safe for one line of a message.
    """
    return quoted(str(path), most=LONGEST_PATH)


def quoted(text: str, *, most: int = 80) -> str:
    """
    Return *text* escaped and cut to *most* characters, safe for one line of a message.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return ascii(cut) if not cut.isprintable() else f"'{cut}'"


def listed(names: Sequence[str]) -> str:
    """
    Return names as prose: `a, b, c`, or `none`.
    """
    return ", ".join(names) if names else "none"
