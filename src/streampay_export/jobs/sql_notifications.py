"""
The statements of notifications that wait: stored, and cleared, in the transaction that a caller has open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from .._core.job import WrappedKey
from .._core.notification import PendingNotification
from .._sql.tables import notification_table as notifications

_SAME = ("id", "tenant", "job_id", "occasion", "sealed", "attempts")


def put_notifications(connection: Connection, new: Sequence[PendingNotification], now: datetime) -> None:
    """
    Store notifications that do not wait already; they wait from *now*.
    """
    for each in new:
        if connection.scalar(select(notifications.c.id).where(_this(each))) is None:
            row = {name: getattr(each, name) for name in _SAME} | {
                "occasion": str(each.occasion),
                "wrapped_key_id": each.wrapped_key.key_id,
                "wrapped_key": each.wrapped_key.ciphertext,
                "waits_from": now,
            }
            connection.execute(insert(notifications).values(row))


def take_notification(
    connection: Connection, now: ColumnElement[datetime], until: datetime
) -> PendingNotification | None:
    """
    Return the one that has waited longest, which now waits from *until* on.
    """
    waits = select(notifications).where(notifications.c.waits_from <= now)
    longest = waits.order_by(notifications.c.waits_from, notifications.c.id).limit(1)
    row = connection.execute(longest.with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return None
    taken = _pending(row, attempts=row["attempts"] + 1)
    changes = {"attempts": taken.attempts, "waits_from": until}
    connection.execute(update(notifications).where(_this(taken)).values(changes))
    return taken


def postpone(connection: Connection, pending: PendingNotification, until: datetime, *, give_back: bool) -> None:
    """
    Let a notification wait until later, unless somebody else has taken it since.
    """
    this = update(notifications).where(_this(pending), notifications.c.attempts == pending.attempts)
    connection.execute(this.values(waits_from=until, attempts=pending.attempts - give_back))


def forget_notification(connection: Connection, pending: PendingNotification) -> None:
    """
    Delete one notification.
    """
    connection.execute(delete(notifications).where(_this(pending)))


def forget_notifications(connection: Connection, tenant: str, job_id: str) -> None:
    """
    Delete all that is still to be told about a job.
    """
    about = and_(notifications.c.tenant == tenant, notifications.c.job_id == job_id)
    connection.execute(delete(notifications).where(about))


def wrapping_keys(connection: Connection) -> Collection[str]:
    """
    Return the ids of the keys that wrap the keys of notifications.
    """
    return frozenset(connection.scalars(select(notifications.c.wrapped_key_id).distinct()))


def _this(pending: PendingNotification) -> ColumnElement[bool]:
    return and_(notifications.c.tenant == pending.tenant, notifications.c.id == pending.id)


def _pending(row: Mapping[Any, Any], *, attempts: int) -> PendingNotification:
    wrapped = WrappedKey(key_id=row["wrapped_key_id"], ciphertext=row["wrapped_key"])
    return PendingNotification(**{name: row[name] for name in _SAME} | {"attempts": attempts}, wrapped_key=wrapped)
