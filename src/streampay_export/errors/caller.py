"""
The call is at fault.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from .quoting import listed, quoted
from .root import ExportError


class CallerError(ExportError):
    """
    The call is at fault; the same call will fail again.
    """

    slug = "invalid-request"


@define
class InvalidRequest(CallerError):
    """
    One field of a request is wrong. *field* is its name, *problem* says what would be right.
    """

    slug = "invalid-request"

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


@define
class MalformedRequest(InvalidRequest):
    """
    The request could not be read at all.
    """

    slug = "malformed-request"


@define
class UnknownName(InvalidRequest):
    """
    A name that is not among the known ones. *field* is the kind of thing: dataset, format, profile.
    """

    slug = "unknown-name"

    name: str
    known: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, name: str, known: Sequence[str], *, field: str = "") -> UnknownName:
        """
        Make the error for *name*, which is no *kind* among *known*, found in the parameter *field*.
        """
        problem = f"there is no {kind} {quoted(name)}; there are: {listed(known)}"
        return cls(field=field or kind, problem=problem, name=name[:80], known=tuple(known))


@define
class InvalidCursor(InvalidRequest):
    """
    The cursor was not given out by this service to this caller, or was altered.
    """

    slug = "invalid-cursor"

    field: str = "cursor"
    problem: str = "this cursor was not given to you by this list; start again without one"


@define
class IdempotencyKeyReused(InvalidRequest):
    """
    An idempotency key came again with other parameters (draft-ietf-httpapi-idempotency-key-header).
    """

    slug = "idempotency-key-reused"

    field: str = "Idempotency-Key"
    problem: str = "this key was used before with another request; use a new one"


@define
class TooManyRequests(CallerError):
    """
    A configured limit was met; *retry_after* is in seconds.
    """

    slug = "too-many-requests"

    retry_after: int

    def __str__(self) -> str:
        return f"too many requests; try again in {self.retry_after} s"


@define
class BundleRefused(CallerError):
    """
    A bundle is not what its maker signed. *member* is the file at fault, empty for the zip itself.
    """

    slug = "bundle-refused"

    member: str
    problem: str

    def __str__(self) -> str:
        return f"{quoted(self.member)}: {self.problem}" if self.member else self.problem
