"""
Several audit sinks at once, some of which may fail.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from .._core.trail import AuditEntry
from ..errors import AuditUnavailable, InvalidConfiguration
from ..ports.audit import AuditSink

logger = logging.getLogger("streampay_export")


class FanOut:
    """
    An `AuditSink` in front of others. Thread-safe; whoever made the sinks closes them.

    An entry is recorded once every *required* sink has it, in their order; one of them that fails
    refuses it. A *best effort* sink that fails, with whatever error, is logged and counted in
    `failures`, and holds up nothing but by the time it takes. Raises `InvalidConfiguration` when no
    sink is required.
    """

    def __init__(self, *, required: Iterable[AuditSink], best_effort: Iterable[AuditSink] = ()) -> None:
        self._required = tuple(required)
        self._best_effort = tuple(best_effort)
        self._lock = threading.Lock()
        self._failures = 0
        if not self._required:
            raise InvalidConfiguration("audit", "at least one sink is to be required")

    @property
    def failures(self) -> int:
        """
        How many entries best-effort sinks did not take since this process began.
        """
        return self._failures

    def append(self, entry: AuditEntry) -> None:
        """
        See `AuditSink.append`.
        """
        for sink in self._required:
            sink.append(entry)
        for sink in self._best_effort:
            try:
                sink.append(entry)
            except Exception as error:  # noqa: BLE001  # somebody else's sink, which was told that it may fail
                with self._lock:
                    self._failures += 1
                what = error.problem if isinstance(error, AuditUnavailable) else type(error).__name__
                logger.warning("audit: entry %s did not reach %s: %s", entry.id, type(sink).__name__, what)
