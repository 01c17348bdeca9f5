"""
Storage behind a URL: which URLs are taken, and what becomes of a store's own errors.
"""

import errno
import io
import mmap
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from streampay_export.errors import (
    InvalidConfiguration,
    MissingExtra,
    ObjectExists,
    ObjectMissing,
    StorageUnavailable,
)
from streampay_export.storage import objects
from streampay_export.storage.fsspec import FsspecStorage

KEY = "default/job/1.zip"


@pytest.fixture
def memory():
    """
    The process's one in-memory file system, emptied.
    """
    file_system = fsspec.filesystem("memory")
    file_system.store.clear()
    yield file_system
    file_system.store.clear()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "exports",
        "/var/exports",
        "file:exports",
        "file://exports",
        "file://host/exports",
        "file:///a%00b",
        "http://example.com/exports",
        "ftp://example.com/exports",
        "local:///exports",
        "s3a://bucket",
        "abfs://container",
        "sftp://host/exports",
        "zip://a::file:///exports",
        "simplecache::s3://bucket/exports",
        "file::///exports",
        "memory://",
        "memory:///",
        "s3://",
        "s3:///exports",
        "s3://bucket/../other",
        "s3://bucket/./a",
        "s3://bucket//a",
        "s3://bucket/%2e%2e",
        "s3://bucket/a b",
        "s3://bucket/\n",
        "s3://buc\u043aet",
        "s3://[",
    ],
)
def test_other_urls_are_refused(url):
    """
    Protocols that are not on the list, chains, and places that are none: what would be right is said.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        FsspecStorage(url)

    assert refused.value.key == "storage.url"


@pytest.mark.parametrize(
    "url", ["s3://AK:SECRET@bucket", "s3://AK@bucket/a", "s3://bucket?key=SECRET", "s3://bucket/a#SECRET"]
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url):
    """
    User info, query and fragment have no place in a storage's URL, nor in the error.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        FsspecStorage(url)

    assert "SECRET" not in str(refused.value)
    assert "AK" not in str(refused.value)


@pytest.mark.parametrize(("protocol", "extra"), [("s3", "s3"), ("gs", "gcs"), ("az", "azure")])
def test_a_missing_library_names_its_extra(monkeypatch, protocol, extra):
    """
    Without s3fs, gcsfs or adlfs the error says what to install.
    """

    def missing(*_, **__):
        raise ImportError("Install it")

    monkeypatch.setattr("fsspec.filesystem", missing)
    with pytest.raises(MissingExtra) as refused:
        FsspecStorage(f"{protocol}://bucket")

    assert extra == refused.value.extra
    assert f"pip install 'streampay-export[{extra}]'" in str(refused.value)


def test_a_file_storage_takes_no_options(tmp_path):
    """
    An option that would be ignored is refused.
    """
    with pytest.raises(InvalidConfiguration, match="no further options"):
        FsspecStorage(tmp_path.as_uri(), endpoint_url="http://localhost")


def test_options_reach_the_file_system_and_listings_are_not_kept(monkeypatch):
    """
    What the configuration says is passed on; caches that go stale across processes are off.
    """
    given = {}

    def make(protocol, **options):
        given.update(options, protocol=protocol)

    monkeypatch.setattr("fsspec.filesystem", make)
    FsspecStorage("s3://bucket/exports", endpoint_url="http://localhost")

    assert given == {
        "protocol": "s3",
        "use_listings_cache": False,
        "skip_instance_cache": True,
        "endpoint_url": "http://localhost",
    }


def test_it_shows_where_it_is(tmp_path):
    """
    Its text is its URL, which holds no credentials.
    """
    assert repr(FsspecStorage("memory://exports")) == "FsspecStorage('memory://exports')"


def test_storages_of_one_store_do_not_see_each_other(memory):
    """
    A path is a place of its own, also beside one whose name begins alike.
    """
    one, two = FsspecStorage("memory://a/one"), FsspecStorage("memory://a/one-more")
    two.put(KEY, io.BytesIO(b"x"))

    assert [] == list(one.list())
    assert [KEY] == [found.key for found in two.list()]


def test_a_remote_store_has_no_leftovers_of_ours(memory):
    """
    A sweep there finds nothing to do.
    """
    assert 0 == FsspecStorage("memory://exports").sweep_leftovers(datetime(2100, 1, 1, tzinfo=UTC))


class Failing(MemoryFileSystem):
    """
    A store that fails as it is told to, in words that quote what they should not.
    """

    cachable = False
    error: Exception

    def _fail(self, *_, **__):
        raise self.error

    pipe_file = cat_file = find = rm_file = _fail


class StrangeError(Exception):
    """
    An error of a driver that knows no OSError.
    """


@pytest.fixture
def failing(memory, monkeypatch):
    """
    A storage on a store that holds one object and fails from now on.
    """
    fsspec.filesystem("memory").pipe_file(f"/bucket/{KEY}", b"x")

    def storage(error):
        file_system = Failing()
        file_system.error = error
        monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: file_system)
        return FsspecStorage("gs://bucket")

    return storage


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, f"https://AK:SECRET@host/bucket/{KEY}"),
        PermissionError(f"denied: SECRET {KEY}"),
        TimeoutError("SECRET"),
        StrangeError(f"SECRET {KEY}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_stores_errors_are_translated_without_their_text(failing, error):
    """
    Every verb raises `StorageUnavailable` that names the kind of error alone, and forgets the rest.
    """
    storage = failing(error)
    calls = (
        lambda: storage.put("default/job/2.zip", io.BytesIO(b"x")),
        lambda: next(storage.read(KEY)),
        lambda: list(storage.list()),
        lambda: storage.delete(KEY),
    )
    for call in calls:
        with pytest.raises(StorageUnavailable, match=type(error).__name__) as failed:
            call()
        assert "SECRET" not in str(failed.value)
        assert "zip" not in str(failed.value)
        assert failed.value.__suppress_context__


def test_a_refused_precondition_means_that_the_object_exists(failing):
    """
    S3's If-None-Match comes back as EINVAL; so does a plain mistake, which it is told apart from.
    """
    storage = failing(OSError(errno.EINVAL, "At least one of the pre-conditions you specified did not hold"))

    with pytest.raises(ObjectExists):
        storage.put(KEY, io.BytesIO(b"x"))
    with pytest.raises(StorageUnavailable):
        storage.put("default/job/2.zip", io.BytesIO(b"x"))


def test_a_missing_bucket_is_not_a_missing_object(failing):
    """
    A put into a bucket that is not there says so.
    """
    with pytest.raises(StorageUnavailable, match="no such gs bucket"):
        failing(FileNotFoundError(KEY)).put(KEY, io.BytesIO(b"x"))


def test_an_object_that_went_away_is_missing(failing):
    """
    Deleted between two looks: missing for a reader, done for who deletes, absent from a listing.
    """
    storage = failing(FileNotFoundError(KEY))

    with pytest.raises(ObjectMissing):
        next(storage.read(KEY))
    storage.delete(KEY)
    assert [] == list(storage.list())


def test_a_block_that_comes_short_is_a_failure(memory, monkeypatch):
    """
    A broken transfer never passes for the end of the object.
    """
    storage = FsspecStorage("memory://exports")
    storage.put(KEY, io.BytesIO(b"x" * 1000))
    monkeypatch.setattr(MemoryFileSystem, "cat_file", lambda *_, **__: b"x" * 999)

    with pytest.raises(StorageUnavailable, match="ended before its end"):
        list(storage.read(KEY))


def test_large_objects_are_fetched_in_blocks(memory, monkeypatch):
    """
    More than one block comes back whole and in order.
    """
    monkeypatch.setattr(objects, "BLOCK", 700_000)
    content = bytes(range(256)) * 10_000
    storage = FsspecStorage("memory://exports")
    storage.put(KEY, io.BytesIO(content))

    chunks = list(storage.read(KEY, 1, 2_000_000))

    assert b"".join(chunks) == content[1:2_000_000]
    assert max(map(len, chunks)) == 256 * 1024


@pytest.mark.parametrize("make", [tempfile.TemporaryFile, io.BytesIO])
def test_a_large_stage_is_mapped_also_where_it_is_no_file(memory, monkeypatch, make):
    """
    A stage over the limit is not held in memory: it is mapped, or an unnamed copy of it is.
    """
    monkeypatch.setattr(objects, "LARGEST_IN_MEMORY", 1000)
    content = b"0123456789" * 1000
    handed_over = []
    pipe_file = memory.pipe_file
    monkeypatch.setattr(
        memory, "pipe_file", lambda path, value, **how: (handed_over.append(value), pipe_file(path, value, **how))
    )
    with make() as stage:
        stage.write(content)
        storage = FsspecStorage("memory://exports")
        storage._place = objects.ObjectStore("memory", "exports", memory)
        storage.put(KEY, stage)

    assert [mmap.mmap] == [type(value) for value in handed_over]
    assert memory.cat_file(f"/exports/{KEY}") == content


@pytest.mark.parametrize(("protocol", "most"), [("memory", 1), ("s3", 4)])
def test_the_memory_file_system_is_asked_by_one_thread_at_a_time(memory, monkeypatch, protocol, most):
    """
    Its readers share one position and its create is two steps; a real store is asked by all at once.
    """
    storage = FsspecStorage("memory://exports")
    storage.put(KEY, io.BytesIO(b"x" * 1000))
    storage._place = objects.ObjectStore(protocol, "exports", memory)
    inside, seen = [], []
    together = threading.Barrier(most)

    def cat_file(*_, start, end):
        inside.append(1)
        time.sleep(0.05)  # long enough for the others to come in, if they can
        together.wait(10)
        seen.append(len(inside))
        together.wait(10)
        inside.pop()
        return b"x" * (end - start)

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: list(storage.read(KEY)), range(4)))

    assert [most] * 4 == seen


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"LastModified": datetime(2026, 1, 2, tzinfo=UTC)}, datetime(2026, 1, 2, tzinfo=UTC)),
        ({"created": 0.0}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"mtime": "yesterday"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_when_an_object_was_stored_is_told_where_the_store_knows(info, expected):
    """
    Whatever the store calls it; what is no instant is left out.
    """
    assert expected == objects._modified(info)
