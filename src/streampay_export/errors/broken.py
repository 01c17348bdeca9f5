"""
What should never be: a trail that was altered, and bugs.
"""

from __future__ import annotations

from attrs import define

from .root import ExportError


@define
class TrailBroken(ExportError):
    """
    The audit trail is not what was recorded: somebody changed it, or lost a part of it.
    """

    slug = "trail-broken"

    tenant: str
    problem: str

    def __str__(self) -> str:
        return f"the audit trail of tenant {self.tenant} does not hold at {self.problem}"


@define
class IllegalMove(ExportError):
    """
    A move between job states that the lifecycle table does not have: a bug of the caller's code.
    """

    slug = "illegal-move"

    before: str
    after: str

    def __str__(self) -> str:
        return f"a job cannot go from {self.before} to {self.after}"


@define
class OutOfTurn(ExportError):
    """
    The pager was answered, or asked for its end, out of turn: a bug of the caller's code.
    """

    slug = "out-of-turn"

    call: str
    waiting_for: str

    def __str__(self) -> str:
        return f"{self.call} is out of turn: the pager's next step is {self.waiting_for}"
