"""
Entity tags and conditional requests (RFC 9110, section 13).
"""

from __future__ import annotations

import re

from .refusals import PreconditionFailed

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


def matches(condition: str | None, etag: str) -> bool:
    """
    Return whether an If-None-Match names the strong *etag*, weakly compared, or is `*`.
    """
    if condition is None:
        return False
    return condition.strip() == "*" or etag in _TAG.findall(condition)


def require_match(condition: str | None, etag: str) -> None:
    """
    Raise `PreconditionFailed` unless an If-Match is absent, `*`, or names exactly the strong *etag*.
    """
    if condition is None or condition.strip() == "*":
        return
    if all(each.group() != etag for each in _TAG.finditer(condition)):
        raise PreconditionFailed


def range_applies(if_range: str | None, etag: str) -> bool:
    """
    Return whether a Range is to be honoured: If-Range is absent, or exactly the strong *etag*.

    A date never is: downloads have no Last-Modified.
    """
    return if_range is None or if_range.strip() == etag
