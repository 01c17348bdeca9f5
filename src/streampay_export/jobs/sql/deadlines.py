"""
Deadlines, and the overview: each of its questions goes along an index, and stops after so many answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, or_, select

from ..._core.deadline import Deadline
from ..._core.job import REFUSED, Job
from ..._core.lifecycle import ACTIVE, State
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._sql.tables import job_table as jobs
from ...ports.jobs import LARGEST_COUNT, LATEST_FAILED, MOST_OVERDUE, Overview
from ...ports.jobs.deadlines import JobDeadlines
from .outbox import SqlOutbox
from .rows import change_job, locked_job, possible, row_to_job


class SqlDeadlines(SqlOutbox, JobDeadlines):
    def reschedule(
        self,
        before: Job,
        deadline: Deadline,
        *,
        expected: Collection[State],
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        with self._database.writing() as connection:
            job = locked_job(connection, before.tenant, before.id)
            if job is None or job.state not in expected or job.deadline != before.deadline:
                return None
            stopped = deadline.paused_at is not None and job.state is State.RUNNING
            rescheduled = change_job(
                connection,
                job,
                due_at=deadline.due_at,
                extension=deadline.extension,
                paused_at=deadline.paused_at,
                state=State.QUEUED if stopped else job.state,
                lease_until=None if stopped else job.lease_until,
                fence=job.fence + stopped,
                attempts=job.attempts - stopped,
            )
            self._post(connection, entries, notifications)
            return rescheduled

    def overview(self, tenant: str) -> Overview:
        if not possible(tenant):
            return Overview(counts=dict.fromkeys(State, 0), waiting_since=None, overdue=())
        now = self._database.now
        waits = select(jobs.c.waits_from).where(jobs.c.tenant == tenant, jobs.c.waits_from <= now)
        late = (*(_overdue(tenant, state, now) for state in ACTIVE), _failed_overdue(tenant, now))
        with self._database.reading() as connection:
            found = [row_to_job(row) for query in late for row in connection.execute(query).mappings()]
            return Overview(
                counts={state: _count(connection, tenant, state) for state in State},
                waiting_since=connection.scalar(waits.order_by(jobs.c.waits_from).limit(1)),
                overdue=sorted(found, key=lambda job: (job.due_at, job.id))[:MOST_OVERDUE],
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
