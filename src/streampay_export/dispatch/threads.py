"""
A doorbell for one process: worker threads that wait for a ring.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

logger = logging.getLogger("streampay_export")


class ThreadDispatcher:
    """
    Rings daemon threads of this process, which call *work(tenant, job_id)* one job at a time each.

    Threads start at the first ring. `close` lets the jobs at hand finish; whoever made the dispatcher
    calls it. Thread-safe.
    """

    def __init__(self, work: Callable[[str, str], object], *, threads: int = 1) -> None:
        self._work = work
        self._rings: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._wanted = threads
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Hand the job id to the next free thread; after `close`, do nothing.
        """
        with self._lock:
            if self._closed:
                return
            while len(self._threads) < self._wanted:
                thread = threading.Thread(target=self._wait, name="streampay-export", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._rings.put((tenant, job_id))

    def close(self, timeout: float | None = None) -> None:
        """
        Take no more rings, let each thread end its job, and wait up to *timeout* seconds for each.
        """
        with self._lock:
            self._closed = True
        for _ in self._threads:
            self._rings.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _wait(self) -> None:
        while (ring := self._rings.get()) is not None:
            try:
                self._work(*ring)
            except Exception:
                # The job store knows the job still waits; the sweeper rings again.
                logger.exception("a worker thread could not work on a job")
