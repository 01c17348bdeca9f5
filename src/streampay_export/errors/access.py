"""
Who is asking may not have it.
"""

from __future__ import annotations

from datetime import datetime

from attrs import define

from .caller import CallerError


class AccessRefused(CallerError):
    """
    Who is asking may not have this.
    """

    slug = "access-refused"


class NotSignedIn(AccessRefused):
    """
    Nobody is signed in.
    """

    slug = "not-signed-in"

    def __str__(self) -> str:
        return "nobody is signed in; sign in and try again"


class NotFound(AccessRefused):
    """
    There is no such export for this caller. Unknown, foreign and erased ids are told apart by nothing.
    """

    slug = "not-found"

    def __str__(self) -> str:
        return "there is no such export"


@define
class StepUpRequired(AccessRefused):
    """
    The actor must prove anew who they are: not longer ago than *max_age* seconds (RFC 9470).
    """

    slug = "insufficient_user_authentication"  # as the RFC spells it

    max_age: int

    def __str__(self) -> str:
        return f"sign in again: this needs a sign-in of the last {self.max_age} s"


@define
class CoolingOff(AccessRefused):
    """
    An e-mail address or wallet changed a short while ago: no copy before *until* (UTC), in *retry_after* seconds.
    """

    slug = "cooling-off"

    until: datetime
    retry_after: int

    def __str__(self) -> str:
        at = self.until.strftime("%Y-%m-%d %H:%M UTC")
        return f"an e-mail address or wallet of this account changed recently; ask again from {at} on"


class InvalidTicket(AccessRefused):
    """
    The link's ticket is missing, malformed, altered, or for another purpose, path or place.
    """

    slug = "invalid-ticket"

    def __str__(self) -> str:
        return "this link is not valid; ask for a new one"


class TicketExpired(AccessRefused):
    """
    The link's ticket was genuine but is expired, spent or revoked.
    """

    slug = "ticket-expired"

    def __str__(self) -> str:
        return "this link is no longer valid; ask for a new one"
