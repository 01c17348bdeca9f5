"""
The right to go on with a job: renewed in the background, asked after every page.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from .errors import BackendError, Interrupted, LeaseLost

logger = logging.getLogger("streampay_export")


class Renewals:
    """
    Has the leases that are held renewed, each after *every* such time. Thread-safe; nothing to close.

    One thread does it for all: it begins with the first lease and ends when it finds none. One for each would be
    started and ended with every small export. A renewal that hangs holds up the others.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every.total_seconds()
        self._lock = threading.Lock()
        self._due: dict[Lease, float] = {}
        self._thread: threading.Thread | None = None

    def begin(self, lease: Lease) -> None:
        """
        Renew a lease from now on.
        """
        with self._lock:
            # In a process that was forked the thread is there by name only, and the leases are its parent's.
            if self._thread is None or not self._thread.is_alive():
                self._due.clear()
                self._thread = threading.Thread(target=self._run, name="streampay-export-lease", daemon=True)
                self._thread.start()
            # Not before the thread wakes up: it sleeps no longer than until what was due first.
            self._due[lease] = time.monotonic() + self._every

    def end(self, lease: Lease) -> None:
        """
        Renew it no more.
        """
        with self._lock:
            self._due.pop(lease, None)

    def _run(self) -> None:
        while (pause := self._renew()) is not None:
            time.sleep(pause)

    def _renew(self) -> float | None:
        with self._lock:
            due = [lease for lease, at in self._due.items() if at <= time.monotonic()]
        for lease in due:
            if lease.renew():
                with self._lock:
                    if lease in self._due:
                        self._due[lease] = time.monotonic() + self._every
            else:
                self.end(lease)
        with self._lock:
            if not self._due:
                self._thread = None
                return None
            return max(0.0, min(self._due.values()) - time.monotonic())


class Lease:
    """
    Holds a claim of a job, or of a part of one: *renew* is called in the background, and says by raising
    `LeaseLost` when it must be let go. *stop*, once set, says the same.
    """

    def __init__(self, renewals: Renewals, renew: Callable[[], object], job_id: str, stop: threading.Event) -> None:
        self._renewals = renewals
        self._renew_claim = renew
        self._job_id = job_id
        self.stop = stop
        self._lost: LeaseLost | None = None
        self._ended = False
        self._renewing = threading.Lock()

    def check(self) -> None:
        """
        Raise `LeaseLost` or `Interrupted` when the worker must not go on.
        """
        if self._lost is not None:
            raise self._lost
        if self.stop.is_set():
            raise Interrupted

    def __enter__(self) -> Self:
        self._renewals.begin(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._renewals.end(self)
        with self._renewing:
            self._ended = True

    def renew(self) -> bool:
        """
        Renew it, unless it has ended; return whether to do so again.
        """
        with self._renewing:
            if self._ended:
                return False
            try:
                self._renew_claim()
            except LeaseLost as lost:
                self._lost = lost
                return False
            except BackendError:
                # Tried again at the next turn; if the store stays away the fence decides.
                logger.warning("the lease of export %s could not be renewed", self._job_id)
            except Exception:
                # The leases of others are not to suffer for it.
                logger.exception("renewing export %s met an error this library does not know", self._job_id)
            return True
