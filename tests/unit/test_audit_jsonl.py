"""
How JsonLinesAudit meets a disk that fails and writers that do not let go.
"""

import errno
import fcntl
import os
import threading
import time

import pytest

from streampay_export.audit import jsonl
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.errors import AuditUnavailable
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.outbox import make_entry


@pytest.fixture
def path(tmp_path):
    """
    Where the trail is.
    """
    return tmp_path / "trail.jsonl"


@pytest.fixture
def short_wait(monkeypatch):
    """
    Makes the longest wait a tenth of a second.
    """
    monkeypatch.setattr(jsonl, "LONGEST_WAIT", 0.1)


def ids(path):
    """
    Return the ids of a trail.
    """
    return [entry.id for entry in JsonLinesAudit(path, chain=TEST_CHAIN).entries("default")]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_what_the_disk_refused_is_not_recorded(path, monkeypatch, failing):
    """
    A full disk, on write or on fsync, is `AuditUnavailable`; the file is as before, and the next try succeeds.
    """
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    before = path.read_bytes()

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, refuse)
        with pytest.raises(AuditUnavailable, match=r"cannot be written: '.*trail\.jsonl': No space left on device"):
            sink.append(make_entry("2"))
    assert before == path.read_bytes()
    sink.append(make_entry("2"))
    assert ["1", "2"] == ids(path)


def test_a_write_that_was_short_goes_on(path, monkeypatch):
    """
    A system that takes an entry in pieces gets all of them.
    """
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, octets: write(file, octets[:7]))
    JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("1"))
    assert ["1"] == ids(path)


def test_an_entry_that_was_there_already_is_made_durable(path, monkeypatch):
    """
    A line whose writer may have died before it was on disk is synced before it is confirmed.
    """
    JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("1"))
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino) or fsync(file))
    JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("1"))
    assert path.stat().st_ino in synced


def test_another_process_is_waited_for_and_then_named(path, short_wait):
    """
    While another has the file locked an append waits, but not for ever.
    """
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        begun = time.monotonic()
        with pytest.raises(AuditUnavailable, match=r"others held the file for 0\.05 s"):
            sink.append(make_entry("2"))
        assert 0.05 <= time.monotonic() - begun < 2
    sink.append(make_entry("2"))
    assert ["1", "2"] == ids(path)


@pytest.fixture
def hanging_fsync(monkeypatch):
    """
    Makes every fsync wait until the event is set.
    """
    released, fsync = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: released.wait() and fsync(file))
    yield released
    released.set()


def test_a_disk_that_hangs_refuses_in_time_and_recovers(path, short_wait, hanging_fsync):
    """
    While an fsync hangs every append is refused within the timeout; once it ends, appends go through.
    """
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    for name in ("1", "2", "3"):
        begun = time.monotonic()
        with pytest.raises(AuditUnavailable, match=r"did not answer for 0\.1 s"):
            sink.append(make_entry(name))
        assert 0.1 <= time.monotonic() - begun < 2
    hanging_fsync.set()
    sink.append(make_entry("4"))
    # 1 was under way; 2 and 3 were taken back before they were begun.
    assert ["1", "4"] == ids(path)
    sink.append(make_entry("1"))
    assert ["1", "4"] == ids(path)


def test_a_lock_that_is_let_go_in_time_is_taken(path):
    """
    An append goes through once the other lets go.
    """
    other = path.open("wb")
    fcntl.flock(other, fcntl.LOCK_EX)
    timer = threading.Timer(0.1, other.close)
    timer.start()
    JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("1"))
    timer.join()
    assert ["1"] == ids(path)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    """
    A trail cannot be begun in a folder that does not exist; nor read where it is a folder.
    """
    with pytest.raises(AuditUnavailable, match=r"nowhere/trail\.jsonl': No such file or directory"):
        JsonLinesAudit(tmp_path / "nowhere" / "trail.jsonl", chain=TEST_CHAIN).append(make_entry("1"))
    with pytest.raises(AuditUnavailable, match="Is a directory"):
        list(JsonLinesAudit(tmp_path, chain=TEST_CHAIN).entries("default"))


def test_a_trail_that_was_cut_is_read_anew(path):
    """
    A file that became shorter is read from its beginning: what is gone may be recorded again.
    """
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    kept = path.stat().st_size
    sink.append(make_entry("2"))
    os.truncate(path, kept)
    sink.append(make_entry("2"))
    sink.append(make_entry("1"))
    sink.close()
    assert ["1", "2"] == ids(path)
