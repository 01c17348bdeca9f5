"""
The statements of parts that last.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from .._core.closed_part import KeptPart
from .._sql.tables import part_table as parts


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
    connection.execute(delete(parts).where(parts.c.tenant == tenant, parts.c.job_id == job_id))
