"""
Storage in a real S3 server, which keeps the whole contract.
"""

import io
import tempfile
import time
from datetime import UTC, datetime, timedelta

import fsspec
import pytest
from tests.remote_storage import REMOTE, RemoteStorageContract
from tests.storage_writers import upload

from streampay_export import Actor, Subject
from streampay_export._core.job import Artifact
from streampay_export.artifact import artifact_file, publish, read_back
from streampay_export.errors import ObjectExists, StorageUnavailable
from streampay_export.keys.sealing import JobSealer
from streampay_export.stage import Stage
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.storage import KEY
from streampay_export.testing.deployment import MemoryDeployment

BUCKET = "exports"
pytestmark = REMOTE


@pytest.fixture(scope="module")
def file_system(s3_options):
    """
    The server's file system past the adapter, with the bucket made.
    """
    made = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)
    made.mkdir(BUCKET)
    return made


@pytest.fixture(scope="module")
def adapter(s3_options):
    """
    The adapter on a path in the bucket; one for all tests, as making a client takes half a second.
    """
    return FsspecStorage(f"s3://{BUCKET}/live", **s3_options)


@pytest.fixture
def server(file_system):
    """
    That file system, with the bucket emptied.
    """
    for path in file_system.find(BUCKET):
        file_system.rm_file(path)
    return file_system


class TestS3(RemoteStorageContract):
    url = f"s3://{BUCKET}/live"

    @pytest.fixture
    def options(self, s3_options):
        """
        Those of the server.
        """
        return s3_options

    def test_a_multipart_upload_is_whole_and_never_overwrites(self, storage, server):
        """
        An object too large for one request appears whole, once, and a second upload leaves nothing behind.
        """
        with tempfile.TemporaryFile() as stage:
            for number in range(105):
                stage.write(bytes((number,)) * 1024 * 1024)
            storage.put(KEY, stage)
            with pytest.raises(ObjectExists):
                storage.put(KEY, stage)

        assert storage.size(KEY) == 105 * 1024 * 1024
        assert b"".join(storage.read(KEY, 60 * 1024 * 1024 - 1, 60 * 1024 * 1024 + 1)) == b"\x3b\x3c"
        assert server.list_multipart_uploads(BUCKET) == []

    def test_an_encrypted_bundle_is_published_and_read_in_ranges(self, storage, raw_read, tmp_path):
        """
        A worker's artifact of two multipart uploads' size is ciphertext in the bucket; its ranges are the bundle's.
        """
        house = MemoryDeployment(storage=storage, stage_folder=tmp_path)
        house.service.request(Actor(id="alice"), Subject("alice"))
        job = house.jobs.claim(lease=timedelta(hours=1), max_attempts=1).job
        sealer, key = JobSealer(bytes(32)), f"default/{job.id}/1.zip"
        with Stage(tmp_path) as bundle:
            for number in range(101):
                bundle.append(bytes((number,)) * 1024 * 1024)
            artifact = Artifact(key=key, size=bundle.size, sha256=bundle.digest.sha256)
            publish(house.wiring, sealer, job, bundle, artifact)
        file = artifact_file(house.wiring, sealer, job, artifact)
        read_back(file, artifact, check=lambda: None)

        assert b"".join(file.read(60 * 1024 * 1024 - 1, 60 * 1024 * 1024 + 1)) == b"\x3b\x3c"
        assert bytes(64) not in raw_read(key)
        assert [] == list(tmp_path.iterdir())

    def test_wrong_credentials_are_said(self, s3_options, server):
        """
        What the server refuses is `StorageUnavailable`, without keys or names in the text.
        """
        storage = FsspecStorage(f"s3://{BUCKET}", **{**s3_options, "secret": "WRONG"})
        with pytest.raises(StorageUnavailable) as failed:
            storage.put(KEY, io.BytesIO(b"x"))

        assert "WRONG" not in str(failed.value)
        assert "zip" not in str(failed.value)

    def test_what_a_killed_upload_left_is_swept(self, storage, server, s3_options):
        """
        A writer killed in the middle of a multipart upload leaves no object, and its parts go when they are old.
        """
        elsewhere = server.call_s3("create_multipart_upload", Bucket=BUCKET, Key=f"other/{KEY}")
        with upload(f"s3://{BUCKET}/live", s3_options, KEY) as writer:
            while len(server.list_multipart_uploads(BUCKET)) < 2:
                assert writer.poll() is None
                time.sleep(0.02)
            writer.kill()
        a_day_ago = datetime.now(UTC) - timedelta(days=1)

        assert [] == list(storage.list())
        assert 0 == storage.sweep_leftovers(a_day_ago)
        assert 1 == storage.sweep_leftovers(datetime.now(UTC) + timedelta(minutes=1))
        assert [f"other/{KEY}"] == [each["Key"] for each in server.list_multipart_uploads(BUCKET)]
        server.abort_mpu(BUCKET, f"other/{KEY}", elsewhere["UploadId"])

    def test_a_store_encrypts_what_it_is_given_plain(self, server, s3_options):
        """
        With `protection = store` the server is asked to encrypt, in one request and in parts, and says it did.
        """
        storage = FsspecStorage(f"s3://{BUCKET}/live", protection="store", **s3_options)
        storage.put(KEY, io.BytesIO(b"x"))
        with tempfile.TemporaryFile() as stage:
            stage.truncate(101 * 1024 * 1024)
            storage.put("default/job/2.zip", stage)

        for key in (KEY, "default/job/2.zip"):
            told = server.call_s3("head_object", Bucket=BUCKET, Key=f"live/{key}")
            assert told["ServerSideEncryption"] == "AES256"
