"""
The contract of `ports.storage`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, cast

import pytest

from ..._core.job import Protection
from ...errors import ExportError, ObjectExists, ObjectMissing, SetupError
from ...ports.storage import Storage
from .concurrency import at_once

RawRead = Callable[[str], bytes | None]
RawWrite = Callable[[str, bytes], None]

KEY = "default/abcdefghijklmnopqrstuvwxyz/1.zip"
LARGEST_CHUNK = 256 * 1024
# Not a multiple of the chunk, and no two chunks alike.
CONTENT = b"".join(hashlib.sha256(bytes((n % 256, n // 256))).digest() for n in range(20_000)) + b"end"
THREADS = 16

HOSTILE_KEYS: tuple[str, ...] = (
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside",
    "tenant/../outside",
    "tenant/..",
    "./tenant",
    "tenant//job",
    "tenant/",
    "%2e%2e/outside",
    "..%2foutside",
    "tenant/%2e%2e",
    "nul\0inside",
    "job.zip\0.txt",
    "C:/windows",
    "c:job",
    "C:\\windows",
    "\\\\server\\share",
    "//server/share",
    "tenant\\job",
    "tenant/job.zip\n",
    "\ntenant",
    "tenant/job zip",
    "~/job",
    "$HOME",
    "tenant/*",
    "Tenant/job",
    "tenant/.zip",
    "tenant/.tmp-0",
    "tenant/job.zip.part",
    "tenant.zip/job",
    "tenant/job.exe",
    "memory://job",
    "a::b",
    "аlice",  # noqa: RUF001 — the Cyrillic letter is the point
    "tenаnt/job.zip",  # noqa: RUF001 — likewise
    "ｔｅｎａｎｔ",  # noqa: RUF001 — full-width letters
    "tenant／job",  # noqa: RUF001 — a full-width solidus
    "tenant∕job",  # noqa: RUF001 — a division slash
    "tenant/١",  # noqa: RUF001 — a digit, but not an ASCII one
    "ǆ/ß",
    "job\u202epiz.",
    "é",
    "a" * 10_240,
    "a/" * 5_120 + "a",
)


class _Stage(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._inner = io.BytesIO(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset != 0 or whence == io.SEEK_CUR:
            raise io.UnsupportedOperation
        return self._inner.seek(0, whence)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(size)


class StorageContract:
    """
    What every `Storage` keeps. Give three fixtures: *storage*, empty, and two that bypass it.

    `raw_read(key)` returns what lies under a key, `None` for nothing, and `raw_write(key, content)` puts
    it there, both without the adapter: an adapter must not be its own witness.
    """

    @pytest.fixture
    def storage(self) -> Storage:
        """
        The storage under test, empty.
        """
        raise NotImplementedError("give a fixture `storage` that returns your storage, empty")

    @pytest.fixture
    def raw_read(self) -> RawRead:
        """
        What lies under a key, by other means.
        """
        raise NotImplementedError("give a fixture `raw_read` that reads an object without your adapter")

    @pytest.fixture
    def raw_write(self) -> RawWrite:
        """
        Put something under a key, by other means.
        """
        raise NotImplementedError("give a fixture `raw_write` that writes an object without your adapter")

    def test_it_says_what_protects_its_objects(self, storage: Storage) -> None:
        """
        Protection is one of the two words.
        """
        assert storage.protection in set(Protection)

    @pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "one byte", "several chunks"])
    def test_what_is_put_is_stored(self, storage: Storage, raw_read: RawRead, content: bytes) -> None:
        """
        The store holds exactly the stage's bytes.
        """
        storage.put(KEY, io.BytesIO(content))
        assert content == raw_read(KEY)

    def test_a_stage_is_put_from_its_beginning_and_left_open(self, storage: Storage, raw_read: RawRead) -> None:
        """
        Wherever the stage stands, all of it is stored; closing it is the caller's affair.
        """
        stage = io.BytesIO(CONTENT)
        stage.seek(0, io.SEEK_END)
        storage.put(KEY, stage)
        assert CONTENT == raw_read(KEY)
        assert not stage.closed

    def test_a_stage_need_not_be_a_file(self, storage: Storage, raw_read: RawRead) -> None:
        """
        A stage that can be read, and sought to its start and its end, is enough.
        """
        storage.put(KEY, cast("BinaryIO", _Stage(CONTENT)))
        assert CONTENT == raw_read(KEY)

    def test_what_is_stored_is_read(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        Size and bytes are those in the store, in chunks of at most 256 KiB.
        """
        raw_write(KEY, CONTENT)
        chunks = list(storage.read(KEY))
        assert len(CONTENT) == storage.size(KEY)
        assert b"".join(chunks) == CONTENT
        assert max(map(len, chunks)) <= LARGEST_CHUNK

    def test_an_empty_object_is_read(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        An object without bytes is an object all the same.
        """
        raw_write(KEY, b"")
        assert (0, b"") == (storage.size(KEY), b"".join(storage.read(KEY)))

    @pytest.mark.parametrize("start", [0, 1, LARGEST_CHUNK - 1, LARGEST_CHUNK, len(CONTENT) - 1, len(CONTENT)])
    @pytest.mark.parametrize("length", [0, 1, LARGEST_CHUNK, LARGEST_CHUNK + 1, len(CONTENT), None])
    def test_any_range_is_read(self, storage: Storage, raw_write: RawWrite, start: int, length: int | None) -> None:
        """
        A range gives its bytes and no others, also where it begins or ends past the last.
        """
        raw_write(KEY, CONTENT)
        end = None if length is None else start + length
        assert CONTENT[start:end] == b"".join(storage.read(KEY, start, end))

    def test_a_range_past_the_end_is_empty(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        Nothing is there, and that is no error.
        """
        raw_write(KEY, b"abc")
        assert [] == list(storage.read(KEY, 4)) + list(storage.read(KEY, 4, 9))

    @pytest.mark.parametrize(("start", "end"), [(-1, None), (0, -1), (2, 1), (-2, -1)])
    def test_a_range_that_is_none_is_refused(
        self, storage: Storage, raw_write: RawWrite, start: int, end: int | None
    ) -> None:
        """
        Negative and backward ranges are refused: they never mean "from the end".
        """
        raw_write(KEY, b"abc")
        with pytest.raises(SetupError):
            list(storage.read(KEY, start, end))

    def test_a_reader_may_leave_early(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        An iterator closed half-way, or never begun, does no harm.
        """
        raw_write(KEY, CONTENT)
        never_begun = storage.read(KEY)
        half_way = storage.read(KEY)
        assert CONTENT.startswith(next(half_way))
        for reader in (never_begun, half_way):
            getattr(reader, "close", lambda: None)()
        assert b"".join(storage.read(KEY)) == CONTENT

    def test_what_is_not_there_is_missing(self, storage: Storage) -> None:
        """
        Size and the first chunk of nothing raise `ObjectMissing`; deleting it is fine.
        """
        with pytest.raises(ObjectMissing):
            storage.size(KEY)
        with pytest.raises(ObjectMissing):
            next(storage.read(KEY))
        storage.delete(KEY)

    def test_a_folder_is_no_object(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        What only lies on the way to an object is missing itself, and deleting it deletes nothing.
        """
        raw_write(KEY, b"abc")
        folder = KEY.rpartition("/")[0]
        with pytest.raises(ObjectMissing):
            storage.size(folder)
        with pytest.raises(ObjectMissing):
            next(storage.read(folder))
        with pytest.raises(ObjectMissing):
            storage.size(f"{KEY.removesuffix('.zip')}/below")
        storage.delete(folder)
        assert b"".join(storage.read(KEY)) == b"abc"

    def test_a_taken_key_is_never_overwritten(
        self, storage: Storage, raw_read: RawRead, raw_write: RawWrite
    ) -> None:
        """
        A second put raises `ObjectExists` and changes nothing, whoever stored the first.
        """
        raw_write(KEY, b"first")
        with pytest.raises(ObjectExists):
            storage.put(KEY, io.BytesIO(b"second, and longer"))
        assert raw_read(KEY) == b"first"

    def test_deleted_is_gone(self, storage: Storage, raw_read: RawRead, raw_write: RawWrite) -> None:
        """
        After a delete the key is free, and a second delete is no error.
        """
        raw_write(KEY, b"first")
        storage.delete(KEY)
        assert raw_read(KEY) is None
        storage.delete(KEY)
        storage.put(KEY, io.BytesIO(b"second"))
        assert raw_read(KEY) == b"second"

    def test_objects_are_listed_by_prefix(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        A prefix is the beginning of a key, not a folder; sizes are told.
        """
        sizes = {"one/job/1.zip": 1, "one/job/2.zip": 2, "one/jobs/3.part": 3, "two/job/4.zip": 4, "five": 5}
        for key, size in sizes.items():
            raw_write(key, b"x" * size)
        for prefix in ("", "o", "one", "one/", "one/job", "one/job/", "one/job/1.zip", "two/", "none/", "f"):
            expected = {(key, size) for key, size in sizes.items() if key.startswith(prefix)}
            assert expected == {(found.key, found.size) for found in storage.list(prefix)}

    def test_an_empty_storage_lists_nothing(self, storage: Storage) -> None:
        """
        Listing before anything was ever stored is no error.
        """
        assert [] == [*storage.list(), *storage.list("one/job/")]

    def test_a_sweep_touches_no_object(self, storage: Storage, raw_read: RawRead, raw_write: RawWrite) -> None:
        """
        What is stored is no leftover, however old; a storage that was never used has none.
        """
        later = datetime.now(UTC) + timedelta(days=1)
        assert storage.sweep_leftovers(later) == 0
        raw_write(KEY, b"abc")
        assert storage.sweep_leftovers(later) == 0
        assert raw_read(KEY) == b"abc"

    def test_a_start_leaves_nothing(self, storage: Storage) -> None:
        """
        Whatever is tried to see whether deleting deletes is gone afterwards.
        """
        storage.check()
        assert [] == list(storage.list())

    @pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key)[:40])
    def test_a_hostile_key_is_refused_by_every_verb(self, storage: Storage, key: str) -> None:
        """
        What is no key is a `SetupError` that does not repeat it, and the store stays as it was.
        """
        calls: tuple[Callable[[], object], ...] = (
            lambda: storage.put(key, io.BytesIO(b"x")),
            lambda: storage.size(key),
            lambda: list(storage.read(key)),
            lambda: storage.delete(key),
        )
        for call in calls:
            with pytest.raises(SetupError) as refused:
                call()
            assert len(key) < 3 or key not in str(refused.value)
        assert [] == list(storage.list())

    @pytest.mark.parametrize("prefix", ["..", "../", "/", "one/../", "%2e", "one//", "\0", "C:", "*", "é", "ONE"])
    def test_a_hostile_prefix_is_refused(self, storage: Storage, prefix: str) -> None:
        """
        What begins no key is a `SetupError`.
        """
        with pytest.raises(SetupError):
            list(storage.list(prefix))

    def test_a_stage_that_breaks_off_leaves_nothing(self, storage: Storage, raw_read: RawRead) -> None:
        """
        When the stage cannot be read to its end, no object appears and the key stays free.
        """
        with pytest.raises((OSError, ExportError)):
            storage.put(KEY, BrokenStage())
        assert raw_read(KEY) is None
        assert [] == list(storage.list())
        storage.put(KEY, io.BytesIO(b"whole"))
        assert raw_read(KEY) == b"whole"

    def test_of_many_writers_one_wins(self, storage: Storage, raw_read: RawRead) -> None:
        """
        Of 16 threads that put one key at once one succeeds, the others get `ObjectExists`.
        """
        contents = [bytes((number,)) * 100_000 for number in range(THREADS)]

        def put(number: int) -> bytes | None:
            try:
                storage.put(KEY, io.BytesIO(contents[number]))
            except ObjectExists:
                return None
            return contents[number]

        winners = [content for content in at_once(THREADS, put) if content is not None]
        assert [raw_read(KEY)] == winners

    def test_readers_do_not_disturb_each_other(self, storage: Storage, raw_write: RawWrite) -> None:
        """
        Eight threads read different ranges of one object at once, each the right bytes.
        """
        raw_write(KEY, CONTENT)
        ranges = [(number * 1_000, number * 1_000 + 300_000) for number in range(40)]

        def read(bounds: tuple[int, int]) -> bytes:
            return b"".join(storage.read(KEY, *bounds))

        with ThreadPoolExecutor(8) as pool:
            assert [CONTENT[start:end] for start, end in ranges] == list(pool.map(read, ranges))


class BrokenStage(io.BytesIO):
    """
    A stage of some megabytes that fails after the first.
    """

    def __init__(self) -> None:
        super().__init__(bytes(3_000_000))

    def read(self, size: int | None = -1, /) -> bytes:
        """
        Give bytes up to the first megabyte, then fail as a disk does.
        """
        if size is None or size < 0 or self.tell() + size > 1_000_000:
            raise OSError(5, "Input/output error")
        return super().read(size)
