"""The doorbell."""

from __future__ import annotations

from typing import Protocol


class Dispatcher(Protocol):
    """
    Tells some worker that a job is waiting, and knows nothing else. A lost, repeated or late ring is
    harmless: the job store is the truth and the sweeper rings again. Thread-safe.
    """

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Ring. Never raises for a worker that is busy or away.
        """
