"""
Group commit: whoever waits while a write is under way shares the next one, and nobody waits for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from .._core.trail import AuditEntry
from ..errors import AuditUnavailable

Write = Callable[[Sequence[AuditEntry]], None]


class GroupCommit:
    """
    Hands entries to *write*, in the order they came, one call at a time. Thread-safe; nothing to close.

    The write is made by a thread of its own, because a disk or server that hangs cannot be interrupted:
    the caller is told `AuditUnavailable` after *longest_wait* seconds. What was not begun by then is
    not written; what was begun may still arrive. When the hanging write ends, the next one goes ahead.
    """

    def __init__(self, write: Write, longest_wait: float) -> None:
        self._write = write
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._waiting: list[tuple[AuditEntry | None, Future[None]]] = []
        self._writing = False

    def append(self, entry: AuditEntry | None) -> None:
        """
        Return when the entry is written, or raise what *write* raised. `None` is a write without entries.
        """
        done: Future[None] = Future()
        with self._lock:
            if not self._writing:
                _start(self._run)
                self._writing = True
            self._waiting.append((entry, done))
        try:
            done.result(self._longest_wait)
        except TimeoutError:
            done.cancel()
            raise AuditUnavailable(f"it did not answer for {self._longest_wait:g} s") from None

    def _run(self) -> None:
        while group := self._next():
            try:
                self._write([entry for entry, _ in group if entry is not None])
            except BaseException as error:  # noqa: BLE001  # whatever it is, whoever waits must hear of it
                for _, done in group:
                    done.set_exception(error)
            else:
                for _, done in group:
                    done.set_result(None)

    def _next(self) -> Sequence[tuple[AuditEntry | None, Future[None]]]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            group = [each for each in waiting if each[1].set_running_or_notify_cancel()]
            self._writing = bool(group)
            return group


def _start(run: Callable[[], None]) -> None:
    try:
        threading.Thread(target=run, name="streampay-export-audit", daemon=True).start()
    except RuntimeError:
        raise AuditUnavailable("this process can start no thread") from None
