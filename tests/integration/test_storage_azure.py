"""
Storage in Azure Blob Storage, as Azurite has it: the whole contract, and URLs that it answers itself.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import fsspec
import pytest
from tests.integration.test_cloud_urls_s3 import fetch
from tests.remote_storage import REMOTE, RemoteStorageContract

from streampay_export.errors import StorageUnavailable
from streampay_export.links.cloud import NEVER
from streampay_export.links.fsspec import FsspecUrls
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.storage import KEY

CONTAINER, NAME = "exports", "export.zip"
pytestmark = REMOTE


@pytest.fixture(scope="module")
def file_system(azure_options):
    """
    The server's file system past the adapter, with the container made.
    """
    made = fsspec.filesystem("az", use_listings_cache=False, skip_instance_cache=True, **azure_options)
    made.mkdir(CONTAINER)
    return made


@pytest.fixture(scope="module")
def adapter(azure_options):
    """
    The adapter on a path in the container.
    """
    return FsspecStorage(f"az://{CONTAINER}/live", protection="store", **azure_options)


@pytest.fixture
def server(file_system):
    """
    That file system, with the container emptied.
    """
    for path in file_system.find(CONTAINER):
        file_system.rm_file(path)
    return file_system


def mint(azure_options, seconds=60):
    """
    Mint a URL for the contract's key.
    """
    urls = FsspecUrls(f"az://{CONTAINER}/live", credentials_expire=NEVER, use_listings_cache=False, **azure_options)
    now = datetime.now(UTC)
    return urls.mint(KEY, file_name=NAME, until=now + timedelta(seconds=seconds), now=now)


class TestAzure(RemoteStorageContract):
    url = f"az://{CONTAINER}/live"

    @pytest.fixture
    def options(self, azure_options):
        """
        Those of the server.
        """
        return azure_options

    def test_a_large_upload_is_whole(self, storage):
        """
        A blob that goes up in blocks appears whole.
        """
        with tempfile.TemporaryFile() as stage:
            for number in range(101):
                stage.write(bytes((number,)) * 1024 * 1024)
            storage.put(KEY, stage)

        assert storage.size(KEY) == 101 * 1024 * 1024
        assert b"".join(storage.read(KEY, 60 * 1024 * 1024 - 1, 60 * 1024 * 1024 + 1)) == b"\x3b\x3c"

    def test_a_url_gets_the_blob(self, storage, raw_write, azure_options):
        """
        Under our name and type, whatever the blob says of itself; after deletion it gets nothing.
        """
        raw_write(KEY, b"whole")
        url = mint(azure_options).url
        status, headers, body = fetch(url)

        assert (200, b"whole") == (status, body)
        assert headers["Content-Disposition"] == f'attachment; filename="{NAME}"'
        assert headers["Content-Type"] == "application/zip"
        storage.delete(KEY)
        assert fetch(url)[0] == 404

    def test_a_url_ends(self, storage, raw_write, azure_options):
        """
        After its seconds the server refuses it.
        """
        raw_write(KEY, b"whole")
        url = mint(azure_options, seconds=2).url
        assert fetch(url)[0] == 200
        time.sleep(3)

        assert fetch(url)[0] == 403

    def test_a_url_is_for_nothing_else(self, storage, raw_write, raw_read, azure_options):
        """
        Another key, disposition, type, right or life, and whatever writes, is refused.
        """
        raw_write(KEY, b"whole")
        other = KEY.replace("1.zip", "2.zip")
        raw_write(other, b"theirs")
        url = mint(azure_options).url
        inline = quote(f'attachment; filename="{NAME}"', safe="")
        altered = {
            "key": url.replace(KEY, other),
            "disposition": url.replace(inline, "inline"),
            "type": url.replace("rsct=application/zip", "rsct=text/html"),
            "right": url.replace("sp=r&", "sp=rwd&"),
            "life": url.replace(f"se={datetime.now(UTC).year}", "se=2099"),
        }
        assert url not in altered.values()

        assert dict.fromkeys(altered, 403) == {name: fetch(each)[0] for name, each in altered.items()}
        assert [403, 403] == [fetch(url, "PUT", **{"x-ms-blob-type": "BlockBlob"})[0], fetch(url, "DELETE")[0]]
        assert raw_read(KEY) == b"whole"


def test_a_missing_container_is_said(azure_options):
    """
    A container that is not there is `StorageUnavailable`.
    """
    with tempfile.TemporaryFile() as stage, pytest.raises(StorageUnavailable):
        FsspecStorage("az://nowhere-to-be-found", **azure_options).put(KEY, stage)
