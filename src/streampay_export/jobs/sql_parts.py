"""
The statements of parts: those that last, and those planned for whoever is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from .._core.closed_part import KeptPart, PartClaim, PlannedPart
from .._core.lifecycle import State
from .._sql.tables import job_table as jobs
from .._sql.tables import part_table as parts
from .._sql.tables import planned_part_table as planned
from ..errors import LeaseLost
from .sql_rows import row_to_job


def put_part(connection: Connection, tenant: str, job_id: str, part: KeptPart) -> None:
    """
    Store a part in the place of one with its dataset and number.
    """
    place = {"tenant": tenant, "job_id": job_id, "dataset": part.dataset, "number": part.number}
    connection.execute(delete(parts).filter_by(**place))
    connection.execute(insert(parts).values(**place, fence=part.fence, sealed=part.sealed))


def select_parts(connection: Connection, tenant: str, job_id: str) -> Sequence[KeptPart]:
    """
    Return a job's parts by (dataset, number).
    """
    theirs = select(parts).where(parts.c.tenant == tenant, parts.c.job_id == job_id)
    return [
        KeptPart(dataset=row.dataset, number=row.number, fence=row.fence, sealed=row.sealed)
        for row in connection.execute(theirs.order_by(parts.c.dataset, parts.c.number))
    ]


def delete_parts(connection: Connection, tenant: str, job_id: str) -> None:
    """
    Forget a job's parts.
    """
    for table in (parts, planned):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.job_id == job_id))


def plan(connection: Connection, tenant: str, job_id: str, new: Sequence[PlannedPart]) -> None:
    """
    Plan parts, but for those that are planned or kept already.
    """
    there: set[tuple[str, int]] = set()
    for table in (parts, planned):
        theirs = select(table.c.dataset, table.c.number).where(table.c.tenant == tenant, table.c.job_id == job_id)
        there.update((row.dataset, row.number) for row in connection.execute(theirs))
    rows = [
        {
            "tenant": tenant,
            "job_id": job_id,
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


def select_planned(connection: Connection, tenant: str, job_id: str) -> Sequence[PlannedPart]:
    """
    Return a job's planned parts by (dataset, number).
    """
    theirs = select(planned).where(planned.c.tenant == tenant, planned.c.job_id == job_id)
    return [
        PlannedPart(dataset=row.dataset, number=row.number, fence=row.fence, sealed=row.sealed)
        for row in connection.execute(theirs.order_by(planned.c.dataset, planned.c.number))
    ]


def take_part(
    connection: Connection, now: ColumnElement[datetime], until: datetime, tenant: str | None, job_id: str | None
) -> PartClaim | None:
    """
    Claim the first planned part that is free, of a running job, until an instant.
    """
    job = and_(jobs.c.tenant == planned.c.tenant, jobs.c.id == planned.c.job_id)
    free = [
        or_(planned.c.lease_until.is_(None), planned.c.lease_until <= now),
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
    part = PlannedPart(dataset=row["dataset"], number=row["number"], fence=row["fence"] + 1, sealed=row["sealed"])
    of_job = select(jobs).where(jobs.c.tenant == row["tenant"], jobs.c.id == row["job_id"])
    claim = PartClaim(job=row_to_job(connection.execute(of_job).mappings().one()), part=part)
    before = PartClaim(job=claim.job, part=evolve(part, fence=row["fence"]))
    connection.execute(update(planned).where(_this(before)).values(fence=part.fence, lease_until=until))
    return claim


def lease_part(connection: Connection, claim: PartClaim, until: datetime | None) -> None:
    """
    Move the end of a part's lease, or raise `LeaseLost`.
    """
    if connection.execute(update(planned).where(_this(claim)).values(lease_until=until)).rowcount != 1:
        raise LeaseLost


def finish_part(connection: Connection, claim: PartClaim, part: KeptPart) -> None:
    """
    Keep a planned part as closed, or raise `LeaseLost`.
    """
    if connection.execute(delete(planned).where(_this(claim))).rowcount != 1:
        raise LeaseLost
    put_part(connection, claim.job.tenant, claim.job.id, part)


def _this(claim: PartClaim) -> ColumnElement[bool]:
    return and_(
        planned.c.tenant == claim.job.tenant,
        planned.c.job_id == claim.job.id,
        planned.c.dataset == claim.part.dataset,
        planned.c.number == claim.part.number,
        planned.c.fence == claim.part.fence,
    )
