"""
When checkpoints are signed, where they are kept, and what happens when they cannot be.
"""

import errno
import logging
import os
import threading
import time
from datetime import timedelta

import pytest

from streampay_export._core.chain import Head
from streampay_export.audit import checkpoints as module
from streampay_export.audit.checkpoints import Checkpoints, FileCheckpoints
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.audit.sql import SqlAudit
from streampay_export.errors import AuditUnavailable
from streampay_export.keys.memory import MemoryKeys
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.outbox import make_entry
from streampay_export.testing.fakes import ManualClock

KEYS = MemoryKeys(b"test")


@pytest.fixture
def store(tmp_path):
    """
    Where checkpoints are kept.
    """
    return FileCheckpoints(tmp_path / "checkpoints.jsonl")


@pytest.fixture
def clock():
    """
    A clock that stands still.
    """
    return ManualClock()


def head(number):
    """
    Return a chain's head.
    """
    return Head(number=number, link=bytes([number % 256]) * 32)


def sizes(store, tenant="default"):
    """
    Return the sizes at which a tenant's chain was signed.
    """
    return [each.checkpoint.size for each in store.checkpoints(tenant)]


def test_every_hundred_entries_are_signed(store, clock):
    """
    The first entry is signed at once, then each hundred as it is passed, however many come at a time.
    """
    signing = Checkpoints(store, KEYS.checkpoints, clock)
    for number in (1, 2, 99, 100, 101, 250, 299, 300, 300):
        signing.reached("default", head(number))
    assert [1, 100, 250, 300] == sizes(store)
    genuine, others = Checkpoints(store, KEYS.checkpoints, clock).genuine("default")
    assert ([1, 100, 250, 300], 0) == ([each.size for each in genuine], others)


def test_a_minute_is_signed(store, clock):
    """
    An entry is covered once a minute has passed, if only somebody asks; where nothing was added nothing is signed.
    """
    signing = Checkpoints(store, KEYS.checkpoints, clock)
    for seconds, number in ((0, 1), (59, 2), (1, 2), (60, 2), (600, 3)):
        clock.advance(timedelta(seconds=seconds))
        signing.reached("default", head(number))
    assert [1, 2, 3] == sizes(store)


def test_what_others_signed_is_not_signed_again(store, clock):
    """
    Several processes share the work: each looks into the store before it signs.
    """
    first, second = (Checkpoints(store, KEYS.checkpoints, clock) for _ in range(2))
    first.reached("default", head(1))
    second.reached("default", head(1))
    first.reached("other", head(1))
    clock.advance(timedelta(seconds=60))
    second.reached("default", head(2))
    first.reached("default", head(2))
    first.close()
    assert ([1, 2], [1]) == (sizes(store), sizes(store, "other"))


def test_closing_signs_what_is_not_signed(store, clock):
    """
    A process that ends leaves nothing unsigned, also when it began beside a store that was up to date.
    """
    Checkpoints(store, KEYS.checkpoints, clock).reached("default", head(5))
    signing = Checkpoints(store, KEYS.checkpoints, clock)
    signing.reached("default", head(6))
    assert [5] == sizes(store)
    signing.close()
    signing.close()
    assert [5, 6] == sizes(store)


def test_closing_does_not_wait_for_a_store_that_hangs(store, clock, monkeypatch):
    """
    A disk that hangs keeps no process from ending.
    """
    signing = Checkpoints(store, KEYS.checkpoints, clock)
    signing.reached("default", head(1))
    signing.reached("default", head(2))
    works, fsync = threading.Event(), os.fsync
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(module.os, "fsync", lambda file: works.wait() and fsync(file))
    begun = time.monotonic()
    signing.close()
    assert 0.1 <= time.monotonic() - begun < 2
    works.set()


def test_a_forged_checkpoint_stops_no_other(store, clock):
    """
    A checkpoint by other keys that claims a million entries is not believed.
    """
    Checkpoints(store, MemoryKeys(b"other").checkpoints, clock).reached("default", head(1_000_000))
    signing = Checkpoints(store, KEYS.checkpoints, clock)
    signing.reached("default", head(1))
    assert [1_000_000, 1] == sizes(store)
    genuine, others = signing.genuine()
    assert ([1], 1) == ([each.size for each in genuine], others)


def test_a_file_that_is_replaced_is_read_anew(tmp_path, store, clock):
    """
    What others add is seen, a line under way is waited for, and another file in its place is read from its start.
    """
    path = tmp_path / "checkpoints.jsonl"
    signing = Checkpoints(FileCheckpoints(path), KEYS.checkpoints, clock)
    assert None is store.latest("default")
    signing.reached("default", head(1))
    assert 1 == store.latest("default").checkpoint.size
    before = path.read_bytes()
    signing.reached("default", head(100))
    signing.reached("other", head(7))
    after = path.read_bytes()
    path.write_bytes(after[:-1])
    assert (100, None) == (store.latest("default").checkpoint.size, store.latest("other"))
    path.write_bytes(after)
    assert 7 == store.latest("other").checkpoint.size
    path.write_bytes(before + b"torn\n")
    assert 1 == store.latest("default").checkpoint.size
    path.unlink()
    assert None is store.latest("default")


def test_a_store_that_fails_holds_up_no_entry(store, clock, monkeypatch, caplog):
    """
    It is logged, and made up for by the next entry.
    """

    def refuse(*_):
        raise OSError(errno.ENOSPC, "somebody's path")

    signing = Checkpoints(store, KEYS.checkpoints, clock)
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(module.os, "open", refuse)
        signing.reached("default", head(1))
    assert ["audit: a checkpoint was not kept: the checkpoint file: No space left on device"] == caplog.messages
    signing.reached("default", head(2))
    assert [2] == sizes(store)


def test_the_file_is_private_and_only_grows(tmp_path, store, clock):
    """
    It is 0600 whatever the umask; a line that was cut off stays as it is, and the next one begins anew.
    """
    before = os.umask(0)
    try:
        Checkpoints(store, KEYS.checkpoints, clock).reached("default", head(1))
    finally:
        os.umask(before)
    path = tmp_path / "checkpoints.jsonl"
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_bytes(torn := path.read_bytes() + b'{"checkpoint":')
    Checkpoints(store, KEYS.checkpoints, clock).reached("default", head(100))
    assert path.read_bytes().startswith(torn + b"\n{")
    assert [1, 100] == sizes(store)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    """
    A folder in its place is `AuditUnavailable`; a file that is not there has no checkpoints.
    """
    with pytest.raises(AuditUnavailable, match="the checkpoint file: Is a directory"):
        FileCheckpoints(tmp_path).checkpoints()
    assert () == FileCheckpoints(tmp_path / "nowhere").checkpoints()


@pytest.mark.parametrize("kind", ["jsonl", "sql"])
def test_sinks_sign_how_far_their_trails_go(tmp_path, store, clock, kind):
    """
    A sink signs what it adds; one that adds nothing, such as a sweeper's, signs what others left for a minute.
    """

    def open_sink():
        signing = Checkpoints(store, KEYS.checkpoints, clock)
        if kind == "jsonl":
            return JsonLinesAudit(tmp_path / "trail.jsonl", chain=TEST_CHAIN, checkpoints=signing)
        sink = SqlAudit(f"sqlite:///{tmp_path / 'trail.db'}", chain=TEST_CHAIN, checkpoints=signing)
        sink.create_tables()
        return sink

    sweeper, writer = open_sink(), open_sink()
    sweeper.checkpoint()
    writer.append(make_entry("1"))
    writer.append(make_entry("2"))
    writer.append(make_entry("1", tenant="other"))
    sweeper.checkpoint()
    assert ([1], [1]) == (sizes(store), sizes(store, "other"))
    clock.advance(timedelta(seconds=60))
    sweeper.checkpoint()
    assert ([1, 2], [1]) == (sizes(store), sizes(store, "other"))
    links = {each.number: each.link.hex() for each in writer.chain("default")}
    assert links == {each.checkpoint.size: each.checkpoint.link for each in store.checkpoints("default")}
    writer.append(make_entry("3"))
    writer.close()
    sweeper.close()
    assert [1, 2, 3] == sizes(store)
