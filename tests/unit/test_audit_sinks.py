"""
Sinks in front of others: fan-out, logging, and the group commit behind both sinks that keep.
"""

import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy

from streampay_export._core.party import Actor, Capacity
from streampay_export._core.wire import spell_entry
from streampay_export._sql.tables import audit_head_table
from streampay_export.audit import group_commit
from streampay_export.audit.checkpoints import Checkpoints, FileCheckpoints
from streampay_export.audit.fanout import FanOut
from streampay_export.audit.group_commit import GroupCommit
from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.audit.logging import LOGGER, LoggingAudit
from streampay_export.audit.pruning import prune_trail
from streampay_export.audit.sql import SqlAudit
from streampay_export.errors import AuditUnavailable, InvalidConfiguration, NotFound
from streampay_export.keys.memory import MemoryKeys
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.outbox import make_entry
from streampay_export.testing.fakes import MemoryAudit

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class _Broken:
    def append(self, entry):
        raise RuntimeError(entry.subject)


def test_required_sinks_must_all_have_it():
    """
    One required sink that fails refuses the entry; sent again it is in each of them once.
    """
    first, second = MemoryAudit(), MemoryAudit()
    both = FanOut(required=[first, second])
    second.down = True
    with pytest.raises(AuditUnavailable):
        both.append(make_entry("1"))
    second.down = False
    both.append(make_entry("1"))
    assert [[make_entry("1")]] * 2 == [list(sink.entries("default")) for sink in (first, second)]


def test_best_effort_sinks_are_never_lost_silently(caplog):
    """
    What they did not take is logged, without anything of the entry but its id, and counted; the others have it.
    """
    kept, down, last = MemoryAudit(), MemoryAudit(), MemoryAudit()
    down.down = True
    sink = FanOut(required=[kept], best_effort=[_Broken(), down, last])
    with caplog.at_level(logging.WARNING):
        sink.append(make_entry("1"))
    assert 2 == sink.failures
    assert [
        "audit: entry 1 did not reach _Broken: RuntimeError",
        "audit: entry 1 did not reach MemoryAudit: the sink was told to be down",
    ] == caplog.messages
    assert [[make_entry("1")]] * 2 == [list(sink.entries("default")) for sink in (kept, last)]


def test_some_sink_is_required():
    """
    A trail that may fail everywhere is none.
    """
    with pytest.raises(InvalidConfiguration, match="at least one sink"):
        FanOut(required=[], best_effort=[MemoryAudit()])


def test_logging_logs_the_entry_and_nothing_else(caplog):
    """
    An entry is one line of JSON at level INFO, of the library's own logger or of another.
    """
    entry = make_entry("1")
    with caplog.at_level(logging.INFO):
        LoggingAudit().append(entry)
        LoggingAudit(logging.getLogger("shop")).append(entry)
    assert [(LOGGER, logging.INFO, spell_entry(entry)), ("shop", logging.INFO, spell_entry(entry))] == (
        caplog.record_tuples
    )
    assert "1" == json.loads(caplog.messages[0])["id"]
    assert "\n" not in caplog.messages[0]


def test_whoever_waits_shares_the_next_write():
    """
    Entries that come while a write is under way are one write, in the order they came.
    """
    writes, begun, go_on = [], threading.Event(), threading.Event()

    def write(entries):
        writes.append([entry.id for entry in entries])
        begun.set()
        assert go_on.wait(10)

    commits = GroupCommit(write, 10)
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(commits.append, make_entry("0"))]
        assert begun.wait(10)
        for n in range(1, 5):
            waiting.append(pool.submit(commits.append, make_entry(str(n))))
            while len(commits._waiting) < n:
                pass
        go_on.set()
        for each in waiting:
            each.result(10)
    assert [["0"], ["1", "2", "3", "4"]] == writes


def test_everybody_who_waits_hears_of_a_failure():
    """
    Whatever the write raises reaches all whose entries were in it, and the next write is made.
    """
    results = [ValueError("x"), None]

    def write(_):
        result = results.pop(0)
        if result is not None:
            raise result

    commits = GroupCommit(write, 10)
    with pytest.raises(ValueError, match="x"):
        commits.append(make_entry("1"))
    commits.append(make_entry("1"))
    assert not results


def test_a_process_without_threads_left_refuses(monkeypatch):
    """
    Where no thread can be started nothing is recorded, and that is said; later it is.
    """

    def refuse(_):
        raise RuntimeError("can't start new thread")

    written = []
    commits = GroupCommit(written.append, 10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(AuditUnavailable, match="can start no thread"):
            commits.append(make_entry("1"))
    commits.append(make_entry("2"))
    assert [[make_entry("2")]] == written


def test_one_writer_writes_what_comes_soon_and_ends_when_nothing_does(monkeypatch):
    """
    Entries one after the other are written by one thread, later ones by another.
    """
    monkeypatch.setattr(group_commit, "LINGERING", 0.2)
    writers = []
    commits = GroupCommit(lambda _: writers.append(threading.current_thread()), 10)
    for n in range(3):
        commits.append(make_entry(str(n)))
    writers[0].join(10)
    assert not writers[0].is_alive()
    commits.append(make_entry("3"))
    assert [writers[0]] * 3 == writers[:3]
    assert writers[3] is not writers[0]


def test_a_forked_process_has_a_writer_of_its_own():
    """
    The parent's writer, which waits for more, does not write for a child.
    """
    written = []
    commits = GroupCommit(written.append, 10)
    commits.append(make_entry("parent"))
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            commits.append(make_entry("child"))
            os.write(send, b"written")
        finally:
            os._exit(0)
    os.close(send)
    os.waitpid(child, 0)
    with os.fdopen(receive, "rb") as answer:
        assert b"written" == answer.read()


@pytest.fixture
def sql(tmp_path):
    """
    A trail of three entries in a table.
    """
    sink = SqlAudit(f"sqlite:///{tmp_path / 'trail.db'}", chain=TEST_CHAIN)
    sink.create_tables()
    for n in range(3):
        sink.append(make_entry(str(n)))
    yield sink
    sink.close()


def execute(tmp_path, statement):
    """
    Change a table past its sink.
    """
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'trail.db'}")
    with engine.begin() as connection:
        connection.execute(statement)
    engine.dispose()


def test_a_head_that_is_lost_is_taken_up_where_the_rows_end(tmp_path, sql):
    """
    Without the row that says how far it goes, a chain goes on behind its last entry.
    """
    execute(tmp_path, audit_head_table.delete())
    sql.append(make_entry("3"))
    assert [1, 2, 3, 4] == [each.number for each in sql.chain("default")]


def test_a_head_that_was_set_back_refuses(tmp_path, sql):
    """
    An entry never takes another's number: the operator is told, and nothing is changed.
    """
    execute(tmp_path, audit_head_table.update().values(number=1))
    with pytest.raises(AuditUnavailable, match="its head is not where its entries end; run audit verify"):
        sql.append(make_entry("3"))
    assert ["0", "1", "2"] == [entry.id for entry in sql.entries("default")]


def test_pruning_is_for_operators_alone(tmp_path, sql):
    """
    To anybody else there is no such thing, whatever the trail holds.
    """
    keys = MemoryKeys(b"test")
    signing = Checkpoints(FileCheckpoints(tmp_path / "checkpoints.jsonl"), keys.checkpoints, lambda: NOON)
    for capacity in set(Capacity) - {Capacity.OPERATOR}:
        with pytest.raises(NotFound):
            prune_trail(
                Actor(id="ada", capacity=capacity), sql, before=NOON, at=NOON, chain=TEST_CHAIN, checkpoints=signing
            )
    assert () == FileCheckpoints(tmp_path / "checkpoints.jsonl").checkpoints()
    assert 3 == len(list(sql.chain("default")))


def test_a_writer_that_waits_while_a_file_is_pruned_writes_to_the_new_one(tmp_path, monkeypatch):
    """
    What is appended to a trail while it is being pruned is not lost with the old file.
    """
    path = tmp_path / "trail.jsonl"
    first, second = (JsonLinesAudit(path, chain=TEST_CHAIN) for _ in range(2))
    for n in range(3):
        first.append(make_entry(str(n)))
    replace = first._replace

    def replace_while_another_waits(file, checkpoint):
        other = threading.Thread(target=second.append, args=(make_entry("3"),))
        other.start()
        time.sleep(0.1)  # by now it has the old file open and waits for the lock
        pruned = replace(file, checkpoint)
        threads.append(other)
        return pruned

    threads = []
    monkeypatch.setattr(first, "_replace", replace_while_another_waits)
    keys = MemoryKeys(b"test")
    signing = Checkpoints(FileCheckpoints(tmp_path / "checkpoints.jsonl"), keys.checkpoints, lambda: NOON)
    operator = Actor(id="ada", capacity=Capacity.OPERATOR)
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert 2 == prune_trail(operator, first, before=later, at=NOON, chain=TEST_CHAIN, checkpoints=signing)
    threads[0].join(10)
    assert [3, 4] == [each.number for each in first.chain("default")]
    first.append(make_entry("4"))
    assert [3, 4, 5] == [each.number for each in second.chain("default")]
