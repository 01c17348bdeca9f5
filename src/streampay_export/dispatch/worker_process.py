"""
A worker process and the line to it: the end that rings, and the end that answers.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..errors import ExportError

logger = logging.getLogger("streampay_export")


class WorkerProcess:
    """
    A process that runs *command*, which answers rings. It ends when this one does, or at `hang_up`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._line, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(command, stdin=theirs.fileno())  # noqa: S603  # the host's own
        except OSError:
            self._line.close()
            raise

    def answers(self, tenant: str, job_id: str) -> bool:
        """
        Ring, and wait until the job has been worked on; `False` when the process died.
        """
        with suppress(OSError):
            self._line.sendall(json.dumps([tenant, job_id]).encode() + b"\n")
            return bool(self._line.recv(1))
        return False

    def hang_up(self) -> None:
        """
        Tell the process to hand back its job and end.
        """
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def end(self, timeout: float | None) -> None:
        """
        Hang up, wait for *timeout* seconds, and kill what has not ended by then.
        """
        self.hang_up()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._line.close()


def answer_rings(work: Callable[[str, str], object], stop: threading.Event) -> None:
    """
    Be a program that `ProcessDispatcher` runs: call *work(tenant, job_id)*, as `Worker.work`, for each ring.

    Returns once SIGTERM or SIGINT came or the dispatcher's process is gone. Either sets *stop*, as
    `Worker.stop`, by which the job at hand is handed back. Call it in the main thread.
    """
    rings: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()

    def end(*_: object) -> None:
        stop.set()
        rings.put(None)

    def listen() -> None:
        with suppress(OSError), line.makefile("rb") as sent:
            for ring in sent:
                rings.put(json.loads(ring))
        end()

    with socket.socket(fileno=os.dup(0)) as line:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        threading.Thread(target=listen, name="streampay-export-rings", daemon=True).start()
        while not stop.is_set() and (ring := rings.get()):
            try:
                work(*ring)
            except ExportError as error:
                logger.warning("worker: %s", error)
            with suppress(OSError):
                line.send(b"\n")
