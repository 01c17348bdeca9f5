"""
A doorbell for one machine: worker processes that wait for a ring.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress

from .threads import ThreadDispatcher
from .worker_process import WorkerProcess

logger = logging.getLogger("streampay_export")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 30.0  # seconds
LONGEST_END = 5.0  # for what a program still does after its last answer


class ProcessDispatcher:
    """
    Rings processes that run *command*, a program with a `WorkerLine`, one job at a time each.

    They start at the first rings, as new programs: nothing of this process is forked. One that dies is
    replaced, after a pause that doubles up to half a minute while they keep dying. When this process ends,
    however it ends, they hand back the jobs at hand and end too; `close` makes them do so, and whoever made
    the dispatcher calls it. Thread-safe.
    """

    def __init__(self, command: Sequence[str], *, processes: int = 1) -> None:
        self._command = command
        # One thread hands rings to one process; so a ring goes to whoever is free.
        self._bell = ThreadDispatcher(self._answer, threads=processes)
        self._mine = threading.local()
        self._children: set[WorkerProcess] = set()
        self._closed = threading.Event()

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Hand the job id to the next free process; after `close`, do nothing.
        """
        self._bell.ring(tenant, job_id)

    def close(self, timeout: float | None = None) -> None:
        """
        Take no more rings, let each process hand back its job, and kill what has not ended in *timeout* seconds.
        """
        self._closed.set()
        for child in self._children.copy():
            child.hang_up()
        self._bell.close(timeout)
        for child in self._children.copy():
            child.end(timeout)

    def _answer(self, tenant: str, job_id: str) -> None:
        mine = vars(self._mine)
        child: WorkerProcess | None = mine.get("child")
        if self._closed.is_set():
            return
        with suppress(OSError):
            if child is None:
                child = mine["child"] = WorkerProcess(self._command, self.ring)
                self._children.add(child)
            if child.answers(tenant, job_id):
                mine["deaths"] = 0
                return
        if child is not None:
            child.end(LONGEST_END)
            self._children.discard(mine.pop("child"))
        pause = min(FIRST_BACKOFF * 2 ** mine.get("deaths", 0), LONGEST_BACKOFF)
        mine["deaths"] = min(mine.get("deaths", 0) + 1, 10)
        if not self._closed.is_set():
            logger.warning("a worker process ended or cannot be started; the next one starts in %g s", pause)
            self._closed.wait(pause)
            self.ring(tenant, job_id)  # the next process finds the job waiting, or leased and not to be had
