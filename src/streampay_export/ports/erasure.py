"""What an erasure needs of the application, and the log that outlives a restored backup."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from .._core.erasure import Tombstone
from .._core.erasure_order import ErasureOrder
from .._core.party import Subject


class TombstoneLog(Protocol):
    """
    Tombstones, kept where neither the database nor a backup of it can take them back. Thread-safe, and safe
    for several processes.

    Numbers are dense from 1. Raises `TombstonesUnavailable` when the log does not answer, and
    `TombstonesBroken` when it holds anything but what was appended to it.
    """

    def append(self, tombstone: Tombstone) -> int:
        """
        Keep a tombstone, and return its number; when this returns it is durable.

        The same (tenant, receipt) again adds nothing and returns the number it has.
        """

    def read(self) -> Sequence[Tombstone]:
        """
        Return all tombstones by number: the first one has number 1.
        """


class Eraser(Protocol):
    """
    Erases a person from the application's own data. Any error means that it is to be asked again.
    """

    def __call__(self, order: ErasureOrder) -> None:
        """
        Remove from the person's rows what is to be scrubbed, so that nobody's export shows it any more.

        In others' exports it reads as if it had never been held: NULL, and no mark in its place. Asked
        again with the same receipt, also at the same time by another process, nothing more happens.
        """


class AfterErasure(StrEnum):
    """
    What becomes of a request about somebody who was erased.

    `REFUSE` tells when, and what is retained on which basis; `RETAINED` makes a copy of just that, by the
    policy of profile `retained`; `RETURNED` says that the person came back, and has a history again.
    """

    REFUSE = "refuse"
    RETAINED = "retained"
    RETURNED = "returned"


class LaterRequest(Protocol):
    """
    The application's answer to a request about somebody who was erased before.
    """

    def __call__(self, subject: Subject, tombstone: Tombstone) -> AfterErasure:
        """
        Return what to do. Asked at each request, and when the person is erased again.
        """
