"""
The contract of `ports.outbox`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ..._core.trail import AuditEntry, Event
from ...ports.outbox import Outbox


def make_entry(id: str, *, tenant: str = "default", job_id: str = "job-1") -> AuditEntry:
    """
    Return an audit entry with this id.
    """
    return AuditEntry(
        id=id,
        event=Event.REQUESTED,
        tenant=tenant,
        job_id=job_id,
        at=datetime(2026, 1, 2, 12, 0, 0, 1, tzinfo=UTC),
        actor="a" * 64,
        capacity="subject",
        subject="b" * 64,
        facts={"formats": "csv json", "reason": "Grüße,\n\u2028zweite Zeile \x00 \U0001f600"},
    )


class OutboxContract:
    """
    What every `Outbox` keeps. Give one fixture: *outbox*, empty.
    """

    @pytest.fixture
    def outbox(self) -> Outbox:
        """
        The outbox under test.
        """
        raise NotImplementedError("give a fixture `outbox` that returns your outbox, empty")

    def test_kept_entries_wait_in_order(self, outbox: Outbox) -> None:
        """
        What was kept comes back whole, the oldest first, as often as asked.
        """
        entries = [make_entry("z"), make_entry("a"), make_entry("m")]
        outbox.keep(entries[:2])
        outbox.keep(entries[2:])
        assert [entries, entries] == [list(outbox.pending()), list(outbox.pending())]
        assert entries[:2] == list(outbox.pending(2))

    def test_delivered_entries_are_forgotten(self, outbox: Outbox) -> None:
        """
        A delivered entry waits no more; one that is gone, or never was, may be named again.
        """
        outbox.keep([make_entry("1"), make_entry("2"), make_entry("3")])
        outbox.delivered(["1", "3"])
        outbox.delivered(["1", "nobody"])
        outbox.delivered([])
        assert [make_entry("2")] == list(outbox.pending())

    def test_an_entry_waits_once(self, outbox: Outbox) -> None:
        """
        An entry that waits already, by tenant and id, is not stored again.
        """
        outbox.keep([make_entry("1")])
        outbox.keep([make_entry("1", job_id="other"), make_entry("1", tenant="other")])
        assert [make_entry("1"), make_entry("1", tenant="other")] == list(outbox.pending())

    def test_nothing_kept_is_nothing_pending(self, outbox: Outbox) -> None:
        """
        An empty outbox is no error.
        """
        outbox.keep([])
        assert not list(outbox.pending())
