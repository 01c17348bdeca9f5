"""
Whether job database and tombstone log know the same erasures, and how they come to agree again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TypeAlias

from attrs import field, frozen

from ._core.erasure import Erasure, Tombstone
from .errors import ErasuresMissing
from .wiring import Wiring

Named: TypeAlias = tuple[str, str]
"""An erasure's tenant and receipt."""


@frozen
class RestoredCheck:
    """
    Refuses to go on over a job database that is older than the tombstone log: a backup, restored, would
    hand out what was erased since (GDPR Art. 17). Once it has passed it asks no more. Thread-safe.
    """

    _wiring: Wiring
    _passed: threading.Event = field(factory=threading.Event, init=False)

    def __call__(self) -> None:
        """
        Raise `ErasuresMissing` unless database and log know the same erasures, or what the ports raise.
        """
        if self._passed.is_set():
            return
        w = self._wiring
        # The log first: what it has by now is in the database by then, begun at least.
        logged = logged_tombstones(w)
        stored = stored_erasures(w)
        missing = logged.keys() - stored.keys()
        if missing:
            raise ErasuresMissing(f"{len(missing)} people were erased after this job database was saved")
        for name, (number, stone) in logged.items():
            if stored[name].number is None:
                w.jobs.erase(stone, number)  # a crash came between log and database
        lost = unlogged(stored, logged)
        # Others may have erased somebody since it was read.
        if lost and unlogged(lost, logged_tombstones(w)):
            raise ErasuresMissing(f"the tombstone log lacks {len(lost)} erasures that the job database has")
        self._passed.set()


def logged_tombstones(wiring: Wiring) -> Mapping[Named, tuple[int, Tombstone]]:
    """
    Return the log's tombstones, each with its number, by their order.
    """
    return {
        (stone.tenant, stone.receipt): (number, stone) for number, stone in enumerate(wiring.tombstones.read(), 1)
    }


def stored_erasures(wiring: Wiring) -> Mapping[Named, Erasure]:
    """
    Return the erasures that the job database has, begun or done, the oldest first.
    """
    return {(each.tombstone.tenant, each.tombstone.receipt): each for each in wiring.jobs.erasures()}


def unlogged(stored: Mapping[Named, Erasure], logged: Mapping[Named, object]) -> Mapping[Named, Erasure]:
    """
    Return the erasures that were in the log once and are not now.
    """
    return {name: each for name, each in stored.items() if each.number is not None and name not in logged}
