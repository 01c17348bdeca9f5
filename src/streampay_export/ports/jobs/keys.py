"""The wrapped keys of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..._core.job import Job, WrappedKey


class JobKeys(Protocol):
    """
    Jobs as a rotation of keys finds them. See `JobStore`.
    """

    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs of all tenants whose key is wrapped under this key-encryption key, by (tenant, id).
        """

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        """
        Put another wrapping of the job's key in the place of the one that *job* has.

        `False`, and nothing changes, where the row has another one by now, or none, as it was shredded.
        """
