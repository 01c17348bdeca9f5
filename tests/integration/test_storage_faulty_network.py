"""
Storage behind a network that fails: every call ends in its time, and nothing half-written is seen.
"""

import contextlib
import io
import tempfile
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import fsspec
import pytest
from tests.faulty_network import FaultyNetwork
from tests.remote_storage import REMOTE
from tests.unit.test_service import ALICE, payouts, ready, token

from streampay_export._core.trail import Event
from streampay_export.errors import ObjectExists, StorageUnavailable
from streampay_export.storage import objects
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.contracts.storage import CONTENT, KEY
from streampay_export.testing.deployment import MemoryDeployment

BUCKET, MB = "half-open", 1024 * 1024
TIMEOUT = 2.0
# fsspec looks once a second whether its thread has ended.
LATE = 1.5
LATER = datetime(2100, 1, 1, tzinfo=UTC)
pytestmark = REMOTE


@pytest.fixture
def bucket(s3_options):
    """
    The bucket, with one object in it, past adapter and proxy.
    """
    file_system = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)
    file_system.makedirs(BUCKET, exist_ok=True)
    for path in file_system.find(BUCKET):
        file_system.rm_file(path)
    file_system.clear_multipart_uploads(BUCKET)
    # The server takes seconds over the first object of a new bucket.
    file_system.pipe_file(f"{BUCKET}/{KEY}", CONTENT)
    return file_system


@pytest.fixture
def network(s3_options):
    """
    The network, which works at first.
    """
    with FaultyNetwork(urlsplit(s3_options["endpoint_url"]).port) as made:
        yield made


@pytest.fixture
def through(s3_options, network):
    """
    What leads through the network.
    """
    return {**s3_options, "endpoint_url": f"http://127.0.0.1:{network.port}"}


@pytest.fixture
def storage(bucket, through):
    """
    A storage at its other end, that has been used.
    """
    made = FsspecStorage(f"s3://{BUCKET}", call_timeout=TIMEOUT, **through)
    # The first call sets the client up too, which takes a busy machine longer than these tests allow a call.
    for _ in range(5):
        with contextlib.suppress(StorageUnavailable):
            made.size(KEY)
            return made
    pytest.fail("the store does not answer")


CALLS = {
    "put": lambda storage: storage.put("default/other/1.zip", io.BytesIO(b"x")),
    "size": lambda storage: storage.size(KEY),
    "read": lambda storage: list(storage.read(KEY)),
    "delete": lambda storage: storage.delete(KEY),
    "sweep_leftovers": lambda storage: storage.sweep_leftovers(LATER),
    "check": lambda storage: storage.check(),
}


@pytest.mark.parametrize("fault", ["swallow", "reset"])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_ends_in_its_time(storage, network, call, fault):
    """
    Where nothing arrives, or every connection is reset, it is `StorageUnavailable`, and later it works again.
    """
    network.fault = fault
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        CALLS[call](storage)
    assert time.monotonic() - begun < TIMEOUT + LATE
    network.fault = "pass"

    CALLS[call](storage)


def test_a_listing_ends_in_its_time(storage, network):
    """
    Ten times that of a request: it may be many.
    """
    network.fault = "swallow"
    quick = FsspecStorage(f"s3://{BUCKET}", call_timeout=0.2, **storage._place.fs.storage_options)
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        list(quick.list())

    assert time.monotonic() - begun < 10 * 0.2 + LATE


@pytest.fixture
def _brief_uploads(monkeypatch):
    """
    An upload has its time, and next to nothing for its size.
    """
    monkeypatch.setattr(objects, "SLOWEST_UPLOAD", 100 * MB)


@pytest.mark.usefixtures("_brief_uploads")
@pytest.mark.parametrize(("fault", "limit"), [("cut", MB), ("slow", MB // 4)])
@pytest.mark.parametrize("size", [3 * MB, 105 * MB], ids=["one request", "multipart"])
def test_an_upload_that_breaks_off_is_never_seen(storage, network, fault, limit, size):
    """
    Cut in the middle, or too slow: no object but a whole one that arrives late, and a sweep leaves no parts.
    """
    key = "default/other/1.zip"
    with tempfile.TemporaryFile() as stage:
        stage.truncate(size)
        network.fault, network.limit = fault, limit
        begun = time.monotonic()
        with pytest.raises(StorageUnavailable):
            storage.put(key, stage)
        assert time.monotonic() - begun < TIMEOUT + size / 100 / MB + LATE
        network.fault = "pass"
        seen = {found.key: found.size for found in storage.list()}
        assert size == seen.get(key, size)
        storage.sweep_leftovers(LATER)
        assert 0 == storage.sweep_leftovers(LATER)
        patient = FsspecStorage(f"s3://{BUCKET}", **storage._place.fs.storage_options)
        with contextlib.suppress(ObjectExists):
            patient.put(key, stage)

    assert size == storage.size(key)


def test_a_slow_network_is_no_failure(storage, network):
    """
    What comes slowly comes whole, as long as it comes in its time.
    """
    network.fault, network.limit = "slow", MB

    assert CONTENT == b"".join(storage.read(KEY))


def test_a_download_that_breaks_off_is_told_how_far_it_got(storage, network, monkeypatch):
    """
    The person's transfer breaks, in time, and the audit has the bytes until there.
    """
    monkeypatch.setattr(objects, "BLOCK", 4096)
    plain = FsspecStorage(
        f"s3://{BUCKET}", protection="store", call_timeout=TIMEOUT, **storage._place.fs.storage_options
    )
    house = MemoryDeployment({"payouts": payouts(300)}, storage=plain)
    job_id = ready(house)
    chunks = house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url)).read()
    got = len(next(chunks)) + len(next(chunks))
    network.fault = "swallow"
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        next(chunks)
    assert time.monotonic() - begun < TIMEOUT + LATE
    (broken,) = [each for each in house.audit.entries("default") if each.event == Event.DOWNLOAD_BROKEN_OFF]

    assert {"from": "0", "to": str(got), "why": "storage-unavailable"} == dict(broken.facts)
