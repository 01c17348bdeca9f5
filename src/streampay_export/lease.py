"""
The right to go on with a job: renewed in the background, asked after every page.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from .errors import BackendError, Interrupted, LeaseLost
from .wiring import Wiring

logger = logging.getLogger("streampay_export")


class Lease:
    """
    Holds a claim of a job, or of a part of one: *renew* is called in the background, and says by raising
    `LeaseLost` when it must be let go.
    """

    def __init__(self, wiring: Wiring, renew: Callable[[], object], job_id: str, stop: threading.Event) -> None:
        self._wiring = wiring
        self._renew_claim = renew
        self._job_id = job_id
        self.stop = stop
        self._lost: LeaseLost | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="streampay-export-lease", daemon=True)

    def check(self) -> None:
        """
        Raise `LeaseLost` or `Interrupted` when the worker must not go on.
        """
        if self._lost is not None:
            raise self._lost
        if self.stop.is_set():
            raise Interrupted

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._ended.wait(self._wiring.renew_every.total_seconds()):
            try:
                self._renew_claim()
            except LeaseLost as lost:
                self._lost = lost
                return
            except BackendError:
                # Tried again at the next turn; if the store stays away the fence decides.
                logger.warning("the lease of export %s could not be renewed", self._job_id)
