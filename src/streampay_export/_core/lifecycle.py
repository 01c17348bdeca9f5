"""
The states of a job and the table of legal moves. Every move is in this file, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from ..errors import IllegalMove


class State(StrEnum):
    """
    Where a job is. Queued and running are *active*; ready has a file; all others are final.
    """

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DELETED = "deleted"
    ERASED = "erased"


class Completeness(StrEnum):
    """
    Whether every dataset that was asked for is in the bundle.
    """

    FULL = "full"
    PARTIAL = "partial"


MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED, State.ERASED}),
        State.RUNNING: frozenset(
            {State.QUEUED, State.RUNNING, State.READY, State.FAILED, State.CANCELLED, State.ERASED}
        ),
        State.READY: frozenset({State.EXPIRED, State.DELETED, State.ERASED}),
        State.FAILED: frozenset({State.ERASED}),
        State.CANCELLED: frozenset({State.ERASED}),
        State.EXPIRED: frozenset({State.ERASED}),
        State.DELETED: frozenset({State.ERASED}),
        State.ERASED: frozenset(),
    }
)

ACTIVE = frozenset({State.QUEUED, State.RUNNING})
# Whose dates a next request may take over.
UNSETTLED = frozenset({State.FAILED, State.CANCELLED})
GONE = frozenset({State.EXPIRED, State.DELETED, State.ERASED})
FINAL = frozenset(State) - ACTIVE - {State.READY}


def check_move(before: State, after: State) -> None:
    """
    Raise `IllegalMove` unless the table has the move.
    """
    if after not in MOVES[before]:
        raise IllegalMove(before=before, after=after)


def check_ending(expected: Collection[State], after: State) -> None:
    """
    Raise `IllegalMove` unless *after* is final and the table has the move from each of *expected*.
    """
    for before in expected:
        if after not in FINAL:
            raise IllegalMove(before=before, after=after)
        check_move(before, after)
