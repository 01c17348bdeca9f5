"""
Refusals that only HTTP knows. They never leave `HttpApi.handle`: each becomes a problem document.
"""

from __future__ import annotations

from attrs import define

from ..errors import CallerError
from .message import LARGEST_BODY


@define
class MethodNotAllowed(CallerError):
    """
    The path does not take this method; *allow* is what it takes.
    """

    slug = "method-not-allowed"

    allow: str

    def __str__(self) -> str:
        return f"this path takes {self.allow}"


class BodyTooLarge(CallerError):
    """
    The body is longer than any valid one.
    """

    slug = "body-too-large"

    def __str__(self) -> str:
        return f"a body is at most {LARGEST_BODY} bytes"


@define
class UnsupportedMediaType(CallerError):
    """
    A state-changing call came without the content type that no foreign page can send unasked.
    """

    slug = "unsupported-media-type"

    right: str = "application/json"

    def __str__(self) -> str:
        return f"send this with Content-Type: {self.right}"


class InvalidFormToken(CallerError):
    """
    A form came without the token that shows it to be the application's own.
    """

    slug = "invalid-form-token"

    def __str__(self) -> str:
        return "this form is not valid any more; load its page again"


class PreconditionFailed(CallerError):
    """
    The call was to be answered for another state than the one there is.
    """

    slug = "precondition-failed"

    def __str__(self) -> str:
        return "this is not what If-Match names any more; get it anew"


@define
class RangeNotSatisfiable(CallerError):
    """
    The asked range begins behind the end; *size* (bytes) is where that is.
    """

    slug = "range-not-satisfiable"

    size: int

    def __str__(self) -> str:
        return f"the file has {self.size} bytes"
