"""
Storage on a local disk: what it does where the disk, another process or an intruder interferes.
"""

import errno
import io
import os
import resource
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.storage_writers import race

from streampay_export.errors import ObjectExists, ObjectMissing, StorageUnavailable
from streampay_export.storage.fsspec import FsspecStorage

KEY = "default/job/1.zip"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path):
    """
    The storage's folder, not there yet.
    """
    return tmp_path / "exports"


@pytest.fixture(params=["unnamed drafts", "named drafts"])
def storage(root, request, monkeypatch):
    """
    A storage, as it works on Linux and as it works elsewhere.
    """
    if request.param == "named drafts":
        monkeypatch.delattr("os.O_TMPFILE", raising=False)
    return FsspecStorage(root.as_uri())


def everything(folder):
    """
    Every name below a folder that is no folder itself.
    """
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def refuse(error):
    """
    A system call that fails.
    """

    def call(*_, **__):
        raise OSError(error, os.strerror(error), "/secret/path")

    return call


def test_files_are_0600_and_folders_0700_whatever_the_umask(storage, root):
    """
    Nobody else on the machine reads an artifact or sees that there is one.
    """
    before = os.umask(0)
    try:
        storage.put(KEY, io.BytesIO(b"x"))
    finally:
        os.umask(before)

    modes = {
        str(path.relative_to(root.parent)): stat.S_IMODE(path.stat().st_mode) for path in root.parent.rglob("*")
    }
    assert modes == {
        "exports": 0o700,
        "exports/default": 0o700,
        "exports/default/job": 0o700,
        f"exports/{KEY}": 0o600,
    }


def test_before_the_first_put_nothing_is_touched(storage, root):
    """
    Opening, listing, looking up and deleting make no folder.
    """
    with pytest.raises(ObjectMissing):
        storage.size(KEY)
    storage.delete(KEY)

    assert ([], 0, False) == (list(storage.list()), storage.sweep_leftovers(LATER), root.exists())


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_leaves_nothing(storage, root, monkeypatch, call, error):
    """
    A disk that is full or fails, on write or on sync, leaves no file under any name and the key free.
    """
    storage.put("default/job/0.zip", io.BytesIO(b"before"))
    with monkeypatch.context() as patched:
        patched.setattr(f"os.{call}", refuse(error))
        with pytest.raises(StorageUnavailable) as failed:
            storage.put(KEY, io.BytesIO(b"x" * 1_000_000))
    assert "secret" not in str(failed.value)
    assert failed.value.__suppress_context__
    assert everything(root) == ["default/job/0.zip"]

    storage.put(KEY, io.BytesIO(b"whole"))
    assert (root / KEY).read_bytes() == b"whole"


def test_what_the_disk_takes_in_pieces_is_whole(storage, root, monkeypatch):
    """
    A write may be short without being an error: the rest follows.
    """
    real = os.write
    monkeypatch.setattr("os.write", lambda descriptor, chunk: real(descriptor, chunk[:100_001]))
    storage.put(KEY, io.BytesIO(bytes(range(250)) * 4_000))

    assert bytes(range(250)) * 4_000 == (root / KEY).read_bytes()


@pytest.mark.promise
def test_of_many_processes_one_wins(storage, root):
    """
    Of four processes that put one key at once one succeeds, and what is stored is all its own.
    """
    said, won = race(root.as_uri(), {}, KEY)

    assert ["lost", "lost", "lost", "won"] == said
    assert [(root / KEY).read_bytes()] == won


def test_a_disk_that_fails_at_the_third_block_leaves_nothing(storage, root, monkeypatch):
    """
    What was written before the disk was full is gone too.
    """
    real, calls = os.write, []

    def write(descriptor, chunk):
        calls.append(len(chunk))
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, chunk)

    with monkeypatch.context() as patched:
        patched.setattr("os.write", write)
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            storage.put(KEY, io.BytesIO(b"x" * 1_000_000))

    assert everything(root) == []


def test_a_failing_sync_of_the_folder_takes_the_object_back(storage, root, monkeypatch):
    """
    An object whose name may not survive a power cut was not stored.
    """
    storage.put("default/job/0.zip", io.BytesIO(b"before"))
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fsync)
        with pytest.raises(StorageUnavailable):
            storage.put(KEY, io.BytesIO(b"x"))

    assert everything(root) == ["default/job/0.zip"]


def test_a_failing_close_of_a_named_draft_publishes_nothing(root, monkeypatch):
    """
    A network disk that tells only at close that it is full has stored nothing.
    """
    monkeypatch.delattr("os.O_TMPFILE", raising=False)
    storage = FsspecStorage(root.as_uri())
    real = os.close

    def close(descriptor):
        file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        real(descriptor)
        if file:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.close", close)
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            storage.put(KEY, io.BytesIO(b"x"))

    assert everything(root) == []


def test_a_real_limit_on_file_size_leaves_nothing(storage, root):
    """
    The kernel's own refusal in the middle of a file: no partial object.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(StorageUnavailable, match="larger than this system allows"):
            storage.put(KEY, io.BytesIO(b"x" * 1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert everything(root) == []


WRITER = """
import sys, time
from streampay_export.storage.fsspec import FsspecStorage
import io, os
if sys.argv[2] == "named drafts":
    del os.O_TMPFILE
class Stage(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= 1_000_000:
            print("half", flush=True)
            time.sleep(60)
        return super().read(size)
FsspecStorage(sys.argv[1]).put("default/job/1.zip", Stage(bytes(2_000_000)))
"""


@pytest.mark.parametrize(("drafts", "leftovers"), [("unnamed drafts", 0), ("named drafts", 1)])
def test_a_killed_writer_leaves_no_object_and_after_a_sweep_nothing(root, drafts, leftovers):
    """
    After a kill -9 there is no object; on Linux nothing at all, elsewhere one leftover, swept when old.
    """
    if leftovers == 0 and not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no unnamed files")
    with subprocess.Popen([sys.executable, "-c", WRITER, root.as_uri(), drafts], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"half\n"
        writer.kill()
    storage = FsspecStorage(root.as_uri())

    assert leftovers == len(everything(root))
    assert [] == list(storage.list())
    assert 0 == storage.sweep_leftovers(datetime.now(UTC) - timedelta(hours=1))
    assert leftovers == storage.sweep_leftovers(LATER)
    assert everything(root) == []


def test_a_sweep_takes_leftovers_only(storage, root):
    """
    Objects, other people's files and links are left alone, however old.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    (root / "default" / ".tmp-link").symlink_to(root / KEY)
    (root / "default" / ".tmp-folder").mkdir()
    (root / "default" / "notes.txt").touch()
    (root / "default" / ".tmp-0").touch()

    assert 1 == storage.sweep_leftovers(LATER)
    assert everything(root) == ["default/.tmp-link", KEY, "default/notes.txt"]


def test_what_has_no_key_is_not_listed(storage, root):
    """
    Leftovers, links, pipes and files of other names are no objects.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    (root / "default" / ".tmp-0").touch()
    (root / "default" / "Notes.txt").touch()
    (root / "default" / "link").symlink_to(root / KEY)
    (root / "elsewhere").symlink_to(root / "default")
    os.mkfifo(root / "default" / "pipe")

    assert [KEY] == [found.key for found in storage.list()]


def test_a_listing_tells_when_an_object_was_stored(storage):
    """
    In UTC, by the disk's clock.
    """
    storage.put(KEY, io.BytesIO(b"x"))

    (found,) = storage.list()

    assert found.modified_at.utcoffset() == timedelta(0)
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("planted", ["default", "default/job"])
def test_a_planted_link_to_a_folder_is_not_followed(storage, root, tmp_path, planted):
    """
    A link in place of any folder: nothing is written, read, listed or deleted behind it.
    """
    outside = tmp_path / "outside"
    behind = outside / KEY.removeprefix(planted + "/")
    behind.parent.mkdir(parents=True)
    behind.write_bytes(b"theirs")
    (root / planted).parent.mkdir(parents=True)
    (root / planted).symlink_to(outside)

    with pytest.raises(StorageUnavailable, match="in the place of"):
        storage.put("default/job/2.zip", io.BytesIO(b"x"))
    with pytest.raises(ObjectMissing):
        storage.size(KEY)
    with pytest.raises(ObjectMissing):
        next(storage.read(KEY))
    storage.delete(KEY)
    assert [] == [*storage.list(), *storage.list("default/job/")]
    assert everything(outside) == [str(behind.relative_to(outside))]
    assert behind.read_bytes() == b"theirs"


@pytest.mark.parametrize("target", ["victim", "nowhere"])
def test_a_planted_link_to_a_file_is_not_followed(storage, root, tmp_path, target):
    """
    A link under an object's own key, also a dangling one, is neither written through nor read through.
    """
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    (root / "default" / "job").mkdir(parents=True)
    (root / KEY).symlink_to(tmp_path / target)

    with pytest.raises(ObjectExists):
        storage.put(KEY, io.BytesIO(b"x"))
    with pytest.raises(ObjectMissing):
        storage.size(KEY)
    with pytest.raises(ObjectMissing):
        next(storage.read(KEY))
    assert (b"theirs", False) == (victim.read_bytes(), (tmp_path / "nowhere").exists())


def test_a_planted_pipe_does_not_hang_a_reader(storage, root):
    """
    A pipe under a key is no object.
    """
    (root / "default" / "job").mkdir(parents=True)
    os.mkfifo(root / KEY)

    with pytest.raises(ObjectMissing):
        storage.size(KEY)


def test_the_configured_folder_itself_may_be_a_link(root, tmp_path):
    """
    Where the root lies is the operator's affair.
    """
    (tmp_path / "disk").mkdir()
    root.symlink_to(tmp_path / "disk")
    storage = FsspecStorage(root.as_uri())
    storage.put(KEY, io.BytesIO(b"x"))

    assert [KEY] == [found.key for found in storage.list()]
    assert (tmp_path / "disk" / KEY).read_bytes() == b"x"


def test_a_file_in_place_of_the_root_is_said(storage, root):
    """
    A root that is no folder is an error for a writer, not an object that exists.
    """
    root.touch()

    with pytest.raises(StorageUnavailable, match="in the place of"):
        storage.put(KEY, io.BytesIO(b"x"))


def test_a_failing_read_says_so_without_a_path(storage, root, monkeypatch):
    """
    An I/O error is `StorageUnavailable`, and so is a file that shrinks while it is read.
    """
    storage.put(KEY, io.BytesIO(b"x" * 600_000))
    half_way = storage.read(KEY)
    next(half_way)
    os.truncate(root / KEY, 300_000)
    with pytest.raises(StorageUnavailable, match="ended before its end"):
        list(half_way)
    monkeypatch.setattr("os.read", refuse(errno.EIO))
    with pytest.raises(StorageUnavailable) as failed:
        next(storage.read(KEY))
    assert "/" not in failed.value.problem.replace("Input/output", "")


def test_a_folder_that_cannot_be_listed_is_said(storage, monkeypatch):
    """
    A listing is whole or fails: no object is silently left out.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    real = os.open

    def open_(path, *arguments, **options):
        if path == "job":
            raise PermissionError(errno.EACCES, "Permission denied", "/secret/path")
        return real(path, *arguments, **options)

    monkeypatch.setattr("os.open", open_)
    with pytest.raises(StorageUnavailable, match=r"Permission denied$"):
        list(storage.list())


@pytest.mark.parametrize("call", ["open", "stat"])
def test_what_is_deleted_while_listing_is_left_out(storage, monkeypatch, call):
    """
    A folder or an object that goes away meanwhile is not there, which is no error.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    storage.put("default/other/1.zip", io.BytesIO(b"x"))
    real = getattr(os, call)

    def gone(path, *arguments, **options):
        if path in {"other", "1.zip"} and (call == "open" or options.get("dir_fd") is not None):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return real(path, *arguments, **options)

    monkeypatch.setattr(f"os.{call}", gone)
    assert [KEY][: call == "open"] == [found.key for found in storage.list()]


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL])
def test_a_file_system_without_unnamed_files_is_served_all_the_same(root, monkeypatch, error):
    """
    Where the disk knows no unnamed files a named draft takes over, and goes away at the end.
    """
    monkeypatch.setattr("os.O_TMPFILE", getattr(os, "O_TMPFILE", 1 << 30), raising=False)
    real = os.open

    def open_(path, *arguments, **options):
        if path == ".":
            raise OSError(error, "no")
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("os.open", open_)
        FsspecStorage(root.as_uri()).put(KEY, io.BytesIO(b"x"))

    assert everything(root) == [KEY]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has unnamed files")
def test_other_failures_to_open_a_draft_are_told(root, monkeypatch):
    """
    Too many open files is no reason to try another way.
    """
    real = os.open

    def open_(path, *arguments, **options):
        if path == ".":
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("os.open", open_)
        with pytest.raises(StorageUnavailable, match="Too many open files"):
            FsspecStorage(root.as_uri()).put(KEY, io.BytesIO(b"x"))


def test_a_name_left_over_after_publishing_is_no_failure(root, monkeypatch):
    """
    The object is stored once it has its name; the draft's own name is then the sweep's affair.
    """
    monkeypatch.delattr("os.O_TMPFILE", raising=False)
    storage = FsspecStorage(root.as_uri())
    with monkeypatch.context() as patched:
        patched.setattr("os.unlink", refuse(errno.EIO))
        storage.put(KEY, io.BytesIO(b"x"))

    assert 2 == len(everything(root))
    assert 1 == storage.sweep_leftovers(LATER)
    assert (root / KEY).read_bytes() == b"x"


def test_no_open_file_is_left_behind(storage):
    """
    Whatever succeeds or fails, every handle is closed again.
    """
    storage.put(KEY, io.BytesIO(b"x" * 600_000))
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(5):
        next(storage.read(KEY))
        list(storage.list())
        storage.delete("default/none/1.zip")
        storage.put(f"default/job/{number}.part", io.BytesIO(b"x"))
        with pytest.raises(ObjectExists):
            storage.put(KEY, io.BytesIO(b"x"))

    assert before == len(list(Path("/dev/fd").iterdir()))


def test_readers_see_whole_objects_only(storage):
    """
    Somebody who looks all the while sees no object, then the whole one; nothing between.
    """
    content = b"x" * 8_000_000
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            seen.update(found.size for found in storage.list())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(5):
        storage.put(f"default/job/{number}.zip", io.BytesIO(content))
    stop.set()
    watcher.join()
    seen.update(found.size for found in storage.list())

    assert seen == {len(content)}


def test_an_object_is_on_disk_before_it_has_a_name(storage, root, monkeypatch):
    """
    File synced, then named, then folder synced: a power cut at any moment leaves the whole object or none.
    """
    storage.put("default/job/0.zip", io.BytesIO(b"before"))
    steps = []
    fsync, link = os.fsync, os.link

    def sync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def name(*arguments, **options):
        steps.append("name")
        link(*arguments, **options)

    monkeypatch.setattr("os.fsync", sync)
    monkeypatch.setattr("os.link", name)
    storage.put(KEY, io.BytesIO(b"x"))

    assert steps == ["file", "name", "folder"]
