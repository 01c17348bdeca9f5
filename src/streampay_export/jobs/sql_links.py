"""
The statements of download links: each asks the database's clock and the job's row at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, literal, or_, select, update

from .._core.lifecycle import State
from .._sql.tables import job_table as jobs
from .._sql.tables import link_table as links
from .._sql.types import Instant, microseconds
from ..ports.jobs import LinkUse


def _downloadable(tenant: str, job_id: str, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(jobs.c.tenant == tenant, jobs.c.id == job_id, jobs.c.state == State.READY, jobs.c.expires_at > now)


def insert_link(
    connection: Connection,
    now: ColumnElement[datetime],
    name: tuple[str, str, str],
    expires_at: datetime,
) -> bool:
    """
    Add a link, named by tenant, job and id, if its job can be downloaded now; return whether it was.
    """
    tenant, job_id, link_id = name
    values = select(
        jobs.c.tenant, jobs.c.id, literal(link_id, links.c.id.type), literal(expires_at, Instant), literal(0)
    ).where(_downloadable(tenant, job_id, now))
    columns = ["tenant", "job_id", "id", "expires_at", "uses"]
    added = insert(links).from_select(columns, values).execution_options(preserve_rowcount=True)
    return connection.execute(added).rowcount == 1


def spend_link(
    connection: Connection,
    now: ColumnElement[datetime],
    name: tuple[str, str, str],
    session: timedelta,
) -> LinkUse | None:
    """
    Begin or go on with a link's session, if link and job allow it now.
    """
    tenant, job_id, link_id = name
    this = and_(links.c.tenant == tenant, links.c.job_id == job_id, links.c.id == link_id)
    in_time = or_(
        and_(links.c.begun_at.is_(None), links.c.expires_at > now),
        links.c.begun_at > now - microseconds(session),
    )
    ready = select(jobs.c.id).where(_downloadable(tenant, job_id, now)).exists()
    begin = {"begun_at": func.coalesce(links.c.begun_at, now), "uses": links.c.uses + 1}
    if connection.execute(update(links).where(this, in_time, ready).values(begin)).rowcount == 0:
        return None
    used = connection.execute(select(links.c.begun_at, links.c.uses).where(this)).one()
    return LinkUse(begun_at=used.begun_at, first=used.uses == 1)


def delete_links(connection: Connection, tenant: str, job_id: str) -> None:
    """
    Forget all links of a job.
    """
    connection.execute(delete(links).where(links.c.tenant == tenant, links.c.job_id == job_id))
