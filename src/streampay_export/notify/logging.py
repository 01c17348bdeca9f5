"""
Tells nobody, and says in the log what would have been told: for trying out.
"""

from __future__ import annotations

import logging

from .._core.notification import Notification

logger = logging.getLogger("streampay_export")


class LoggingNotifier:
    """
    Logs that a notification was due, by job and occasion: no address, no letter, no URL. Thread-safe.
    """

    def send(self, notification: Notification) -> None:
        """
        Log it; never raises.
        """
        logger.info("export %s: somebody would be told: %s", notification.job_id, notification.occasion)
