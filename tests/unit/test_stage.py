import hashlib
import os
import tempfile
from functools import partial
from pathlib import Path

import pytest
from tests.bundles import ACCOUNT, ACCOUNT_FIELDS

from streampay_export._core.manifest import Digest
from streampay_export.errors import StorageUnavailable, UnwritableValue
from streampay_export.stage import BLOCK, DatasetStage, Stage, unnamed_file
from streampay_export.writers import CsvWriter, JsonWriter


def _digest(data):
    return Digest(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def test_a_stage_knows_its_size_and_digest_as_it_grows():
    """
    Size and digest are those of everything appended so far.
    """
    with Stage() as stage:
        assert stage.digest == _digest(b"")
        stage.append(b"one")
        assert stage.digest == _digest(b"one")
        stage.append(b"two")
        assert (stage.size, stage.digest) == (6, _digest(b"onetwo"))


def test_a_stage_is_read_in_fixed_blocks_as_often_as_asked():
    """
    Blocks are 256 KiB whatever was appended, and come from the start each time.
    """
    data = os.urandom(2 * BLOCK + 17)
    with Stage() as stage:
        for start in range(0, len(data), 99_991):
            stage.append(data[start : start + 99_991])
        once = list(stage.blocks())
        assert [len(block) for block in once] == [BLOCK, BLOCK, 17]
        assert b"".join(once) == b"".join(stage.blocks()) == data


def test_a_stage_has_no_name(tmp_path):
    """
    No directory lists a stage, while it is open or after.
    """
    with Stage(tmp_path) as stage:
        stage.append(b"x" * 3 * BLOCK)
        assert stage.file.tell() == 3 * BLOCK
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_harmless():
    """
    A closed stage may be closed again.
    """
    stage = Stage()
    stage.close()
    stage.close()


def test_a_folder_that_is_not_there_is_a_typed_error(tmp_path):
    """
    A stage folder that is missing is StorageUnavailable, without its path.
    """
    with pytest.raises(StorageUnavailable, match="No such file or directory") as caught:
        unnamed_file(tmp_path / "missing")
    assert "missing" not in str(caught.value)


def test_a_full_disk_is_a_typed_error_on_write_and_on_read(monkeypatch):
    """
    ENOSPC, at once or at a late flush, is StorageUnavailable; closing then is quiet.
    """
    full = partial(Path.open, Path("/dev/full"), "w+b")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full())
    with Stage() as stage, pytest.raises(StorageUnavailable, match="No space left on device"):
        stage.append(b"x" * BLOCK)
    with Stage() as stage:
        stage.append(b"little")
        with pytest.raises(StorageUnavailable, match="No space left on device"):
            list(stage.blocks())


def _written(pages, parts=()):
    with Stage() as csv, Stage() as json:
        stages = {"csv": csv, "json": json}
        encoders = {w.format: w.encoder(ACCOUNT, ACCOUNT_FIELDS) for w in (CsvWriter(), JsonWriter())}
        stage = DatasetStage(encoders, stages)
        octets = stage.begin()
        closed = []
        for number, page in enumerate(pages):
            octets += stage.page(page)
            if number in parts:
                closed.append(stage.close_part())
        closed.append(stage.close_part())
        octets += stage.end()
        files = {name: b"".join(each.blocks()) for name, each in stages.items()}
    assert octets == sum(map(len, files.values()))
    return files, closed


A, B, C = ([["a"], ["1"]], [["b"], ["2"]], [["c"], ["3"]])
WHOLE = [["a", "b", "c"], ["1", "2", "3"]]


def test_pages_and_parts_do_not_show_in_the_files():
    """
    One page, three pages, and three pages in two parts give the same bytes in each format.
    """
    once = _written([WHOLE])[0]
    assert once["csv"] == b'wallet,name\r\n"a","1"\r\n"b","2"\r\n"c","3"\r\n'
    assert once == _written([A, B, C])[0] == _written([A, B, C], parts={0})[0]


def test_no_page_gives_head_and_tail():
    """
    A dataset without rows has its heading in CSV and is an empty array in JSON; its part is empty.
    """
    files, closed = _written([])
    assert files == {"csv": b"wallet,name\r\n", "json": b"[\n\n]\n"}
    assert closed == [{"csv": _digest(b""), "json": _digest(b"")}]


def test_a_part_digest_is_over_its_pages_and_the_separators_between_them():
    """
    The separator that joins two parts belongs to neither.
    """
    closed = _written([A, B, C], parts={1})[1]
    a, b, c = (b'{"wallet":"%b","name":"%b"}' % pair for pair in ((b"a", b"1"), (b"b", b"2"), (b"c", b"3")))
    assert [part["json"] for part in closed] == [_digest(a + b",\n" + b), _digest(c)]


def test_a_page_that_cannot_be_written_leaves_no_trace():
    """
    When one format refuses a page, no format has any of it.
    """

    class Refusing:
        head, separator, tail = b"", b",", b""

        def page(self, columns):
            raise UnwritableValue(dataset="account", field="name", reason="a lone surrogate")

    with Stage() as csv, Stage() as other:
        stage = DatasetStage(
            {"csv": CsvWriter().encoder(ACCOUNT, ACCOUNT_FIELDS), "other": Refusing()}, {"csv": csv, "other": other}
        )
        with pytest.raises(UnwritableValue):
            stage.page(A)
        assert (csv.size, other.size) == (0, 0)
