"""
Entries and notifications that wait.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from attrs import evolve

from ..._core.notification import PendingNotification
from ..._core.trail import AuditEntry
from ...ports.outbox import Outbox
from .rows import MemoryRows, StoredNotification


class MemoryOutbox(MemoryRows, Outbox):
    def pending(self, limit: int = 100) -> Sequence[AuditEntry]:
        with self._lock:
            return list(self._outbox.values())[:limit]

    def delivered(self, entry_ids: Sequence[str]) -> None:
        with self._lock:
            kept = {key: entry for key, entry in self._outbox.items() if entry.id not in entry_ids}
            self._outbox = kept

    def keep(self, entries: Sequence[AuditEntry]) -> None:
        with self._lock:
            self._post(entries)

    def claim_notification(
        self, *, lease: timedelta, stored_before: datetime | None = None
    ) -> PendingNotification | None:
        with self._lock:
            now = self.now()
            waiting = [
                (each.waits_from if stored_before is None else each.stored_at, each.pending.id, each)
                for each in self._notifications.values()
                if each.waits_from <= now and (stored_before is None or each.stored_at < stored_before)
            ]
            if not waiting:
                return None
            *_, first = min(waiting, key=lambda found: found[:2])
            taken = evolve(first.pending, attempts=first.pending.attempts + 1)
            self._notifications[taken.tenant, taken.id] = evolve(first, pending=taken, waits_from=now + lease)
            return taken

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        with self._lock:
            this = pending.tenant, pending.id
            held = self._notifications.get(this)
            if held is not None and held.pending.attempts == pending.attempts:
                postponed = evolve(held.pending, attempts=pending.attempts - give_back)
                self._notifications[this] = evolve(held, pending=postponed, waits_from=until)

    def notified(self, pending: PendingNotification, entries: Sequence[AuditEntry] = ()) -> None:
        with self._lock:
            if self._notifications.pop((pending.tenant, pending.id), None) is not None:
                self._post(entries)

    def notification_keys(self) -> Collection[str]:
        with self._lock:
            return {each.pending.wrapped_key.key_id for each in self._notifications.values()}

    def _post(self, entries: Sequence[AuditEntry], notifications: Sequence[PendingNotification] = ()) -> None:
        for entry in entries:
            self._outbox.setdefault((entry.tenant, entry.id), entry)
        for each in notifications:
            stored = StoredNotification(pending=each, stored_at=self.now(), waits_from=self.now())
            self._notifications.setdefault((each.tenant, each.id), stored)
