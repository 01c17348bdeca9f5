"""
Links: each statement asks the database's clock and the job's row at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..._core.lifecycle import State
from ..._core.ticket import DOWNLOADING, OPENING, Purpose
from ..._core.trail import AuditEntry
from ..._sql.tables import job_table as jobs
from ..._sql.tables import link_table as links
from ..._sql.types import microseconds
from ...errors import InvalidRequest
from ...ports.jobs import LinkUse
from ...ports.jobs.links import JobLinks
from .erasures import reached
from .outbox import SqlOutbox
from .rows import possible

_Name = tuple[str, str, str]
"""A link's tenant, job and id."""


class SqlLinks(SqlOutbox, JobLinks):
    def add_link(
        self,
        tenant: str,
        job_id: str,
        link_id: str,
        *,
        expires_at: datetime,
        purpose: Purpose = Purpose.DOWNLOAD,
        limit: int | None = None,
        opened_from: str | None = None,
    ) -> bool:
        if not possible(tenant, job_id, opened_from or ""):
            return False
        now = self._database.now
        terms = {
            "purpose": purpose, "expires_at": expires_at, "begun_limit": limit, "opened_from": opened_from
        }  # fmt: skip
        try:
            with self._database.writing() as connection:
                if opened_from is not None and not _count_opening(connection, now, (tenant, job_id, opened_from)):
                    return False
                return _insert(connection, now, (tenant, job_id, link_id), terms)
        except IntegrityError:
            raise InvalidRequest("link", "a link with this id exists already; make a new id") from None

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        if not possible(tenant, job_id, link_id):
            return False
        with self._database.reading() as connection:
            this = _openable((tenant, job_id, link_id), self._database.now)
            return connection.scalar(select(links.c.id).where(this)) is not None

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        See `JobStore.use_link`. Only what begins a session writes.
        """
        if not possible(tenant, job_id, link_id):
            return None
        name = (tenant, job_id, link_id)
        # Who wanted to begin what another has begun meanwhile goes on with it.
        return self._go_on(name, session) or self._begin(name) or self._go_on(name, session)

    def revoke_links(
        self,
        tenant: str,
        *,
        owner_tag: str | None = None,
        job_id: str | None = None,
        link_id: str | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> int:
        with self._database.writing() as connection:
            self._post(connection, entries)
            if not possible(tenant, owner_tag or "", job_id or "", link_id or ""):
                return 0
            these = [links.c.tenant == tenant]
            if owner_tag is not None:
                owned = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.owner_tag == owner_tag)
                these.append(links.c.job_id.in_(owned))
            if job_id is not None:
                these.append(links.c.job_id == job_id)
            if link_id is not None:
                these.append(or_(links.c.id == link_id, links.c.opened_from == link_id))
            return connection.execute(delete(links).where(*these)).rowcount

    def _go_on(self, name: _Name, session: timedelta) -> LinkUse | None:
        now = self._database.now
        with self._database.reading() as connection:
            lasts = links.c.begun_at > now - microseconds(session)
            begun_at = connection.scalar(select(links.c.begun_at).where(_usable(name, now), lasts))
            return None if begun_at is None else LinkUse(begun_at=begun_at, first=False)

    def _begin(self, name: _Name) -> LinkUse | None:
        now = self._database.now
        with self._database.writing() as connection:
            fresh = and_(links.c.begun_at.is_(None), links.c.expires_at > now)
            this = update(links).where(_usable(name, now), fresh)
            if connection.execute(this.values(begun_at=now)).rowcount == 0:
                return None
            begun_at = connection.scalars(select(links.c.begun_at).where(_named(name))).one()
            return LinkUse(begun_at=begun_at, first=True)


def _insert(connection: Connection, now: ColumnElement[datetime], name: _Name, terms: Mapping[str, Any]) -> bool:
    tenant, job_id, link_id = name
    row = {"id": link_id, "begun": 0, **terms}
    values = select(jobs.c.tenant, jobs.c.id, *(literal(value, links.c[key].type) for key, value in row.items()))
    columns = ["tenant", "job_id", *row]
    added = insert(links).from_select(columns, values.where(_downloadable(tenant, job_id, now), ~reached()))
    return connection.execute(added.execution_options(preserve_rowcount=True)).rowcount == 1


def _count_opening(connection: Connection, now: ColumnElement[datetime], name: _Name) -> bool:
    tenant, job_id, _ = name
    # The job's row first, as whoever ends a job has it: never the one waiting for the other.
    job = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.id == job_id)
    connection.execute(job.with_for_update(read=True, key_share=True))
    one_more = update(links).where(_openable(name, now)).values(begun=links.c.begun + 1)
    return connection.execute(one_more).rowcount == 1


def _named(name: _Name) -> ColumnElement[bool]:
    tenant, job_id, link_id = name
    return and_(links.c.tenant == tenant, links.c.job_id == job_id, links.c.id == link_id)


def _downloadable(tenant: str, job_id: str, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(jobs.c.tenant == tenant, jobs.c.id == job_id, jobs.c.state == State.READY, jobs.c.expires_at > now)


def _ready(name: _Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return select(jobs.c.id).where(_downloadable(*name[:2], now)).exists()


def _openable(name: _Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    unspent = or_(links.c.begun_limit.is_(None), links.c.begun < links.c.begun_limit)
    in_time = and_(links.c.purpose.in_(sorted(OPENING)), links.c.expires_at > now)
    return and_(_named(name), in_time, unspent, _ready(name, now))


def _usable(name: _Name, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    # A link may be opened while the one it is opened from is revoked: then it is found out here.
    opened = links.alias("opened")
    its = and_(opened.c.tenant == name[0], opened.c.job_id == name[1], opened.c.id == links.c.opened_from)
    stands = or_(links.c.opened_from.is_(None), select(opened.c.id).where(its).exists())
    return and_(_named(name), links.c.purpose.in_(sorted(DOWNLOADING)), stands, _ready(name, now))
