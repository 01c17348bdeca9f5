"""
S3's own ways, without a server: versions, unfinished uploads, what a start needs, and time limits.
"""

import io
from datetime import UTC, datetime, timedelta

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from streampay_export.errors import InvalidConfiguration, StorageUnavailable
from streampay_export.storage.fsspec import FsspecStorage

KEY = "default/job/1.zip"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Answered(Exception):
    """
    An answer of S3 that is an error, as botocore has it.
    """

    def __init__(self, code):
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class FakeS3(MemoryFileSystem):
    """
    A bucket in memory that gives prepared answers and remembers what was asked.
    """

    cachable = False

    def __init__(self):
        super().__init__()
        self.asked = []
        self.answers = {}
        self.created_with = {}

    def pipe_file(self, path, value, mode="overwrite", **more):
        """
        Store it, and remember what was sent along.
        """
        self.created_with = more
        super().pipe_file(path, value, mode=mode)

    def call_s3(self, method, **arguments):
        """
        Answer as prepared: with a value, by a function, by an error, or one page after the other.
        """
        self.asked.append((method, arguments))
        answer = self.answers.get(method, {})
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Answered):
            kind = PermissionError if answer.args[0] in {"AccessDenied", "ExpiredToken"} else OSError
            raise kind(5, "S3 said no") from answer
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments) if callable(answer) else answer

    def calls(self, method):
        """
        What *method* was asked with.
        """
        return [arguments for asked, arguments in self.asked if asked == method]


@pytest.fixture
def fake(monkeypatch):
    """
    The bucket, which keeps no versions yet.
    """
    fsspec.filesystem("memory").store.clear()
    made = FakeS3()
    monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: made)
    yield made
    made.store.clear()


@pytest.fixture
def storage(fake):
    """
    A storage on a path in it.
    """
    return FsspecStorage("s3://bucket/live")


def version(id_, key=f"live/{KEY}", **more):
    """
    A version as a listing shows it.
    """
    return {"Key": key, "VersionId": id_, **more}


def test_a_plain_bucket_is_asked_for_nothing_more(fake, storage):
    """
    Without versions a delete is one, and a start tries nothing.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    storage.check()
    storage.delete(KEY)
    storage.delete(KEY)

    assert [] == list(storage.list())
    assert {method for method, _ in fake.asked} == {"get_bucket_versioning"}


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_every_version_is_deleted_markers_last(fake, storage, status):
    """
    Over all pages of the listing, and only those of this very key.
    """
    fake.answers["get_bucket_versioning"] = {"Status": status}
    fake.answers["list_object_versions"] = [
        {
            "DeleteMarkers": [version("marker")],
            "Versions": [version("old", Size=1), version("other", f"live/{KEY}x", Size=1)],
            "IsTruncated": True,
            "NextKeyMarker": f"live/{KEY}",
            "NextVersionIdMarker": "old",
        },
        {"Versions": [version("older", Size=1)]},
    ]
    storage.delete(KEY)

    assert ["old", "older", "marker"] == [each["VersionId"] for each in fake.calls("delete_object")]
    first, second = fake.calls("list_object_versions")
    assert {"Bucket": "bucket", "Prefix": f"live/{KEY}"} == first
    assert {**first, "KeyMarker": f"live/{KEY}", "VersionIdMarker": "old"} == second


def test_a_listing_that_is_cut_without_a_mark_ends(fake, storage):
    """
    A server that says there is more and not where cannot keep a delete busy for ever.
    """
    fake.answers["get_bucket_versioning"] = {"Status": "Enabled"}
    fake.answers["list_object_versions"] = {"Versions": [version("one", Size=1)], "IsTruncated": True}
    storage.delete(KEY)

    assert len(fake.calls("delete_object")) == 1


def test_a_version_that_cannot_be_deleted_is_no_delete(fake, storage):
    """
    Whoever deletes hears of it, and may try again.
    """
    fake.answers["get_bucket_versioning"] = {"Status": "Enabled"}
    fake.answers["list_object_versions"] = {"Versions": [version("one", Size=1)]}
    fake.answers["delete_object"] = PermissionError(f"denied {KEY}")
    with pytest.raises(StorageUnavailable) as failed:
        storage.delete(KEY)

    assert "zip" not in str(failed.value)


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("get_bucket_versioning", "s3:GetBucketVersioning"),
        ("get_object_lock_configuration", "s3:GetBucketObjectLockConfiguration"),
        ("list_object_versions", "s3:ListBucketVersions"),
        ("delete_object", "s3:DeleteObjectVersion"),
    ],
)
def test_a_start_says_what_to_grant(fake, storage, method, right):
    """
    What cannot be known, or not be deleted, is refused; the sentence names the right.
    """
    fake.answers["get_bucket_versioning"] = {"Status": "Enabled"}
    fake.answers["list_object_versions"] = lambda asked: {"Versions": [version("one", asked["Prefix"], Size=0)]}
    fake.answers[method] = Answered("AccessDenied")
    with pytest.raises(InvalidConfiguration, match=right) as refused:
        storage.check()

    assert refused.value.key == "storage.url"
    with pytest.raises(InvalidConfiguration, match=right):
        storage.put(KEY, io.BytesIO(b"x"))
    assert [] == [found.key for found in storage.list() if found.key == KEY]


def test_a_start_may_find_no_bucket(fake, storage):
    """
    That is `StorageUnavailable`: somebody may be about to make it.
    """
    fake.answers["get_bucket_versioning"] = FileNotFoundError("bucket")
    with pytest.raises(StorageUnavailable, match="no such s3 bucket"):
        storage.check()


@pytest.mark.parametrize("code", ["InternalError", "ExpiredToken"])
def test_a_start_may_find_no_answer(fake, storage, code):
    """
    A server that fails, or keys that have expired, are `StorageUnavailable`: no right is missing.
    """
    fake.answers["get_bucket_versioning"] = Answered(code)
    for call in (storage.check, lambda: storage.put(KEY, io.BytesIO(b"x"))):
        with pytest.raises(StorageUnavailable, match="did not answer"):
            call()
    assert [] == list(storage.list())


def test_the_first_put_asks_what_no_start_did(fake, storage):
    """
    Once it is known that deleting deletes, nothing more is asked.
    """
    storage.put(KEY, io.BytesIO(b"x"))
    storage.put("default/job/2.zip", io.BytesIO(b"x"))

    assert [("get_bucket_versioning", {"Bucket": "bucket"})] == fake.asked


def test_a_retention_by_default_is_refused(fake, storage):
    """
    Such a bucket keeps each object for its time, whoever asks; an object lock without one does not.
    """
    fake.answers["get_bucket_versioning"] = {"Status": "Enabled"}
    fake.answers["get_object_lock_configuration"] = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    storage.check()
    fake.answers["get_object_lock_configuration"]["ObjectLockConfiguration"]["Rule"] = {"DefaultRetention": {}}
    with pytest.raises(InvalidConfiguration, match="object lock"):
        storage.check()


def test_a_server_that_knows_no_versions_keeps_none(fake, storage):
    """
    Some S3 servers answer that they have neither versions nor locks.
    """
    fake.answers["get_bucket_versioning"] = Answered("NotImplemented")
    storage.check()
    fake.answers["get_bucket_versioning"] = {"Status": "Enabled"}
    fake.answers["get_object_lock_configuration"] = Answered("ObjectLockConfigurationNotFoundError")
    storage.check()

    assert len(fake.calls("list_object_versions")) == 1


def test_only_old_uploads_of_ours_are_aborted(fake, storage):
    """
    Others' uploads in the bucket, what is no key, and what may still be under way are left alone.
    """
    old, new = NOW - timedelta(days=2), NOW
    uploads = [
        {"Key": f"live/{KEY}", "UploadId": "old", "Initiated": old},
        {"Key": f"live/{KEY}", "UploadId": "new", "Initiated": new},
        {"Key": "live/Their Photo.jpeg", "UploadId": "theirs", "Initiated": old},
    ]
    more = {"IsTruncated": True, "NextKeyMarker": "live/x", "NextUploadIdMarker": "x"}
    fake.answers["list_multipart_uploads"] = [{"Uploads": uploads, **more}, {}]

    assert 1 == storage.sweep_leftovers(NOW - timedelta(days=1))
    assert ["old"] == [each["UploadId"] for each in fake.calls("abort_multipart_upload")]
    assert {"live/"} == {each["Prefix"] for each in fake.calls("list_multipart_uploads")}


def test_an_upload_that_ended_meanwhile_is_nobodys(fake, storage):
    """
    Two sweepers at once do no harm.
    """
    upload = {"Key": f"live/{KEY}", "UploadId": "old", "Initiated": NOW}
    fake.answers["list_multipart_uploads"] = {"Uploads": [upload]}
    fake.answers["abort_multipart_upload"] = FileNotFoundError("NoSuchUpload")

    assert 0 == storage.sweep_leftovers(NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("url", "protection", "options", "given"),
    [
        ("s3://bucket", "store", {}, {"ServerSideEncryption": "AES256"}),
        ("s3://bucket", "store", {"s3_additional_kwargs": {"ServerSideEncryption": "aws:kms"}}, {}),
        ("s3://bucket", "library", {}, {}),
        ("gs://bucket", "store", {}, {}),
        ("az://container", "store", {}, {}),
    ],
)
def test_a_store_is_asked_to_encrypt(fake, url, protection, options, given):
    """
    S3 by a header on each new object, unless the operator chose another; the others always do.
    """
    storage = FsspecStorage(url, protection=protection, **options)
    storage.put(KEY, io.BytesIO(b"x"))

    assert (protection, given) == (storage.protection, fake.created_with)


@pytest.mark.parametrize(
    ("url", "protection"),
    [("file:///var/exports", "store"), ("memory://exports", "store"), ("s3://bucket", "none")],
)
def test_a_protection_nobody_gives_is_refused(fake, url, protection):
    """
    A disk encrypts nothing that it is given, and without protection nothing is stored at all.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        FsspecStorage(url, protection=protection)

    assert refused.value.key == "storage.protection"


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(fake, seconds):
    """
    Nothing, less than nothing and next to for ever are no limits.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        FsspecStorage("s3://bucket", call_timeout=seconds)

    assert refused.value.key == "storage.call_timeout"


class Remote(FakeS3):
    """
    A file system that works in fsspec's own thread, and so can be given up.
    """

    async_impl = True
    mirror_sync_methods = False
    seen = None

    def _note(self, name, more):
        self.seen.append((name, more.get("timeout")))

    def pipe_file(self, path, value, mode="create", **more):
        """
        Note the limit.
        """
        self._note("pipe_file", more)

    def info(self, path, **more):
        """
        Note the limit.
        """
        self._note("info", more)
        return {"type": "file", "size": 1}

    def cat_file(self, path, start=None, end=None, **more):
        """
        Note the limit.
        """
        self._note("cat_file", more)
        return b"x"

    def rm_file(self, path, **more):
        """
        Note the limit, and fail as for what is not there.
        """
        self._note("rm_file", more)
        raise FileNotFoundError(path)

    def find(self, path, detail=True, **more):
        """
        Note the limit.
        """
        self._note("find", more)
        return {}

    def call_s3(self, method, **more):
        """
        Note the limit.
        """
        self._note(method, more)
        return {}


def test_every_call_has_a_limit(monkeypatch):
    """
    Each request has its seconds; an upload more by its size, and a listing by its pages.
    """
    remote = Remote()
    remote.seen = []
    monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: remote)
    storage = FsspecStorage("s3://bucket", call_timeout=3)
    storage.put(KEY, io.BytesIO(bytes(512 * 1024)))
    list(storage.read(KEY))
    list(storage.list())
    storage.delete(KEY)
    storage.sweep_leftovers(NOW)

    assert remote.seen == [
        ("get_bucket_versioning", 3),
        ("pipe_file", 5.0),
        ("info", 3),
        ("cat_file", 3),
        ("find", 30),
        ("get_bucket_versioning", 3),
        ("rm_file", 3),
        ("list_multipart_uploads", 3),
    ]
