"""
Our audit sinks keep the contract of the port, and the contract catches a sink that does not.
"""

import json
import os
import sqlite3
from collections.abc import Callable

import pytest

from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.audit.sql import SqlAudit
from streampay_export.errors import AuditUnavailable
from streampay_export.testing.contracts.audit import TEST_CHAIN, AuditReaderContract, ChainedTrailContract
from streampay_export.testing.contracts.outbox import make_entry


class TestJsonLinesAudit(ChainedTrailContract):
    @pytest.fixture
    def make_sink(self, tmp_path):
        """
        Opens the one trail.
        """
        return lambda: JsonLinesAudit(tmp_path / "audit" / "trail.jsonl", chain=TEST_CHAIN)

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        """
        The folder the trail is in.
        """
        (tmp_path / "audit").mkdir()

    @pytest.fixture
    def raw_ids(self, tmp_path):
        """
        Reads the trail past the sink.
        """

        def read():
            text = (tmp_path / "audit" / "trail.jsonl").read_text(encoding="ascii")
            return [
                (form["tenant"], form["id"]) for form in (json.loads(line)["entry"] for line in text.splitlines())
            ]

        return read

    @pytest.fixture
    def break_trail(self, tmp_path):
        """
        Takes the trail away, and gives it back.
        """

        # Read-only modes do not stop a superuser; a folder that is not there stops everybody.
        def hide():
            (tmp_path / "audit").rename(tmp_path / "away")
            return lambda: (tmp_path / "away").rename(tmp_path / "audit")

        return hide


class TestSqlAudit(ChainedTrailContract):
    @pytest.fixture
    def make_sink(self, tmp_path):
        """
        Opens the one trail.
        """
        opened = []

        def make():
            sink = SqlAudit(f"sqlite:///{tmp_path / 'audit.db'}", chain=TEST_CHAIN)
            sink.create_tables()
            opened.append(sink)
            return sink

        yield make
        for sink in opened:
            sink.close()

    @pytest.fixture
    def raw_ids(self, tmp_path):
        """
        Reads the trail past the sink.
        """

        def read():
            connection = sqlite3.connect(tmp_path / "audit.db")
            try:
                return connection.execute("SELECT tenant, id FROM export_audit ORDER BY number, tenant").fetchall()
            finally:
                connection.close()

        return read

    @pytest.fixture
    def break_trail(self, tmp_path):
        """
        Takes the trail away, and gives it back.
        """

        def rename(before, after):
            connection = sqlite3.connect(tmp_path / "audit.db")
            connection.execute(f"ALTER TABLE {before} RENAME TO {after}")
            connection.close()

        def hide():
            rename("export_audit", "away")
            return lambda: rename("away", "export_audit")

        return hide


class _RepeatingSink:
    """
    Writes every entry it is given, and keeps quiet when it cannot.
    """

    def __init__(self, path):
        self.path = path

    def append(self, entry):
        try:
            with self.path.open("a") as file:
                file.write(f"{entry.tenant} {entry.id}\n")
        except OSError:
            return


@pytest.fixture
def broken(tmp_path):
    """
    A sink that breaks its contract, and the fixtures the contract asks for.
    """
    path = tmp_path / "folder" / "trail"
    path.parent.mkdir()

    def hide() -> Callable[[], None]:
        path.parent.rename(tmp_path / "away")
        return lambda: (tmp_path / "away").rename(path.parent)

    return {
        "make_sink": lambda: _RepeatingSink(path),
        "raw_ids": lambda: [tuple(line.split()) for line in path.read_text().splitlines()],
        "break_trail": hide,
    }


def test_a_sink_that_repeats_is_caught(broken):
    """
    The contract fails for a sink that records the same id twice, itself or through another instance.
    """
    contract = AuditReaderContract()
    make_sink, raw_ids = broken["make_sink"], broken["raw_ids"]
    contract.test_entries_are_recorded_in_order(make_sink, raw_ids)
    raw_ids_before = raw_ids()
    assert 3 == len(raw_ids_before)
    with pytest.raises(AssertionError):
        contract.test_the_same_id_is_recorded_once(make_sink, raw_ids)
    with pytest.raises(AssertionError):
        contract.test_other_instances_know_what_is_recorded(make_sink, raw_ids)


def test_a_sink_that_keeps_quiet_is_caught(broken):
    """
    The contract fails for a sink that does not say that it recorded nothing.
    """
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        AuditReaderContract().test_a_trail_that_is_down_refuses(**broken)


def test_a_line_that_a_crash_cut_off_is_removed(tmp_path):
    """
    A torn last line, at whatever byte, is not read and is gone after the next append; whole lines stay.
    """
    path = tmp_path / "trail.jsonl"
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    whole = path.read_bytes()
    sink.append(make_entry("2"))
    both = path.read_bytes()
    for cut in range(len(whole), len(both)):
        path.write_bytes(both[:cut])
        assert [make_entry("1")] == list(sink.entries("default"))
        JsonLinesAudit(path, chain=TEST_CHAIN).append(make_entry("2"))
        assert both == path.read_bytes()


def test_a_running_sink_repairs_what_another_left_torn(tmp_path):
    """
    A sink that knows the file already repairs a line that another process died in.
    """
    path = tmp_path / "trail.jsonl"
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    with path.open("ab") as file:
        file.write(b'{"actor":"aaaa')
    sink.append(make_entry("2"))
    assert [make_entry("1"), make_entry("2")] == list(sink.entries("default"))


def test_a_file_moved_away_is_begun_anew(tmp_path):
    """
    After rotation the sink writes a new file, and knows nothing of the old one.
    """
    path = tmp_path / "trail.jsonl"
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    path.rename(tmp_path / "trail.1")
    sink.append(make_entry("1"))
    assert [make_entry("1")] == list(sink.entries("default"))


def test_the_file_is_private_whatever_the_umask(tmp_path):
    """
    The trail is 0600.
    """
    before = os.umask(0)
    try:
        JsonLinesAudit(tmp_path / "trail.jsonl", chain=TEST_CHAIN).append(make_entry("1"))
    finally:
        os.umask(before)
    assert 0o600 == (tmp_path / "trail.jsonl").stat().st_mode & 0o777


def test_a_line_that_is_no_entry_stops_the_trail(tmp_path):
    """
    A line that nobody here wrote is named by its number when reading, and nothing is added behind it.
    """
    path = tmp_path / "trail.jsonl"
    sink = JsonLinesAudit(path, chain=TEST_CHAIN)
    sink.append(make_entry("1"))
    for line in (b"secret\n", b"[]\n", b"{}\n", b'{"id":1}\n', b"\xff\n"):
        bad = path.read_bytes() + line
        (tmp_path / "bad.jsonl").write_bytes(bad)
        damaged = JsonLinesAudit(tmp_path / "bad.jsonl", chain=TEST_CHAIN)
        with pytest.raises(AuditUnavailable, match="no audit entry"):
            damaged.append(make_entry("2"))
        with pytest.raises(AuditUnavailable, match="line 2 of the file"):
            list(damaged.entries("default"))
        assert bad == (tmp_path / "bad.jsonl").read_bytes()
