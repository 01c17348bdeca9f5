"""
Our storages keep the contract of the port, and the contract catches storages that do not.
"""

import io

import fsspec
import pytest

from streampay_export.errors import ObjectExists
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.storage.memory import MemoryStorage
from streampay_export.testing.contracts.storage import CONTENT, KEY, StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self):
        """
        A new one.
        """
        return MemoryStorage()

    @pytest.fixture
    def raw_read(self, storage):
        """
        Looks into its dictionary.
        """
        return storage._objects.get

    @pytest.fixture
    def raw_write(self, storage):
        """
        Writes into its dictionary.
        """
        return storage._objects.__setitem__


class TestLocalDisk(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        """
        A folder that is not there yet.
        """
        return FsspecStorage((tmp_path / "with space" / "exports").as_uri())

    @pytest.fixture
    def raw_read(self, tmp_path):
        """
        Reads the file.
        """

        def read(key):
            file = tmp_path / "with space" / "exports" / key
            return file.read_bytes() if file.is_file() else None

        return read

    @pytest.fixture
    def raw_write(self, tmp_path):
        """
        Writes the file.
        """

        def write(key, content):
            file = tmp_path / "with space" / "exports" / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

        return write


class TestLocalDiskWithoutUnnamedFiles(TestLocalDisk):
    @pytest.fixture(autouse=True)
    def no_unnamed_files(self, monkeypatch):
        """
        As on macOS: a draft has a name, though none that is a key.
        """
        monkeypatch.delattr("os.O_TMPFILE", raising=False)


class TestFsspecMemory(StorageContract):
    @pytest.fixture
    def file_system(self):
        """
        The one in-memory file system of the process, emptied.
        """
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        yield memory
        memory.store.clear()

    @pytest.fixture
    def storage(self, file_system):
        """
        A path in it.
        """
        return FsspecStorage("memory://exports/live")

    @pytest.fixture
    def raw_read(self, file_system):
        """
        Reads the object through fsspec.
        """

        def read(key):
            path = f"/exports/live/{key}"
            return file_system.cat_file(path) if file_system.isfile(path) else None

        return read

    @pytest.fixture
    def raw_write(self, file_system):
        """
        Writes the object through fsspec.
        """
        return lambda key, content: file_system.pipe_file(f"/exports/live/{key}", content)


class Overwriting(MemoryStorage):
    def put(self, key, stage):
        """
        Broken: replaces what is there.
        """
        self.delete(key)
        super().put(key, stage)


class Racing(MemoryStorage):
    def put(self, key, stage):
        """
        Broken: looks first and stores later.
        """
        if any(found.key == key for found in self.list()):
            raise ObjectExists
        self._objects[key] = stage.read()


class Truncating(MemoryStorage):
    def put(self, key, stage):
        """
        Broken: what came before the failure is stored, as `with fs.open(...)` does it.
        """
        received = io.BytesIO()
        try:
            while chunk := stage.read(65_536):
                received.write(chunk)
        finally:
            super().put(key, received)


class Unchecked(MemoryStorage):
    def delete(self, key):
        """
        Broken: takes any text for a key.
        """
        self._objects.pop(key, None)


class FromTheEnd(MemoryStorage):
    def read(self, key, start=0, end=None):
        """
        Broken: slices as Python does, and in one piece.
        """
        yield self._get(key)[start:end]


def _parts(broken):
    return {
        "storage": broken,
        "raw_read": broken._objects.get,
        "raw_write": broken._objects.__setitem__,
    }


@pytest.mark.parametrize(
    ("broken", "promise", "arguments"),
    [
        (Overwriting, StorageContract.test_a_taken_key_is_never_overwritten, ("storage", "raw_read", "raw_write")),
        (Racing, StorageContract.test_a_stage_is_put_from_its_beginning_and_left_open, ("storage", "raw_read")),
        (Truncating, StorageContract.test_a_stage_that_breaks_off_leaves_nothing, ("storage", "raw_read")),
        (FromTheEnd, StorageContract.test_what_is_stored_is_read, ("storage", "raw_write")),
    ],
)
def test_the_contract_catches_a_broken_storage(broken, promise, arguments):
    """
    Overwriting, reading from the stage's position, keeping a broken part and reading in one piece are caught.
    """
    parts = _parts(broken())

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        promise(StorageContract(), **{name: parts[name] for name in arguments})


def test_the_contract_catches_unchecked_keys():
    """
    A verb that takes any text for a key is caught.
    """
    with pytest.raises(pytest.fail.Exception):
        StorageContract().test_a_hostile_key_is_refused_by_every_verb(Unchecked(), "../outside")


def test_the_contract_catches_reading_from_the_end():
    """
    A negative range that means "from the end" is caught.
    """
    parts = _parts(FromTheEnd())

    with pytest.raises(pytest.fail.Exception):
        StorageContract().test_a_range_that_is_none_is_refused(parts["storage"], parts["raw_write"], -1, None)


def test_the_contract_catches_two_winners():
    """
    A storage that looks first and stores later lets several of 16 writers win, and is caught.
    """
    parts = _parts(SlowlyRacing())

    with pytest.raises(AssertionError):
        StorageContract().test_of_many_writers_one_wins(parts["storage"], parts["raw_read"])


class SlowlyRacing(Racing):
    def list(self, prefix=""):
        """
        Lists, then waits until the others have looked too.
        """
        found = list(super().list(prefix))
        self._looked += 1
        while self._looked < 16:
            pass
        return iter(found)

    def __init__(self):
        super().__init__()
        self._looked = 0


def test_what_the_suite_stores_takes_several_chunks():
    """
    The contract's content is larger than two chunks, and its key a whole path.
    """
    assert len(CONTENT) > 2 * 256 * 1024
    assert KEY.count("/") == 2
