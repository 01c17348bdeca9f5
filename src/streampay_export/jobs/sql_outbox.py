"""
The outbox's statements: entries stored in the transaction that a caller has open.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from .._core.trail import AuditEntry
from .._core.wire import read_entry, spell_entry
from .._sql.tables import outbox_table as outbox


def put_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """
    Store entries that do not wait already.
    """
    for entry in entries:
        same = select(outbox.c.id).where(outbox.c.tenant == entry.tenant, outbox.c.id == entry.id)
        if connection.scalar(same) is None:
            row = {"tenant": entry.tenant, "id": entry.id, "entry": spell_entry(entry)}
            connection.execute(insert(outbox).values(row))


def oldest_entries(connection: Connection, limit: int) -> Sequence[AuditEntry]:
    """
    Return entries in the order they were stored.
    """
    found = connection.scalars(select(outbox.c.entry).order_by(outbox.c.number).limit(limit))
    return [read_entry(text) for text in found]


def forget_entries(connection: Connection, entry_ids: Sequence[str]) -> None:
    """
    Delete entries by id.
    """
    connection.execute(delete(outbox).where(outbox.c.id.in_(entry_ids)))
