"""
Deleting from an S3 bucket that keeps versions, and refusing to start on one that would keep them for good.
"""

import json
import time

import fsspec
import pytest
from tests.remote_storage import REMOTE, RemoteStorageContract

from streampay_export.errors import InvalidConfiguration, StorageUnavailable
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.storage import KEY

VERSIONED = "versioned"
pytestmark = REMOTE


@pytest.fixture(scope="module")
def file_system(s3_options):
    """
    The server's file system past the adapter.
    """
    return fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)


@pytest.fixture(scope="module")
def versioned(file_system):
    """
    A bucket that keeps versions.
    """
    file_system.mkdir(VERSIONED)
    file_system.make_bucket_versioned(VERSIONED)
    return file_system


@pytest.fixture(scope="module")
def adapter(s3_options):
    """
    The adapter on a path in it.
    """
    return FsspecStorage(f"s3://{VERSIONED}/live", **s3_options)


def everything_in(file_system, bucket):
    """
    Every version and delete marker of a bucket.
    """
    told = file_system.call_s3("list_object_versions", Bucket=bucket)
    return [*told.get("Versions", ()), *told.get("DeleteMarkers", ())]


class TestVersionedS3(RemoteStorageContract):
    url = f"s3://{VERSIONED}/live"

    @pytest.fixture
    def server(self, versioned):
        """
        That file system, with the bucket emptied to the last version.
        """
        for each in everything_in(versioned, VERSIONED):
            versioned.call_s3("delete_object", Bucket=VERSIONED, Key=each["Key"], VersionId=each["VersionId"])
        return versioned

    @pytest.fixture
    def options(self, s3_options):
        """
        Those of the server.
        """
        return s3_options

    def test_no_version_outlives_a_delete(self, storage, server, raw_write):
        """
        Older versions and delete markers go with the newest, those of other objects stay.
        """
        raw_write(KEY, b"first")
        raw_write(KEY, b"second")
        server.rm_file(f"{VERSIONED}/live/{KEY}")
        raw_write(KEY, b"third")
        raw_write(KEY.removesuffix(".zip"), b"another")
        storage.delete(KEY)

        left = [(each["Key"], each["Size"]) for each in everything_in(server, VERSIONED)]
        assert [(f"live/{KEY.removesuffix('.zip')}", 7)] == left

    def test_versions_are_found_on_every_page(self, storage, server, raw_write, monkeypatch):
        """
        More versions than a page of the listing holds are deleted all the same.
        """
        for number in range(5):
            raw_write(KEY, bytes((number,)))
        ask = type(storage._place)._ask

        def two_at_a_time(place, method, **arguments):
            few = {"MaxKeys": 2} if method == "list_object_versions" else {}
            return ask(place, method, **arguments, **few)

        monkeypatch.setattr(type(storage._place), "_ask", two_at_a_time)
        storage.delete(KEY)

        assert [] == everything_in(server, VERSIONED)

    def test_a_start_with_the_right_leaves_nothing(self, storage, server):
        """
        Whoever may delete versions may start, and what was tried is gone.
        """
        storage.check()

        assert [] == everything_in(server, VERSIONED)

    @pytest.mark.parametrize(
        "right", ["s3:GetBucketVersioning", "s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject"]
    )
    def test_a_start_without_a_right_is_refused(self, storage, server, right):
        """
        Where versions would stay the start is refused, and the sentence says what to grant.
        """
        places = [f"arn:aws:s3:::{VERSIONED}", f"arn:aws:s3:::{VERSIONED}/*"]
        statement = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": [right], "Resource": places}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        server.call_s3("put_bucket_policy", Bucket=VERSIONED, Policy=policy)
        time.sleep(0.5)  # until the server has heard of its own policy
        try:
            with pytest.raises(InvalidConfiguration, match=right):
                storage.check()
        finally:
            server.call_s3("delete_bucket_policy", Bucket=VERSIONED)
            time.sleep(0.5)


def test_a_start_on_a_bucket_that_retains_is_refused(file_system, s3_options):
    """
    An object lock with a retention by default keeps what is deleted; one without keeps nothing by itself.
    """
    file_system.call_s3("create_bucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    storage = FsspecStorage("s3://locked/live", **s3_options)
    storage.check()
    retention = {"Mode": "COMPLIANCE", "Days": 1}
    file_system.call_s3(
        "put_object_lock_configuration",
        Bucket="locked",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )
    with pytest.raises(InvalidConfiguration, match="object lock"):
        storage.check()


def test_a_start_without_the_bucket_is_said(s3_options):
    """
    A bucket that is not there is `StorageUnavailable`.
    """
    with pytest.raises(StorageUnavailable, match="no such s3 bucket"):
        FsspecStorage("s3://nowhere-to-be-found", **s3_options).check()


def test_a_plain_bucket_is_started_on_without_a_trace(file_system, s3_options):
    """
    Where no versions are kept nothing is written to find out.
    """
    file_system.mkdir("plain-bucket")
    FsspecStorage("s3://plain-bucket", **s3_options).check()

    assert [] == file_system.find("plain-bucket")
