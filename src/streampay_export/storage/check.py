"""
The single place where storage keys are checked: what passes here may become a path or a URL.
"""

from __future__ import annotations

import re

from ..errors import InvalidConfiguration

# Local file systems take names of 255 bytes, S3 keys of 1,024; ours are tenant, job id and fence.
LONGEST_KEY = 512
_SEGMENT = r"[a-z0-9-]{1,100}"
_KEY = re.compile(rf"(?:{_SEGMENT}/)*{_SEGMENT}(?:\.(?:zip|part))?", re.ASCII)
_PREFIX = re.compile(rf"(?:{_SEGMENT}/)*(?:{_SEGMENT}(?:\.(?:zip|part))?)?", re.ASCII)


def is_key(key: str) -> bool:
    """
    Return whether *key* could have been stored.
    """
    return len(key) <= LONGEST_KEY and _KEY.fullmatch(key) is not None


def check_key(key: str) -> None:
    """
    Raise `InvalidConfiguration` unless *key* is made of `[a-z0-9-]` segments joined by `/`.

    The last may end in `.zip` or `.part`; a segment has at most 100 characters, a key 512.
    """
    if not is_key(key):
        raise InvalidConfiguration(
            "storage key",
            "a key is segments of a-z, 0-9 and - joined by /, whose last one may end in .zip or .part",
        )


def check_prefix(prefix: str) -> None:
    """
    Raise `InvalidConfiguration` unless *prefix* is empty, a key, or the beginning of one.
    """
    if len(prefix) > LONGEST_KEY or not _PREFIX.fullmatch(prefix):
        raise InvalidConfiguration(
            "storage prefix", "a prefix is empty, or segments of a-z, 0-9 and - joined by /, as keys have"
        )


def check_range(start: int, end: int | None) -> None:
    """
    Raise `InvalidConfiguration` unless 0 <= start <= end: to some stores a negative number means "from the end".
    """
    if start < 0 or (end is not None and end < start):
        raise InvalidConfiguration("storage range", "a range has 0 <= start <= end")
