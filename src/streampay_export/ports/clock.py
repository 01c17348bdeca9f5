"""The clock port."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """
    The time of this process, for log lines and zip entries only.

    Leases, tickets and expiry ask `JobStore.now()`; an export's as-of asks `HistorySource.now()`.
    """

    def __call__(self) -> datetime:
        """
        Return the current instant, aware, in UTC.
        """
