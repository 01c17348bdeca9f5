"""
The worker must not go on.
"""

from __future__ import annotations

from attrs import define

from .root import ExportError


class Stopped(ExportError):
    """
    The worker must not go on with the job; nothing of what it did is visible.
    """

    slug = "stopped"


@define
class LeaseLost(Stopped):
    """
    The job was cancelled, erased, or taken over: *state* is what it is now, empty if unknown.
    """

    slug = "lease-lost"

    state: str = ""

    def __str__(self) -> str:
        return "the export was taken over or ended elsewhere" + (f": it is {self.state}" if self.state else "")


class Interrupted(Stopped):
    """
    The process was asked to stop; the job goes back to the queue with its attempt given back.
    """

    slug = "interrupted"

    def __str__(self) -> str:
        return "interrupted; the export waits in the queue and the next worker takes it up"
