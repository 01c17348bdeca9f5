"""
The overview: every question goes along an index, and stops after so many answers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, or_, select

from .._core.job import REFUSED
from .._core.lifecycle import ACTIVE, State
from .._sql.tables import job_table as jobs
from ..ports.jobs import LARGEST_COUNT, LATEST_FAILED, MOST_OVERDUE, Overview
from .sql_rows import row_to_job


def select_overview(connection: Connection, now: ColumnElement[datetime], tenant: str) -> Overview:
    """
    Return a tenant's overview.
    """
    theirs = jobs.c.tenant == tenant
    waiting = select(jobs.c.waits_from).where(theirs, jobs.c.waits_from <= now).order_by(jobs.c.waits_from).limit(1)
    rows = [
        row
        for query in (*(_overdue(tenant, state, now) for state in ACTIVE), _failed_overdue(tenant, now))
        for row in connection.execute(query).mappings()
    ]
    overdue = sorted(map(row_to_job, rows), key=lambda job: (job.due_at, job.id))
    return Overview(
        counts={state: _count(connection, tenant, state) for state in State},
        waiting_since=connection.scalar(waiting),
        overdue=overdue[:MOST_OVERDUE],
    )


def _count(connection: Connection, tenant: str, state: State) -> int:
    some: Select[Any] = select(literal_column("1").label("one")).where(
        jobs.c.tenant == tenant, jobs.c.state == state
    )
    return connection.scalar(select(func.count()).select_from(some.limit(LARGEST_COUNT).subquery())) or 0


def _overdue(tenant: str, state: State, now: ColumnElement[datetime]) -> Select[Any]:
    passed = and_(jobs.c.due_at <= now, or_(jobs.c.paused_at.is_(None), jobs.c.paused_at >= jobs.c.due_at))
    active = select(jobs).where(jobs.c.tenant == tenant, jobs.c.state == state, passed)
    return active.order_by(jobs.c.due_at, jobs.c.id).limit(MOST_OVERDUE)


def _failed_overdue(tenant: str, now: ColumnElement[datetime]) -> Select[Any]:
    failed = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.state == State.FAILED, jobs.c.due_at <= now)
    # Bounded before anything else is asked of them: what failed and was answered since may be any number.
    lately = failed.order_by(jobs.c.due_at.desc(), jobs.c.id.desc()).limit(LATEST_FAILED).subquery()
    later = jobs.alias()
    came_later = or_(
        later.c.created_at > jobs.c.created_at,
        and_(later.c.created_at == jobs.c.created_at, later.c.id > jobs.c.id),
    )
    followed = select(later.c.id).where(later.c.tenant == tenant, later.c.whose == jobs.c.whose, came_later)
    passed = or_(jobs.c.paused_at.is_(None), jobs.c.paused_at >= jobs.c.due_at)
    unanswered = and_(func.coalesce(jobs.c.failure_slug, "") != REFUSED, passed, ~followed.exists())
    found = select(jobs).join(lately, jobs.c.id == lately.c.id).where(jobs.c.tenant == tenant, unanswered)
    return found.order_by(jobs.c.due_at, jobs.c.id).limit(MOST_OVERDUE)
