"""
A minted URL on a real S3 server: it gets one object, for its time, and nothing else.
"""

import hashlib
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit, urlunsplit

import fsspec
import pytest
from attrs import evolve
from tests.remote_storage import REMOTE
from tests.s3_server import ACCESS_KEY, SECRET_KEY
from tests.unit.test_service import ALICE, payouts, ready, token

from streampay_export import Policies
from streampay_export.embedded import Places, embedded
from streampay_export.links.cloud import NEVER
from streampay_export.links.s3 import S3Credentials, S3Urls
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.deployment import CATALOG, NOTICE, MemoryDeployment, keep_everything

REGION = "us-east-1"
pytestmark = REMOTE


@pytest.fixture(scope="module")
def file_system(s3_options):
    """
    The server with two buckets, one of which keeps versions.
    """
    made = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)
    for bucket in ("handed-over", "handed-over-versions"):
        made.mkdir(bucket)
    made.make_bucket_versioned("handed-over-versions")
    return made


def urls_of(bucket, s3_options, end=NEVER):
    """
    Whoever mints for a bucket.
    """
    credentials = S3Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY, expires_at=end)
    url = f"s3://{bucket}/live"
    return S3Urls(url, region=REGION, endpoint=s3_options["endpoint_url"], credentials=lambda: credentials)


@pytest.fixture(params=["handed-over", "handed-over-versions"])
def house(request, file_system, s3_options, monkeypatch):
    """
    A deployment whose storage encrypts by itself and hands out by itself, on the clock of the server.
    """
    # Ids repeat from test to test, and keys with them.
    for path in file_system.find(request.param):
        file_system.rm_file(path)
    storage = FsspecStorage(f"s3://{request.param}/live", protection="store", **s3_options)
    made = MemoryDeployment({"payouts": payouts(3)}, storage=storage, cloud_urls=urls_of(request.param, s3_options))
    made.clock.advance(datetime.now(UTC) - made.clock())
    return made


@pytest.fixture
def job_id(house):
    """
    An export that is ready.
    """
    return ready(house)


@pytest.fixture
def download(house, job_id):
    """
    A download that has been authorised.
    """
    return house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url))


def fetch(url, method="GET", **headers):
    """
    Ask as a browser would, without credentials; return status, header fields and body.
    """
    body = b"mine" if method in {"PUT", "POST"} else None
    request = urllib.request.Request(url, method=method, headers=headers, data=body)  # noqa: S310 — our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, refused.read()


def test_the_person_gets_the_bundle(download):
    """
    Whole and in ranges, as a file of our name and type whatever the store thinks of it.
    """
    url = download.hand_over().url
    status, headers, body = fetch(url)

    assert (200, download.sha256) == (status, hashlib.sha256(body).hexdigest())
    assert headers["Content-Disposition"] == f'attachment; filename="{download.file_name}"'
    assert headers["Content-Type"] == "application/zip"
    part = fetch(url, Range="bytes=10-19")
    assert (206, body[10:20]) == (part[0], part[2])


def test_a_url_ends(house, download, s3_options):
    """
    After its seconds the server refuses it.
    """
    bucket = house.wiring.storage._place.root.partition("/")[0]
    now = datetime.now(UTC)
    urls = urls_of(bucket, s3_options, end=now + timedelta(seconds=2))
    brief = evolve(download, wiring=evolve(house.wiring, cloud_urls=urls, clock=lambda: now)).hand_over()
    assert fetch(brief.url)[0] == 200
    time.sleep(max(0.0, (brief.expires_at - datetime.now(UTC)).total_seconds()) + 1.5)

    assert fetch(brief.url)[0] == 403


def changed(url, **fields):
    """
    The URL with fields of its query changed; `None` takes one away.
    """
    parts = urlsplit(url)
    query = dict(each.partition("=")[::2] for each in parts.query.split("&"))
    for name, value in fields.items():
        query.pop(name.replace("_", "-"), None)
        if value is not None:
            query[name.replace("_", "-")] = quote(value, safe="")
    return urlunsplit(parts._replace(query="&".join(f"{name}={value}" for name, value in query.items())))


@pytest.mark.parametrize(
    "change",
    [
        {"response_content_disposition": "inline"},
        {"response_content_disposition": None},
        {"response_content_type": "text/html"},
        {"response_content_type": None},
        {"response_cache_control": "public"},
        {"X_Amz_Expires": "604800"},
        {"X_Amz_Date": "20300101T000000Z"},
        {"X_Amz_Signature": "0" * 64},
        {"X_Amz_Signature": None},
        {"X_Amz_Algorithm": "AWS4-HMAC-SHA1"},
        {"versionId": "null"},
    ],
    ids=str,
)
def test_nothing_of_a_url_can_be_changed(download, change):
    """
    Another disposition, type, life or version is refused by the server.
    """
    url = download.hand_over().url
    altered = changed(url, **change)
    assert altered != url

    assert fetch(altered)[0] in {400, 403}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "HEAD"])
def test_a_url_gets_and_does_nothing_else(house, download, method):
    """
    Another method is refused, and the object stays as it was.
    """
    url = download.hand_over().url

    assert fetch(url, method)[0] in {400, 403, 405, 411}
    assert download.sha256 == hashlib.sha256(b"".join(download.read())).hexdigest()


def test_a_url_is_for_one_key(house, download):
    """
    The same signature opens no other object of the bucket, nor its listing.
    """
    other = ready(house)
    url = download.hand_over().url
    mine, theirs = (house.jobs.get("default", each).artifact.key for each in (download.job_id, other))
    assert (mine in url, mine != theirs) == (True, True)

    assert fetch(url.replace(mine, theirs))[0] == 403
    assert fetch(url.replace(f"/live/{mine}", "/"))[0] == 403


def test_after_deletion_a_url_gets_nothing(house, download, file_system):
    """
    A URL minted before is good for its time, but there is nothing at its end, in no version.
    """
    url = download.hand_over().url
    house.service.delete(ALICE, download.job_id)
    bucket = house.wiring.storage._place.root.partition("/")[0]
    told = file_system.call_s3("list_object_versions", Bucket=bucket, Prefix=f"live/{download.artifact.key}")

    assert fetch(url)[0] == 404
    assert ([], []) == (told.get("Versions", []), told.get("DeleteMarkers", []))


def test_the_default_wiring_hands_over_too(file_system, s3_options, tmp_path, monkeypatch):
    """
    `embedded` on a bucket: its credentials from the environment, its URLs from whoever wires it.
    """
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_options["endpoint_url"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    source = MemoryDeployment({"payouts": payouts(3)}).wiring.source
    places = evolve(Places.beside(tmp_path), storage="s3://handed-over-versions/embedded", protection="store")
    with embedded(
        places,
        source=source,
        catalog=CATALOG,
        policies=Policies.of(keep_everything(CATALOG)),
        notice=NOTICE,
        threads=0,
        cloud_urls=S3Urls(
            places.storage,
            region=REGION,
            endpoint=s3_options["endpoint_url"],
            credentials=lambda: S3Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY, expires_at=NEVER),
        ),
    ) as opened:
        job_id = ready(opened)
        download = opened.service.open(ALICE, job_id, token(opened.service.link(ALICE, job_id).url))
        assert download.sha256 == hashlib.sha256(fetch(download.hand_over().url)[2]).hexdigest()
