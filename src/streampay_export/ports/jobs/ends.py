"""Ends: shredded at once, deleted after their period."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from ..._core.job import Failure, Job
from ..._core.lifecycle import State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry


class JobEnds(Protocol):
    """
    Jobs that end, and what is left of them. See `JobStore`.
    """

    def end(
        self,
        tenant: str,
        job_id: str,
        *,
        expected: Collection[State],
        state: State,
        fence: int | None = None,
        failure: Failure | None = None,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        Move a job whose state is in *expected* (and whose fence is *fence*, if given) to a final state.

        Raises the fence, so that a worker still at it changes nothing; clears lease, active key,
        wrapped key and sealed subject (the job's data is shredded by that) and forgets its links and what was
        still to be told about it, before *notifications* are stored; keeps `artifact` so that its object can be
        deleted. Sets `finished_at` unless it is set, and `failure` where given. Returns the job as it is now,
        or `None` where nothing matched. Raises `IllegalMove` when *state* is not final or the lifecycle has no
        such move from one of *expected*.
        """

    def expired(self, limit: int = 100) -> Sequence[Job]:
        """
        Return ready jobs whose `expires_at` is now or past, the longest expired first.
        """

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        """
        Return jobs in a final state that still name an artifact: its object waits to be deleted.

        By (finished_at, id).
        """

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        """
        Clear the artifact of a job in a final state, once its object is deleted.
        """

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        """
        Delete idempotency keys, then jobs with all that belongs to them; return how many of both.

        Keys that came with a job whose `created_at` is before *keys_before*, at most *limit*. Jobs in a final
        state that were finished before *ended_before* and whose `expires_at`, if any, is before it too: at most
        *limit*, by (finished_at, id). One stays while it names an artifact, and one that failed or was cancelled
        until its `due_at` is past, as a next request takes that over (see `add`). Callers at once never wait
        for each other, and never count a row twice.
        """
