"""
Entity tags and conditional requests (RFC 9110, section 13).
"""

from __future__ import annotations

import re

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


def matches(condition: str | None, etag: str) -> bool:
    """
    Return whether an If-None-Match names the strong *etag*, weakly compared, or is `*`.
    """
    if condition is None:
        return False
    return condition.strip() == "*" or etag in _TAG.findall(condition)


def range_applies(if_range: str | None, etag: str) -> bool:
    """
    Return whether a Range is to be honoured: If-Range is absent, or exactly the strong *etag*.

    A date never is: downloads have no Last-Modified.
    """
    return if_range is None or if_range.strip() == etag
