"""
The line from a worker process to the dispatcher that started it; at the other end is `worker_process`.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from ..errors import ExportError, InvalidConfiguration

logger = logging.getLogger("streampay_export")


class WorkerLine:
    """
    What a program that `ProcessDispatcher` runs answers rings by: its standard input.

    It is a dispatcher too: as that of the program's own deployment it rings the other processes. Thread-safe.
    Raises `InvalidConfiguration` in a program that something else has started.
    """

    def __init__(self) -> None:
        try:
            self._line = socket.socket(fileno=os.dup(0))
        except OSError:
            problem = "this is no line to a dispatcher; let a ProcessDispatcher start the program"
            raise InvalidConfiguration("standard input", problem) from None
        self._rings: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Ring the other processes.
        """
        self._say(json.dumps([tenant, job_id]))

    def answer(self, work: Callable[[str, str], object], stop: threading.Event) -> None:
        """
        Call *work(tenant, job_id)*, as `Worker.work`, for each ring. Call this in the main thread, once.

        Returns once SIGTERM or SIGINT came or the dispatcher's process is gone. Either sets *stop*, as
        `Worker.stop`, by which the job at hand is handed back.
        """

        def end(*_: object) -> None:
            stop.set()
            self._rings.put(None)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        threading.Thread(target=self._listen, args=(end,), name="streampay-export-rings", daemon=True).start()
        with self._line:
            while not stop.is_set() and (ring := self._rings.get()):
                try:
                    work(*ring)
                except ExportError as error:
                    logger.warning("worker: %s", error)
                self._say("")

    def _listen(self, end: Callable[[], None]) -> None:
        with suppress(OSError), self._line.makefile("rb") as heard:
            for ring in heard:
                self._rings.put(json.loads(ring))
        end()

    def _say(self, text: str) -> None:
        with self._lock, suppress(OSError):
            self._line.sendall(text.encode() + b"\n")
