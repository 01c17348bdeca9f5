"""When the law wants an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class DeadlineRule(Protocol):
    """
    How long a request may wait for its answer under the law that applies. Pure, total, thread-safe.

    GDPR Art. 12(3): without undue delay and within one month of receipt, which may be extended by two
    further months where necessary; the person learns of it, and why, within the first month. The
    default is `CalendarMonths()`. Other laws count otherwise (CCPA § 1798.130(a)(2): 45 days, and 45
    more).
    """

    def due(self, received_at: datetime) -> datetime:
        """
        Return when a request received at that instant (aware, UTC) is due; later than it, in UTC.
        """

    def extended(self, received_at: datetime) -> datetime:
        """
        Return when it is due once extended; later than `due` of the same instant, in UTC.
        """
