"""Who may do what with which export."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from attrs import frozen

from .._core.party import Actor


class Action(StrEnum):
    """
    What is asked for. `HANDLE` is what staff do about a request: say when it was received, extend, pause,
    resume, refuse.
    """

    REQUEST = "request"
    READ = "read"
    LINK = "link"
    DOWNLOAD = "download"
    DELETE = "delete"
    TRAIL = "trail"
    HANDLE = "handle"


@frozen(kw_only=True)
class Access:
    """
    One question to an authoriser. *owns*: the history is the actor's own; *requested*: this actor
    asked for this export (true for `Action.REQUEST`, and for `Action.HANDLE` of a request being made).
    """

    actor: Actor
    action: Action
    profile: str
    owns: bool
    requested: bool


class Authorizer(Protocol):
    """
    Decides; asked at every access to every id. Anything but `True` refuses, and so does raising.
    """

    def __call__(self, access: Access) -> bool:
        """
        Return whether this access is allowed.
        """
