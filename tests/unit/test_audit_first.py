"""
Audit comes first: with a trail that hangs nothing is handed out, and nobody is kept from stopping or deleting.
"""

import os
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from streampay_export import Subject
from streampay_export._core.lifecycle import State
from streampay_export._core.verification import verify_chain
from streampay_export.audit import jsonl
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.errors import AuditUnavailable, NotFound
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.deployment import MemoryDeployment

from .test_service import ALICE, BOB, payouts, ready, token

TIMEOUT = 0.1


@pytest.fixture
def trail(tmp_path, monkeypatch):
    """
    A trail in a file, which waits a tenth of a second for its disk.
    """
    monkeypatch.setattr(jsonl, "LONGEST_WAIT", TIMEOUT)
    return JsonLinesAudit(tmp_path / "trail.jsonl", chain=TEST_CHAIN)


@pytest.fixture
def disk(monkeypatch):
    """
    A disk whose fsync hangs while the event is not set.
    """
    works, fsync = threading.Event(), os.fsync
    works.set()
    monkeypatch.setattr(os, "fsync", lambda file: works.wait() and fsync(file))
    yield works
    works.set()


def refused_in_time(call, *arguments):
    """
    Make a call that must be refused by the audit trail, within its timeout.
    """
    begun = time.monotonic()
    with pytest.raises(AuditUnavailable, match="did not answer"):
        call(*arguments)
    assert time.monotonic() - begun < 20 * TIMEOUT


def events(trail, job_id):
    """
    Return how often each event of a job is recorded.
    """
    return Counter(str(entry.event) for entry in trail.entries("default", job_id))


def test_a_trail_that_hangs_refuses_and_recovers(trail, disk):
    """
    While it hangs there is no request, no link, no byte and no row read; deleting, cancelling, expiring and denying
    go on, and are recorded once when it is back, without a restart.
    """
    house = MemoryDeployment({"payouts": payouts(3)}, audit=trail, trail=trail)
    expiring = ready(house)
    house.clock.advance(timedelta(days=6))
    deleted = ready(house)
    ticket = token(house.service.link(ALICE, deleted).url)
    cancelled = house.service.request(ALICE, Subject("alice")).export.id
    disk.clear()

    refused_in_time(house.service.request, BOB, Subject("bob"))
    refused_in_time(house.service.link, ALICE, deleted)
    refused_in_time(house.service.open, ALICE, deleted, ticket)
    assert State.QUEUED is house.worker.work().state
    with pytest.raises(NotFound):
        house.service.status(BOB, deleted)
    assert State.CANCELLED is house.service.delete(ALICE, cancelled).state
    assert State.DELETED is house.service.delete(ALICE, deleted).state
    house.clock.advance(timedelta(days=1))
    assert 1 == house.sweeper.sweep().expired
    assert State.EXPIRED is house.service.status(ALICE, expiring).state
    assert not list(house.storage.list())
    assert not house.service.list(BOB).items

    disk.set()
    assert 4 == house.sweeper.sweep().delivered
    assert 0 == house.sweeper.sweep().delivered
    assert (1, 1, 1) == (
        events(trail, deleted)["deleted"],
        events(trail, cancelled)["cancelled"],
        events(trail, expiring)["expired"],
    )
    assert State.READY is house.service.status(BOB, ready_for(house, BOB, "bob")).state
    assert "denied" in {entry.event for entry in trail.entries("default")}
    assert None is verify_chain(TEST_CHAIN, "default", trail.chain("default"), ()).finding


def ready_for(house, actor, subject):
    """
    Return the id of an export that is ready.
    """
    job_id = house.service.request(actor, Subject(subject)).export.id
    house.worker.work()
    return job_id


def test_what_became_of_a_download_is_recorded_later(trail, disk):
    """
    Bytes that were authorised flow on while the trail hangs, and their end waits in the outbox.
    """
    house = MemoryDeployment({"payouts": payouts(3)}, audit=trail, trail=trail)
    job_id = ready(house)
    download = house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url))
    disk.clear()
    assert download.size == sum(map(len, download.read()))
    disk.set()
    assert 1 == house.sweeper.sweep().delivered
    assert 1 == events(trail, job_id)["download_finished"]
