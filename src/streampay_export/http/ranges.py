"""
Byte ranges (RFC 9110, section 14): one is served, several are answered with the whole.
"""

from __future__ import annotations

import re

from attrs import frozen

from .refusals import RangeNotSatisfiable

# Numbers of up to 1,000 digits: Python reads no decimal integer of more than 4,300.
_ONE = re.compile(r"bytes=[ \t]*(?P<first>\d{0,1000})-(?P<last>\d{0,1000})[ \t]*", re.ASCII | re.IGNORECASE)


@frozen
class ByteRange:
    """
    The bytes [start, end).
    """

    start: int
    end: int


def read_range(text: str | None, size: int) -> ByteRange | None:
    """
    Return the range to serve of *size* bytes, `None` for the whole.

    What is no single range of bytes is ignored, as the RFC asks. Raises `RangeNotSatisfiable`.
    """
    found = _ONE.fullmatch(text or "")
    if found is None or found["first"] == found["last"] == "":
        return None
    if found["first"] == "":
        length = min(int(found["last"]), size)
        if length == 0:
            raise RangeNotSatisfiable(size)
        return ByteRange(size - length, size)
    start = int(found["first"])
    end = int(found["last"]) + 1 if found["last"] else size
    if end <= start and found["last"]:
        return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, min(end, size))
