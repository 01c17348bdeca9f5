"""
Parts: those that last, and those planned for whoever is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from ..._core.closed_part import KeptPart, PartClaim, PlannedPart
from ..._core.job import Claim, Job
from ..._core.lifecycle import State
from ..._sql.tables import job_table as jobs
from ..._sql.tables import part_table as parts
from ..._sql.tables import planned_part_table as planned
from ...errors import LeaseLost
from ...ports.jobs.parts import JobParts
from .rows import SqlRows, change_job, held_job, possible, row_to_job


class SqlParts(SqlRows, JobParts):
    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        with self._database.writing() as connection:
            job = held_job(connection, claim)
            change_job(connection, job, as_of=as_of, revision=job.revision)
            _put(connection, job, part)

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        if not possible(tenant, job_id):
            return []
        with self._database.reading() as connection:
            theirs = select(parts).where(parts.c.tenant == tenant, parts.c.job_id == job_id)
            return [
                KeptPart(dataset=row.dataset, number=row.number, fence=row.fence, sealed=row.sealed)
                for row in connection.execute(theirs.order_by(parts.c.dataset, parts.c.number))
            ]

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        with self._database.writing() as connection:
            job = held_job(connection, claim)
            change_job(connection, job, as_of=as_of, revision=job.revision)
            _plan(connection, job, parts)

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        if not possible(tenant, job_id):
            return []
        with self._database.reading() as connection:
            theirs = select(planned).where(planned.c.tenant == tenant, planned.c.job_id == job_id)
            return [
                PlannedPart(dataset=row.dataset, number=row.number, fence=row.fence, sealed=row.sealed)
                for row in connection.execute(theirs.order_by(planned.c.dataset, planned.c.number))
            ]

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        if not possible(tenant or "", job_id or ""):
            return None
        with self._database.writing() as connection:
            until = self._instant(connection) + lease
            job = and_(jobs.c.tenant == planned.c.tenant, jobs.c.id == planned.c.job_id)
            free = [
                or_(planned.c.lease_until.is_(None), planned.c.lease_until <= self._database.now),
                select(jobs.c.id).where(job, jobs.c.state == State.RUNNING).exists(),
            ]
            if tenant is not None:
                free.append(planned.c.tenant == tenant)
            if job_id is not None:
                free.append(planned.c.job_id == job_id)
            places = [planned.c.tenant, planned.c.job_id, planned.c.dataset, planned.c.number]
            first = select(planned).where(*free).order_by(*places).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(first).mappings().first()
            if row is None:
                return None
            part = PlannedPart(
                dataset=row["dataset"], number=row["number"], fence=row["fence"] + 1, sealed=row["sealed"]
            )
            of_job = select(jobs).where(jobs.c.tenant == row["tenant"], jobs.c.id == row["job_id"])
            claim = PartClaim(job=row_to_job(connection.execute(of_job).mappings().one()), part=part)
            before = PartClaim(job=claim.job, part=evolve(part, fence=row["fence"]))
            connection.execute(update(planned).where(_this(before)).values(fence=part.fence, lease_until=until))
            return claim

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        with self._database.writing() as connection:
            _lease(connection, claim, self._instant(connection) + lease)

    def release_part(self, claim: PartClaim) -> None:
        with suppress(LeaseLost), self._database.writing() as connection:
            _lease(connection, claim, None)

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        with self._database.writing() as connection:
            if connection.execute(delete(planned).where(_this(claim))).rowcount != 1:
                raise LeaseLost
            _put(connection, claim.job, part)


def _put(connection: Connection, job: Job, part: KeptPart) -> None:
    place = {"tenant": job.tenant, "job_id": job.id, "dataset": part.dataset, "number": part.number}
    connection.execute(delete(parts).filter_by(**place))
    connection.execute(insert(parts).values(**place, fence=part.fence, sealed=part.sealed))


def _plan(connection: Connection, job: Job, new: Sequence[PlannedPart]) -> None:
    there: set[tuple[str, int]] = set()
    for table in (parts, planned):
        theirs = select(table.c.dataset, table.c.number).where(
            table.c.tenant == job.tenant, table.c.job_id == job.id
        )
        there.update((row.dataset, row.number) for row in connection.execute(theirs))
    rows = [
        {
            "tenant": job.tenant,
            "job_id": job.id,
            "dataset": part.dataset,
            "number": part.number,
            "fence": part.fence,
            "sealed": part.sealed,
        }
        for part in new
        if (part.dataset, part.number) not in there
    ]
    if rows:
        connection.execute(insert(planned), rows)


def _lease(connection: Connection, claim: PartClaim, until: datetime | None) -> None:
    if connection.execute(update(planned).where(_this(claim)).values(lease_until=until)).rowcount != 1:
        raise LeaseLost


def _this(claim: PartClaim) -> ColumnElement[bool]:
    return and_(
        planned.c.tenant == claim.job.tenant,
        planned.c.job_id == claim.job.id,
        planned.c.dataset == claim.part.dataset,
        planned.c.number == claim.part.number,
        planned.c.fence == claim.part.fence,
    )
