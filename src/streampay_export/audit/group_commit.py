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

# Seconds for which the thread that wrote waits for more: starting one takes longer than many a write.
LINGERING = 1.0


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
        self._came = threading.Condition()
        self._waiting: list[tuple[AuditEntry | None, Future[None]]] = []
        self._writer: threading.Thread | None = None

    def append(self, entry: AuditEntry | None) -> None:
        """
        Return when the entry is written, or raise what *write* raised. `None` is a write without entries.
        """
        done: Future[None] = Future()
        with self._came:
            # In a process that was forked the writer is there by name only.
            if self._writer is None or not self._writer.is_alive():
                self._writer = _started(self._run)
            self._waiting.append((entry, done))
            self._came.notify()
        try:
            done.result(self._longest_wait)
        except TimeoutError:
            done.cancel()
            raise AuditUnavailable(f"it did not answer for {self._longest_wait:g} s") from None

    def _run(self) -> None:
        while (group := self._next()) is not None:
            if not group:
                continue
            try:
                self._write([entry for entry, _ in group if entry is not None])
            except BaseException as error:  # noqa: BLE001  # whatever it is, whoever waits must hear of it
                for _, done in group:
                    done.set_exception(error)
            else:
                for _, done in group:
                    done.set_result(None)

    def _next(self) -> Sequence[tuple[AuditEntry | None, Future[None]]] | None:
        with self._came:
            if not self._came.wait_for(lambda: self._waiting, LINGERING):
                self._writer = None
                return None
            waiting, self._waiting = self._waiting, []
            return [each for each in waiting if each[1].set_running_or_notify_cancel()]


def _started(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, name="streampay-export-audit", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        raise AuditUnavailable("this process can start no thread") from None
    return thread
