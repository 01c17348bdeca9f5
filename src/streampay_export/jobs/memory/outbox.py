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
from .rows import MemoryRows


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

    def claim_notification(self, *, lease: timedelta) -> PendingNotification | None:
        with self._lock:
            now = self.now()
            waiting = [(since, each.id, each) for each, since in self._notifications.values() if since <= now]
            if not waiting:
                return None
            *_, longest = min(waiting, key=lambda found: found[:2])
            taken = evolve(longest, attempts=longest.attempts + 1)
            self._notifications[taken.tenant, taken.id] = (taken, now + lease)
            return taken

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        with self._lock:
            held, _ = self._notifications.get((pending.tenant, pending.id), (None, None))
            if held is not None and held.attempts == pending.attempts:
                postponed = evolve(held, attempts=held.attempts - give_back)
                self._notifications[pending.tenant, pending.id] = (postponed, until)

    def notified(self, pending: PendingNotification, entries: Sequence[AuditEntry] = ()) -> None:
        with self._lock:
            if self._notifications.pop((pending.tenant, pending.id), None) is not None:
                self._post(entries)

    def notification_keys(self) -> Collection[str]:
        with self._lock:
            return {each.wrapped_key.key_id for each, _ in self._notifications.values()}

    def _post(self, entries: Sequence[AuditEntry], notifications: Sequence[PendingNotification] = ()) -> None:
        for entry in entries:
            self._outbox.setdefault((entry.tenant, entry.id), entry)
        for each in notifications:
            self._notifications.setdefault((each.tenant, each.id), (each, self.now()))
