"""
The statements of links: each asks the database's clock and the job's row at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, literal, or_, select, update

from .._core.lifecycle import State
from .._core.ticket import DOWNLOADING, OPENING
from .._sql.tables import job_table as jobs
from .._sql.tables import link_table as links
from .._sql.types import microseconds
from ..ports.jobs import LinkUse
from .sql_erasure import reached

Name = tuple[str, str, str]
"""A link's tenant, job and id."""


def insert_link(connection: Connection, now: ColumnElement[datetime], name: Name, terms: Mapping[str, Any]) -> bool:
    """
    Add a link if its job can be downloaded now; return whether it was. *terms* are columns of it.
    """
    tenant, job_id, link_id = name
    row = {"id": link_id, "begun": 0, **terms}
    values = select(jobs.c.tenant, jobs.c.id, *(literal(value, links.c[key].type) for key, value in row.items()))
    columns = ["tenant", "job_id", *row]
    added = insert(links).from_select(columns, values.where(_downloadable(tenant, job_id, now), ~reached()))
    return connection.execute(added.execution_options(preserve_rowcount=True)).rowcount == 1


def count_opening(connection: Connection, now: ColumnElement[datetime], name: Name) -> bool:
    """
    Count one more download of an open link, if it may begin one now; return whether it may.
    """
    tenant, job_id, _ = name
    # The job's row first, as whoever ends a job has it: never the one waiting for the other.
    job = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.id == job_id)
    connection.execute(job.with_for_update(read=True, key_share=True))
    one_more = update(links).where(_openable(name, now)).values(begun=links.c.begun + 1)
    return connection.execute(one_more).rowcount == 1


def can_open(connection: Connection, now: ColumnElement[datetime], name: Name) -> bool:
    """
    Return whether an open link may begin a download now.
    """
    return connection.scalar(select(links.c.id).where(_openable(name, now))) is not None


def going_on(
    connection: Connection, now: ColumnElement[datetime], name: Name, session: timedelta
) -> LinkUse | None:
    """
    Return the use of a link whose session lasts, if link and job allow it now.
    """
    lasts = links.c.begun_at > now - microseconds(session)
    begun_at = connection.scalar(select(links.c.begun_at).where(_usable(name, now), lasts))
    return None if begun_at is None else LinkUse(begun_at=begun_at, first=False)


def beginning(connection: Connection, now: ColumnElement[datetime], name: Name) -> LinkUse | None:
    """
    Begin a link's session, if it has none, and link and job allow it now.
    """
    fresh = and_(links.c.begun_at.is_(None), links.c.expires_at > now)
    if connection.execute(update(links).where(_usable(name, now), fresh).values(begun_at=now)).rowcount == 0:
        return None
    begun_at = connection.scalars(select(links.c.begun_at).where(_named(name))).one()
    return LinkUse(begun_at=begun_at, first=True)


def delete_links(
    connection: Connection,
    tenant: str,
    *,
    owner_tag: str | None = None,
    job_id: str | None = None,
    link_id: str | None = None,
) -> int:
    """
    Forget the links of a tenant, of one owner, one job, one link where given; return how many.
    """
    these = [links.c.tenant == tenant]
    if owner_tag is not None:
        owned = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.owner_tag == owner_tag)
        these.append(links.c.job_id.in_(owned))
    if job_id is not None:
        these.append(links.c.job_id == job_id)
    if link_id is not None:
        these.append(or_(links.c.id == link_id, links.c.opened_from == link_id))
    return connection.execute(delete(links).where(*these)).rowcount


def _named(name: Name) -> ColumnElement[bool]:
    tenant, job_id, link_id = name
    return and_(links.c.tenant == tenant, links.c.job_id == job_id, links.c.id == link_id)


def _downloadable(tenant: str, job_id: str, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(jobs.c.tenant == tenant, jobs.c.id == job_id, jobs.c.state == State.READY, jobs.c.expires_at > now)


def _ready(name: Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return select(jobs.c.id).where(_downloadable(*name[:2], now)).exists()


def _openable(name: Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    unspent = or_(links.c.begun_limit.is_(None), links.c.begun < links.c.begun_limit)
    in_time = and_(links.c.purpose.in_(sorted(OPENING)), links.c.expires_at > now)
    return and_(_named(name), in_time, unspent, _ready(name, now))


def _usable(name: Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    # A link may be opened while the one it is opened from is revoked: then it is found out here.
    opened = links.alias("opened")
    its = and_(opened.c.tenant == name[0], opened.c.job_id == name[1], opened.c.id == links.c.opened_from)
    stands = or_(links.c.opened_from.is_(None), select(opened.c.id).where(its).exists())
    return and_(_named(name), links.c.purpose.in_(sorted(DOWNLOADING)), stands, _ready(name, now))
