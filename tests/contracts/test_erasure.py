"""
Tombstone logs and erasers keep their contracts, and broken ones are caught.
"""

import json
import multiprocessing
import os
from datetime import UTC, datetime

import pytest
from attrs import evolve

from streampay_export import Catalog, Field, Retain, Scrub, Subject
from streampay_export._core.erasure_order import ErasureOrder
from streampay_export.errors import TombstonesBroken, TombstonesUnavailable
from streampay_export.keys.memory import MemoryKeys
from streampay_export.testing.contracts.erasure import EraserContract, TombstoneLogContract, make_tombstone
from streampay_export.testing.deployment import PAYOUTS
from streampay_export.testing.fakes import MemoryTombstoneLog, RecordingEraser
from streampay_export.tombstones.jsonl import FileTombstones

KEYS = MemoryKeys(b"test")


class TestMemoryTombstoneLog(TombstoneLogContract):
    @pytest.fixture
    def make_log(self):
        """
        The same one each time.
        """
        log = MemoryTombstoneLog()
        return lambda: log


class TestFileTombstones(TombstoneLogContract):
    @pytest.fixture
    def make_log(self, tmp_path):
        """
        Opens the same file.
        """
        return lambda: FileTombstones(tmp_path / "tombstones.jsonl", KEYS.tombstones)


class TestRecordingEraser(EraserContract):
    @pytest.fixture
    def tables(self):
        """
        Alice and bob share one payout, bob and carol another.
        """
        at = datetime(2025, 1, 1, tzinfo=UTC)
        row = {"requested_at": at, "amount": "1.5", "note": "for rent", "fee": None}
        return {
            "payouts": [
                {"id": 1, "payer": "alice", "payee": "bob", **row},
                {"id": 2, "payer": "bob", "payee": "GALICE", **row},
                {"id": 3, "payer": "bob", "payee": "carol", **row},
            ]
        }

    @pytest.fixture
    def eraser(self, tables):
        """
        One that scrubs these rows.
        """
        return RecordingEraser(tables)

    @pytest.fixture
    def order(self):
        """
        Alice and her wallet: notes go, all else stays.
        """
        return ErasureOrder.of(evolve(make_tombstone()), Subject("alice", ("GALICE",)), catalog())

    @pytest.fixture
    def raw_rows(self, tables):
        """
        The rows themselves.
        """
        return lambda: tables


def catalog():
    """
    Return payouts whose notes are scrubbed, and of which the rest is retained.
    """
    kept = Retain(basis="Tax act", until="ten years")
    fields = [
        evolve(each, on_erasure=Scrub() if each.name == "note" else kept)
        for each in PAYOUTS.fields
        if isinstance(each, Field)
    ]
    return Catalog((evolve(PAYOUTS, fields=fields),), timezone="UTC")


def test_what_nobody_declared_is_scrubbed():
    """
    A field of which the catalog says nothing has no basis to stay.
    """
    order = ErasureOrder.of(make_tombstone(), Subject("alice"), Catalog((PAYOUTS,), timezone="UTC"))
    assert ([field.name for field in PAYOUTS.fields], ()) == (
        [field.name for field in order.datasets[0].scrub],
        order.datasets[0].retain,
    )


# --- the file -----------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    """
    A log with three tombstones.
    """
    path = tmp_path / "tombstones.jsonl"
    for n in range(1, 4):
        FileTombstones(path, KEYS.tombstones).append(make_tombstone(f"receipt-{n}"))
    return path


def test_the_file_is_private_and_for_people_to_read(path):
    """
    0600, a line of JSON for each: number, mark, and what the tombstone says.
    """
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (0o600, [1, 2, 3]) == (path.stat().st_mode & 0o777, [line["number"] for line in lines])
    assert {"at", "basis", "key_id", "receipt", "retain_until", "tags", "tenant"} == lines[0]["tombstone"].keys()


@pytest.mark.parametrize(
    ("meddle", "number"),
    [
        (lambda lines: [lines[0].replace(b"receipt-1", b"receipt-9"), *lines[1:]], 1),
        (lambda lines: [lines[0].replace(b'"number":1', b'"number":2'), *lines[1:]], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [*lines, lines[2]], 4),
        (lambda lines: [*lines[:2], b"no tombstone\n"], 3),
        (lambda lines: [lines[0][:-1] + b" \n", *lines[1:]], 1),
    ],
    ids=["edited", "renumbered", "one gone", "moved", "twice", "garbage", "spaced"],
)
def test_what_is_not_as_it_was_appended_is_located(path, meddle, number):
    """
    Whatever was done to the file, reading and appending name the first line that does not hold.
    """
    path.write_bytes(b"".join(meddle(path.read_bytes().splitlines(keepends=True))))
    log = FileTombstones(path, KEYS.tombstones)
    for act in (log.read, lambda: log.append(make_tombstone("receipt-4"))):
        with pytest.raises(TombstonesBroken) as caught:
            act()
        assert number == caught.value.number


def test_another_deployments_log_is_not_ours(path):
    """
    Under another key no line holds.
    """
    with pytest.raises(TombstonesBroken):
        FileTombstones(path, MemoryKeys(b"others").tombstones).read()


def test_a_line_that_a_crash_cut_off_was_never_there(path):
    """
    It is not read, and the next append takes its place.
    """
    whole = path.read_bytes()
    for cut in (1, 40, len(whole.splitlines()[2])):
        path.write_bytes(whole[:-cut])
        log = FileTombstones(path, KEYS.tombstones)
        assert ["receipt-1", "receipt-2"] == [stone.receipt for stone in log.read()]
        assert 3 == log.append(make_tombstone("receipt-3"))
        assert whole == path.read_bytes()


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    """
    What could not be written or synced was not appended, and the next try is number 4 as well.
    """
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("fsync", "write"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(TombstonesUnavailable, match="No space left on device"):
                FileTombstones(path, KEYS.tombstones).append(make_tombstone("receipt-4"))
        assert before == path.read_bytes()
    assert 4 == FileTombstones(path, KEYS.tombstones).append(make_tombstone("receipt-4"))


def test_a_disk_that_takes_a_little_at_a_time_gets_all(path, monkeypatch):
    """
    A short write goes on where it stopped.
    """
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:50]))
    FileTombstones(path, KEYS.tombstones).append(make_tombstone("receipt-4"))
    assert 4 == len(FileTombstones(path, KEYS.tombstones).read())


def test_a_place_that_is_not_there_is_unavailable(tmp_path):
    """
    A folder that is missing is not made: it may be a disk that is not mounted.
    """
    log = FileTombstones(tmp_path / "gone" / "tombstones.jsonl", KEYS.tombstones)
    with pytest.raises(TombstonesUnavailable, match="No such file"):
        log.append(make_tombstone())
    (tmp_path / "folder").mkdir()
    with pytest.raises(TombstonesUnavailable, match="Is a directory"):
        FileTombstones(tmp_path / "folder", KEYS.tombstones).read()


def test_whoever_holds_the_file_is_waited_for(path, monkeypatch):
    """
    Not for ever: then it is unavailable, and nothing was appended.
    """
    monkeypatch.setattr("streampay_export.tombstones.jsonl.LONGEST_WAIT", 0.05)
    log = FileTombstones(path, KEYS.tombstones)
    with log._locked(), pytest.raises(TombstonesUnavailable, match=r"held it for 0\.05 s"):
        FileTombstones(path, KEYS.tombstones).append(make_tombstone("receipt-4"))
    assert 3 == len(log.read())


def append_some(path, name):
    """
    Append five tombstones.
    """
    log = FileTombstones(path, KEYS.tombstones)
    for n in range(5):
        log.append(make_tombstone(f"{name}-{n}"))


def test_processes_append_to_one_log(tmp_path):
    """
    Four processes at once lose nothing, and their numbers are dense.
    """
    path = tmp_path / "tombstones.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_some, args=(path, name)) for name in "abcd"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    receipts = [stone.receipt for stone in FileTombstones(path, KEYS.tombstones).read()]
    assert sorted(f"{name}-{n}" for name in "abcd" for n in range(5)) == sorted(receipts)


# --- broken ones are caught ---------------------------------------------------------------------------------


class _NumbersTwice(MemoryTombstoneLog):
    def append(self, tombstone):
        self._tombstones.append(tombstone)
        return len(self._tombstones)


class _ScrubsAll(RecordingEraser):
    def __call__(self, order):
        for rows in self._tables.values():
            for row in rows:
                row["note"] = None


class _MarksWhatIsGone(RecordingEraser):
    def __call__(self, order):
        for rows in self._tables.values():
            for row in rows:
                if "alice" in row.values():
                    row["note"] = "erased"


def test_a_log_that_repeats_is_caught():
    """
    The contract fails where a receipt is logged twice.
    """
    log = _NumbersTwice()
    with pytest.raises(AssertionError):
        TombstoneLogContract().test_a_receipt_is_logged_once(lambda: log)


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (_ScrubsAll, EraserContract.test_all_else_stays),
        (_MarksWhatIsGone, EraserContract.test_what_is_scrubbed_reads_as_never_held),
    ],
)
def test_an_eraser_that_does_too_much_or_too_little_is_caught(kind, test):
    """
    The contract fails where others' notes go, and where a mark says that somebody was erased.
    """
    contract = TestRecordingEraser()
    rows = {
        "payouts": [
            {"id": 1, "payer": "alice", "payee": "bob", "note": "for rent"},
            {"id": 3, "payer": "bob", "payee": "carol", "note": "for rent"},
        ]
    }
    order = ErasureOrder.of(make_tombstone(), Subject("alice"), catalog())
    with pytest.raises(AssertionError):
        test(contract, kind(rows), order, lambda: rows)
