"""
A circuit breaker: what stands between a request and a broker that is down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger("streampay_export")

# Shorter than the sweeper's interval, so that each sweep tries once again.
PAUSE = 5.0


class CircuitBreaker:
    """
    Rings by *send*, which may raise, and never raises itself: the sweeper rings again.

    After a failure rings are dropped for *pause* seconds, so that an outage is waited for once and not by
    every request. The first failure is logged, and the first success after it. *bell* names what is rung
    in the log; *clock* counts seconds. Thread-safe.
    """

    def __init__(
        self,
        send: Callable[[str, str], object],
        *,
        bell: str,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._bell = bell
        self._pause = pause
        self._clock = clock
        self._failing = False
        self._open_until = 0.0

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Send, unless sending failed a moment ago.
        """
        if self._failing:
            if self._clock() < self._open_until:
                return
            self._open_until = self._clock() + self._pause  # one tries, and nobody else waits for it
        try:
            self._send(tenant, job_id)
        except Exception as error:  # noqa: BLE001  # whatever a broker's client may raise, the job waits in its store
            self._open_until = self._clock() + self._pause
            if not self._failing:
                # Its text may quote an address with a password.
                kind = type(error.__cause__ or error).__name__
                logger.warning("%s is not to be rung (%s); the sweeper will ring again", self._bell, kind)
            self._failing = True
            return
        if self._failing:
            self._failing = False
            logger.warning("%s is rung again", self._bell)
