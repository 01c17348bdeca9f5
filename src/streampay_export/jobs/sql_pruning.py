"""
The statements that delete what is past its period.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, or_, select, tuple_

from .._core.lifecycle import FINAL, UNSETTLED
from .._sql.tables import JOBS
from .._sql.tables import idempotency_table as keys
from .._sql.tables import job_table as jobs

_OF_A_JOB = [
    table
    for table in JOBS.sorted_tables
    if any(key.referred_table is jobs for key in table.foreign_key_constraints)
]


def prune_keys(connection: Connection, before: datetime, limit: int) -> int:
    """
    Delete the oldest idempotency keys made before an instant; return how many.
    """
    oldest = select(*keys.primary_key).where(keys.c.made_at < before).order_by(keys.c.made_at)
    found = _claimed(connection, oldest.limit(limit))
    connection.execute(delete(keys).where(tuple_(*keys.primary_key).in_(found)))
    return len(found)


def prune_jobs(connection: Connection, now: ColumnElement[datetime], before: datetime, limit: int) -> int:
    """
    Delete the jobs that were finished first, if before an instant, with all their rows; return how many.
    """
    over = and_(
        jobs.c.state.in_(FINAL),
        jobs.c.orphaned_at.is_(None),
        jobs.c.finished_at < before,
        or_(jobs.c.expires_at.is_(None), jobs.c.expires_at < before),
        or_(jobs.c.state.not_in(UNSETTLED), jobs.c.due_at < now),
    )
    longest = select(jobs.c.tenant, jobs.c.id).where(over).order_by(jobs.c.finished_at, jobs.c.id)
    found = _claimed(connection, longest.limit(limit))
    for table in _OF_A_JOB:
        connection.execute(delete(table).where(tuple_(table.c.tenant, table.c.job_id).in_(found)))
    connection.execute(delete(jobs).where(tuple_(jobs.c.tenant, jobs.c.id).in_(found)))
    return len(found)


def _claimed(connection: Connection, these: Select[Any]) -> Sequence[tuple[str, ...]]:
    # Named first, as no DELETE has a limit everywhere; what another prunes just now is left to them.
    return [tuple(row) for row in connection.execute(these.with_for_update(skip_locked=True))]
