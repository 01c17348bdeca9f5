"""
The statements of erasures: what was erased, and which jobs that reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, insert, select, update

from .._core.erasure import Erasure, Tombstone
from .._core.job import WrappedKey
from .._core.lifecycle import State
from .._core.wire import read_tombstone, spell_tombstone
from .._sql.tables import erasure_table as erasures
from .._sql.tables import erasure_tag_table as tags_of_erasures
from .._sql.tables import job_table as jobs
from .._sql.tables import job_tag_table as tags_of_jobs
from .._sql.tables import job_version_table
from ..errors import SubjectErased


def hold_requests(connection: Connection) -> None:
    """
    Wait for the requests that are being stored, and let none in until this transaction ends.

    SQLite has one writer at a time anyway.
    """
    connection.execute(select(job_version_table.c.version).with_for_update()).all()


def refuse_erased(connection: Connection, tenant: str, tags: Collection[str], past: str | None) -> None:
    """
    Raise `SubjectErased` if somebody with these tags was erased, unless the caller knows of it as *past*.

    An erasure that begins waits until this transaction ends, and then reaches what it stores.
    """
    connection.execute(select(job_version_table.c.version).with_for_update(read=True)).all()
    found = latest_erasure(connection, tenant, tags)
    if found is not None and found.tombstone.receipt != past:
        raise SubjectErased(erased_at=found.tombstone.at)


def tag_job(connection: Connection, tenant: str, job_id: str, tags: Collection[str]) -> None:
    """
    Store by which tags an erasure finds a job.
    """
    rows = [{"tenant": tenant, "tag": tag, "job_id": job_id} for tag in sorted(set(tags))]
    if rows:
        connection.execute(insert(tags_of_jobs), rows)


def latest_erasure(connection: Connection, tenant: str, tags: Collection[str]) -> Erasure | None:
    """
    Return the latest erasure that has one of these tags.
    """
    tagged = select(tags_of_erasures.c.receipt).where(
        tags_of_erasures.c.tenant == tenant, tags_of_erasures.c.tag.in_(sorted(set(tags)))
    )
    theirs = select(erasures).where(erasures.c.tenant == tenant, erasures.c.receipt.in_(tagged))
    latest = theirs.order_by(erasures.c.at.desc(), erasures.c.receipt.desc()).limit(1)
    return _first(connection, latest)


def all_erasures(connection: Connection, *, unfinished: bool) -> Sequence[Erasure]:
    """
    Return erasures, the oldest first.
    """
    query = select(erasures).order_by(erasures.c.at, erasures.c.receipt)
    if unfinished:
        query = query.where(erasures.c.sealed.is_not(None))
    return [_erasure(row) for row in connection.execute(query).mappings()]


def locked_erasure(connection: Connection, tenant: str, receipt: str) -> Erasure | None:
    """
    Return an erasure whose row nobody else changes until this transaction ends.
    """
    this = select(erasures).where(erasures.c.tenant == tenant, erasures.c.receipt == receipt)
    return _first(connection, this.with_for_update())


def put_erasure(connection: Connection, erasure: Erasure) -> Erasure:
    """
    Store a new erasure with its tags.
    """
    stone = erasure.tombstone
    connection.execute(insert(erasures).values(_row(erasure)))
    rows = [{"tenant": stone.tenant, "tag": tag, "receipt": stone.receipt} for tag in stone.tags]
    connection.execute(insert(tags_of_erasures), rows)
    return erasure


def change_erasure(connection: Connection, erasure: Erasure, **changes: Any) -> Erasure:
    """
    Store what has changed of an erasure that is locked.
    """
    changed = evolve(erasure, **changes)
    stone = changed.tombstone
    this = update(erasures).where(erasures.c.tenant == stone.tenant, erasures.c.receipt == stone.receipt)
    connection.execute(this.values(_row(changed)))
    return changed


def jobs_with(stone: Tombstone) -> Select[Any]:
    """
    Return the query of the jobs that have one of a tombstone's tags, by id.
    """
    tagged = select(tags_of_jobs.c.job_id).where(
        tags_of_jobs.c.tenant == stone.tenant, tags_of_jobs.c.tag.in_(stone.tags)
    )
    return select(jobs).where(jobs.c.tenant == stone.tenant, jobs.c.id.in_(tagged)).order_by(jobs.c.id)


def newer_jobs(connection: Connection, stone: Tombstone) -> bool:
    """
    Return whether a job that is not erased has a tag of the tombstone, and is newer than it.
    """
    newer = jobs_with(stone).where(jobs.c.created_at > stone.at, jobs.c.state != State.ERASED)
    return connection.execute(newer.limit(1)).first() is not None


def reached() -> ColumnElement[bool]:
    """
    Return the condition that an erasure reaches a row of `export_job`.
    """
    same_tag = and_(
        tags_of_erasures.c.tenant == tags_of_jobs.c.tenant, tags_of_erasures.c.tag == tags_of_jobs.c.tag
    )
    same_erasure = and_(
        erasures.c.tenant == tags_of_erasures.c.tenant, erasures.c.receipt == tags_of_erasures.c.receipt
    )
    return exists(
        select(erasures.c.receipt)
        .select_from(tags_of_jobs)
        .join(tags_of_erasures, same_tag)
        .join(erasures, same_erasure)
        .where(
            tags_of_jobs.c.tenant == jobs.c.tenant,
            tags_of_jobs.c.job_id == jobs.c.id,
            erasures.c.at >= jobs.c.created_at,
        )
    )


def is_reached(connection: Connection, tenant: str, job_id: str) -> bool:
    """
    Return whether an erasure reaches a job.
    """
    this = select(jobs.c.id).where(jobs.c.tenant == tenant, jobs.c.id == job_id, reached())
    return connection.execute(this).first() is not None


def _first(connection: Connection, query: Select[Any]) -> Erasure | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else _erasure(row)


def _row(erasure: Erasure) -> dict[str, Any]:
    stone, wrapped = erasure.tombstone, erasure.wrapped_key
    return {
        "tenant": stone.tenant,
        "receipt": stone.receipt,
        "at": stone.at,
        "tombstone": spell_tombstone(stone),
        "number": erasure.number,
        "sealed": erasure.sealed,
        "wrapped_key_id": wrapped and wrapped.key_id,
        "wrapped_key": wrapped and wrapped.ciphertext,
        "exports": erasure.exports,
        "finished_at": erasure.finished_at,
    }


def _erasure(row: Any) -> Erasure:
    wrapped = None
    if row["wrapped_key"] is not None:
        wrapped = WrappedKey(key_id=row["wrapped_key_id"], ciphertext=row["wrapped_key"])
    return Erasure(
        tombstone=read_tombstone(row["tombstone"]),
        number=row["number"],
        sealed=row["sealed"],
        wrapped_key=wrapped,
        exports=row["exports"],
        finished_at=row["finished_at"],
    )
