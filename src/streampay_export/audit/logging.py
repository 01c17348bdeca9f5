"""
The audit trail as log records, for whatever collects logs.
"""

from __future__ import annotations

import logging

from .._core.trail import AuditEntry
from .._core.wire import spell_entry

LOGGER = "streampay_export.audit"


class LoggingAudit:
    """
    An audit sink that logs each entry as one line of JSON, at level INFO. Thread-safe.

    It logs the entry and nothing more: pseudonyms, never ids of subjects. Logging is neither durable nor
    once: it does not say whether a handler took the record, and an entry that is sent again is logged
    again (its *id* tells). Put it behind a `FanOut`, as *best effort*, beside a sink that keeps.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(LOGGER)

    def append(self, entry: AuditEntry) -> None:
        """
        Log the entry.
        """
        self._logger.info("%s", spell_entry(entry))
