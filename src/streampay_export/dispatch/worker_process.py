"""
A worker process and the line to it, as the dispatcher has them; at the other end is `worker_line`.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress


class WorkerProcess:
    """
    A process that runs *command*, which has a `WorkerLine`. It ends when this one does, or at `hang_up`.
    """

    def __init__(self, command: Sequence[str], others: Callable[[str, str], object]) -> None:
        self._others = others
        self._line, theirs = socket.socketpair()
        self._heard = self._line.makefile("rb")
        try:
            with theirs:
                self._process = subprocess.Popen(command, stdin=theirs.fileno())  # noqa: S603  # the host's own
        except OSError:
            self._close()
            raise

    def answers(self, tenant: str, job_id: str) -> bool:
        """
        Ring, and wait until the job has been worked on; what it rings for meanwhile is for *others*.

        Returns `False` when the process died.
        """
        with suppress(OSError):
            self._line.sendall(json.dumps([tenant, job_id]).encode() + b"\n")
            for heard in self._heard:
                if heard == b"\n":
                    return True
                self._others(*json.loads(heard))
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
        self._close()

    def _close(self) -> None:
        self._heard.close()
        self._line.close()
