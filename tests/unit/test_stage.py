import hashlib
import os
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from streampay_export._core.manifest import Digest
from streampay_export.errors import StorageUnavailable
from streampay_export.stage import BLOCK, Stage


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


def test_what_is_small_is_in_memory(tmp_path):
    """
    No folder is needed for 256 KiB.
    """
    with Stage(tmp_path / "missing") as stage:
        stage.append(b"x" * BLOCK)
        assert list(stage.blocks()) == [b"x" * BLOCK]


def test_closing_twice_is_harmless():
    """
    A closed stage may be closed again.
    """
    stage = Stage()
    stage.close()
    stage.close()


def test_a_folder_that_is_not_there_is_a_typed_error(tmp_path):
    """
    A stage folder that is missing is StorageUnavailable, without its path, as soon as it is needed.
    """
    with (
        Stage(tmp_path / "missing") as stage,
        pytest.raises(StorageUnavailable, match="No such file or directory") as caught,
    ):
        stage.append(b"x" * (BLOCK + 1))
    assert "missing" not in str(caught.value)


def test_a_full_disk_is_a_typed_error_on_write_and_on_read(monkeypatch):
    """
    ENOSPC, at once or at a late flush, is StorageUnavailable; closing then is quiet.
    """
    full = partial(Path.open, Path("/dev/full"), "w+b")
    with Stage() as stage:
        stage.append(b"x" * 2 * BLOCK)
        with closing(stage.file._file):
            monkeypatch.setattr(stage.file, "_file", full())
        stage.append(b"little")
        with pytest.raises(StorageUnavailable, match="No space left on device"):
            list(stage.blocks())
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full())
    with Stage() as stage, pytest.raises(StorageUnavailable, match="No space left on device"):
        stage.append(b"x" * 2 * BLOCK)
