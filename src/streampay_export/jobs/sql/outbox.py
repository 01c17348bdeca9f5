"""
Entries and notifications that wait: stored, and cleared, in one transaction with what they speak of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..._core.job import WrappedKey
from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ..._core.wire import read_entry, spell_entry
from ..._sql.tables import notification_table as notifications
from ..._sql.tables import outbox_table as outbox
from ...errors import JobStoreUnavailable
from ...ports.outbox import Outbox
from .rows import TRIES, SqlRows

_SAME = ("id", "tenant", "job_id", "occasion", "sealed", "attempts")

_OLDEST = select(outbox.c.entry).order_by(outbox.c.number).limit(bindparam("most"))
_DELIVERED = delete(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True)))
_UNLESS_KEPT = insert(outbox).from_select(
    ["tenant", "id", "entry"],
    select(*(bindparam(name, type_=outbox.c[name].type) for name in ("tenant", "id", "entry"))).where(
        ~exists().where(outbox.c.tenant == bindparam("tenant"), outbox.c.id == bindparam("id"))
    ),
)


class SqlOutbox(SqlRows, Outbox):
    def pending(self, limit: int = 100) -> Sequence[AuditEntry]:
        with self._database.reading() as connection:
            return [read_entry(text) for text in connection.scalars(_OLDEST, {"most": limit})]

    def delivered(self, entry_ids: Sequence[str]) -> None:
        with self._database.writing() as connection:
            connection.execute(_DELIVERED, {"ids": entry_ids})

    def keep(self, entries: Sequence[AuditEntry]) -> None:
        for _ in range(TRIES):
            with suppress(IntegrityError), self._database.writing() as connection:
                return self._post(connection, entries)
        raise JobStoreUnavailable("others kept storing the same entries")

    def claim_notification(
        self, *, lease: timedelta, stored_before: datetime | None = None
    ) -> PendingNotification | None:
        with self._database.writing() as connection:
            until = self._instant(connection) + lease
            waits, since = notifications.c.waits_from <= self._database.now, notifications.c.waits_from
            if stored_before is not None:
                waits, since = and_(waits, notifications.c.stored_at < stored_before), notifications.c.stored_at
            first = select(notifications).where(waits).order_by(since, notifications.c.id).limit(1)
            row = connection.execute(first.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            taken = _pending(row, attempts=row["attempts"] + 1)
            changes = {"attempts": taken.attempts, "waits_from": until}
            connection.execute(update(notifications).where(_this(taken)).values(changes))
            return taken

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        with self._database.writing() as connection:
            this = update(notifications).where(_this(pending), notifications.c.attempts == pending.attempts)
            connection.execute(this.values(waits_from=until, attempts=pending.attempts - give_back))

    def notified(self, pending: PendingNotification, entries: Sequence[AuditEntry] = ()) -> None:
        """
        See `Outbox.notified`. On SQLite the write-ahead log is emptied of whom it was about.
        """
        with self._database.writing() as connection:
            if connection.execute(delete(notifications).where(_this(pending))).rowcount:
                self._post(connection, entries)
        self._database.truncate_log()

    def notification_keys(self) -> Collection[str]:
        with self._database.reading() as connection:
            return frozenset(connection.scalars(select(notifications.c.wrapped_key_id).distinct()))

    def _post(
        self,
        connection: Connection,
        entries: Sequence[AuditEntry],
        notifications: Sequence[PendingNotification] = (),
    ) -> None:
        # What waits already is not stored again.
        _put_entries(connection, entries)
        if notifications:
            _put_notifications(connection, notifications, self._instant(connection))


def _put_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    for entry in entries:
        row = {"tenant": entry.tenant, "id": entry.id, "entry": spell_entry(entry)}
        connection.execute(_UNLESS_KEPT, row)


def _put_notifications(connection: Connection, new: Sequence[PendingNotification], now: datetime) -> None:
    for each in new:
        if connection.scalar(select(notifications.c.id).where(_this(each))) is None:
            row = {name: getattr(each, name) for name in _SAME} | {
                "occasion": str(each.occasion),
                "wrapped_key_id": each.wrapped_key.key_id,
                "wrapped_key": each.wrapped_key.ciphertext,
                "stored_at": now,
                "waits_from": now,
            }
            connection.execute(insert(notifications).values(row))


def _this(pending: PendingNotification) -> ColumnElement[bool]:
    return and_(notifications.c.tenant == pending.tenant, notifications.c.id == pending.id)


def _pending(row: Mapping[Any, Any], *, attempts: int) -> PendingNotification:
    wrapped = WrappedKey(key_id=row["wrapped_key_id"], ciphertext=row["wrapped_key"])
    return PendingNotification(**{name: row[name] for name in _SAME} | {"attempts": attempts}, wrapped_key=wrapped)
