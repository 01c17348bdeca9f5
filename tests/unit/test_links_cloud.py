"""
URLs of the store itself: for one object, for a short time, and only where it is known for how long.
"""

import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from streampay_export.errors import InvalidConfiguration, MissingExtra, StorageUnavailable
from streampay_export.links.cloud import NEVER
from streampay_export.links.fsspec import FsspecUrls
from streampay_export.links.s3 import S3Credentials, S3Urls

pytest.importorskip("botocore", reason="botocore comes with the extra s3")

KEY, NAME = "default/abc/1.zip", "streampay-export-abc.zip"
NOW = datetime.now(UTC)
WEEK = NOW + timedelta(days=7)


def s3_urls(url="s3://exports/live", **changes):
    """
    URLs of a made-up bucket, signed with made-up keys that do not end.
    """
    settings = {
        "region": "eu-west-1",
        "credentials": lambda: S3Credentials(access_key="AK", secret_key="SK", expires_at=NEVER),
        **changes,
    }
    return S3Urls(url, **settings)


class Signing:
    """
    A file system that signs, and remembers what.
    """

    signed = None
    error = None

    def sign(self, path, expiration=100, **ways):
        """
        Sign, or fail as told.
        """
        if self.error:
            raise self.error
        self.signed = (path, expiration, ways)
        return "https://store.example/signed"


@pytest.fixture
def signer(monkeypatch):
    """
    What fsspec hands out, whatever it is asked for.
    """
    made = Signing()
    monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: made)
    return made


def fsspec_urls(url="az://exports/live", credentials_expire=NEVER):
    """
    URLs of a store that the fixture signs for.
    """
    return FsspecUrls(url, credentials_expire=credentials_expire)


def test_s3_is_signed_by_version_4_for_one_object():
    """
    The signature covers host, bucket, key, life, name and type; the host is the region's own.
    """
    minted = s3_urls().mint(KEY, file_name=NAME, until=WEEK, now=NOW)
    parts = urlsplit(minted.url)
    query = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}

    assert "https://exports.s3.eu-west-1.amazonaws.com/live/default/abc/1.zip" == minted.url.partition("?")[0]
    assert query.pop("X-Amz-Signature")
    assert query.pop("X-Amz-Date")
    assert query.pop("X-Amz-Credential").endswith("/eu-west-1/s3/aws4_request")
    assert query == {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
        "response-content-disposition": f'attachment; filename="{NAME}"',
        "response-content-type": "application/zip",
    }


def test_an_endpoint_is_taken_as_given(monkeypatch):
    """
    A server of one's own is asked by path; what the environment says of endpoints changes nothing.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    own = s3_urls("s3://exports", endpoint="https://s3.example.org").mint(KEY, file_name=NAME, until=WEEK, now=NOW)
    aws = s3_urls("s3://exports").mint(KEY, file_name=NAME, until=WEEK, now=NOW)

    assert own.url.startswith(f"https://s3.example.org/exports/{KEY}?")
    assert aws.url.startswith(f"https://exports.s3.eu-west-1.amazonaws.com/{KEY}?")


@pytest.mark.parametrize(
    ("until", "credentials_end", "seconds"),
    [
        (timedelta(days=7), None, 900),
        (timedelta(seconds=901), None, 900),
        (timedelta(seconds=61.9), None, 61),
        (timedelta(days=7), timedelta(seconds=60), 60),
        (timedelta(seconds=30), timedelta(seconds=60), 30),
        (timedelta(seconds=60), timedelta(seconds=1), 1),
    ],
)
def test_nothing_outlives_what_it_stands_on(signer, until, credentials_end, seconds):
    """
    The shortest of fifteen minutes, the export's and the credentials' life; the same for every store.
    """
    end = NEVER if credentials_end is None else NOW + credentials_end
    credentials = S3Credentials(access_key="AK", secret_key="SK", expires_at=end)
    minted = s3_urls(credentials=lambda: credentials).mint(KEY, file_name=NAME, until=NOW + until, now=NOW)
    other = fsspec_urls(credentials_expire=end).mint(KEY, file_name=NAME, until=NOW + until, now=NOW)

    assert [str(seconds)] == parse_qs(minted.url)["X-Amz-Expires"]
    assert seconds == signer.signed[1]
    assert {NOW + timedelta(seconds=seconds)} == {minted.expires_at, other.expires_at}


@pytest.mark.parametrize("left", [timedelta(0), timedelta(seconds=0.9), timedelta(days=-8)])
def test_nothing_left_is_nothing_signed(signer, left):
    """
    Without a whole second of the export or of the credentials there is no URL.
    """
    ended = S3Credentials(access_key="AK", secret_key="SK", expires_at=NOW + left)
    for urls, until in (
        (s3_urls(credentials=lambda: ended), WEEK),
        (s3_urls(), NOW + left),
        (fsspec_urls(credentials_expire=NOW + left), WEEK),
        (fsspec_urls(), NOW + left),
    ):
        with pytest.raises(StorageUnavailable, match="nothing is left"):
            urls.mint(KEY, file_name=NAME, until=until, now=NOW)
    assert signer.signed is None


@pytest.mark.parametrize("end", [None, datetime(2030, 1, 1)], ids=["unknown", "naive"])  # noqa: DTZ001 — the mistake
def test_credentials_of_unknown_life_are_refused(signer, end):
    """
    Whoever does not know when they end cannot sign; that they never do must be said.
    """
    with pytest.raises(InvalidConfiguration, match="say when the credentials end"):
        S3Credentials(access_key="AK", secret_key="SK", expires_at=end)
    with pytest.raises(InvalidConfiguration, match="say when the credentials end"):
        fsspec_urls(credentials_expire=end)


def test_a_session_token_always_ends():
    """
    To say that temporary credentials never end is refused, and nothing secret is in their text.
    """
    with pytest.raises(InvalidConfiguration, match="session token"):
        S3Credentials(access_key="AK", secret_key="SECRET", session_token="TOKEN", expires_at=NEVER)
    temporary = S3Credentials(access_key="AK", secret_key="SECRET", session_token="TOKEN", expires_at=WEEK)

    assert "SECRET" not in repr(temporary)
    assert "TOKEN" not in repr(temporary)


def test_renewed_credentials_sign_from_then_on():
    """
    They are asked for at each URL; the same ones are not set up anew.
    """
    current = [S3Credentials(access_key="FIRST", secret_key="SK", session_token="T", expires_at=WEEK)]
    urls = s3_urls(credentials=lambda: current[0])
    first = urls.mint(KEY, file_name=NAME, until=WEEK, now=NOW)
    client = urls._last[1]
    urls.mint(KEY, file_name=NAME, until=WEEK, now=NOW)
    assert client is urls._last[1]
    current[0] = S3Credentials(access_key="SECOND", secret_key="SK", session_token="T", expires_at=WEEK)
    second = urls.mint(KEY, file_name=NAME, until=WEEK, now=NOW)

    assert parse_qs(first.url)["X-Amz-Credential"][0].startswith("FIRST/")
    assert parse_qs(second.url)["X-Amz-Credential"][0].startswith("SECOND/")
    assert parse_qs(second.url)["X-Amz-Security-Token"] == ["T"]


@pytest.mark.parametrize(
    ("url", "changes"),
    [
        ("gs://exports", {}),
        ("s3://", {}),
        ("s3://exports?versionId=1", {}),
        ("s3://exports/../other", {}),
        ("s3://AK:SK@exports", {}),
        ("s3://exports", {"region": ""}),
        ("s3://exports", {"region": "eu west"}),
        ("s3://exports", {"endpoint": "http://s3.example.org"}),
        ("s3://exports", {"endpoint": "https://AK:SK@s3.example.org"}),
        ("s3://exports", {"endpoint": "https://s3.example.org/path"}),
        ("s3://exports", {"endpoint": ""}),
    ],
)
def test_where_s3_is_must_be_said_plainly(url, changes):
    """
    Another store, no bucket, no region, or an endpoint that leaks what it is sent.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        s3_urls(url, **changes)

    assert refused.value.key == "cloud_urls"
    assert "SK" not in str(refused.value)


@pytest.mark.parametrize("url", ["s3://exports", "file:///exports", "memory://exports", "az://", "gs://a/../b", ""])
def test_other_stores_sign_nothing(signer, url):
    """
    Only Google Cloud Storage and Azure are signed for through fsspec.
    """
    with pytest.raises(InvalidConfiguration):
        fsspec_urls(url)


@pytest.mark.parametrize(
    ("url", "ways"),
    [
        (
            "gs://exports/live",
            {
                "version": "v4",
                "method": "GET",
                "response_disposition": f'attachment; filename="{NAME}"',
                "response_type": "application/zip",
            },
        ),
        (
            "az://exports/live",
            {"content_disposition": f'attachment; filename="{NAME}"', "content_type": "application/zip"},
        ),
    ],
)
def test_other_stores_are_told_the_same(signer, url, ways):
    """
    One object, one name, one type, in each library's own words.
    """
    minted = fsspec_urls(url).mint(KEY, file_name=NAME, until=WEEK, now=NOW)

    assert ("exports/live/default/abc/1.zip", 900, ways) == signer.signed
    assert minted.url == "https://store.example/signed"
    assert "signed" not in repr(minted)


@pytest.mark.parametrize("error", [NotImplementedError("SECRET"), ValueError("SECRET"), AttributeError("SECRET")])
def test_a_library_that_cannot_sign_is_said(signer, error):
    """
    Its error is translated without its text.
    """
    signer.error = error
    with pytest.raises(StorageUnavailable, match=type(error).__name__) as failed:
        fsspec_urls().mint(KEY, file_name=NAME, until=WEEK, now=NOW)

    assert "SECRET" not in str(failed.value)
    assert failed.value.__suppress_context__


def test_an_unknown_error_of_the_credentials_source_is_translated():
    """
    The host's own function may fail; its error quotes what it likes, and stops here.
    """

    def broken():
        raise ValueError("SECRET")

    with pytest.raises(StorageUnavailable, match="ValueError"):
        s3_urls(credentials=broken).mint(KEY, file_name=NAME, until=WEEK, now=NOW)


def test_a_missing_library_names_its_extra(monkeypatch):
    """
    Without botocore, gcsfs or adlfs the error says what to install.
    """

    def missing(*_, **__):
        raise ImportError("Install it")

    monkeypatch.setattr("fsspec.filesystem", missing)
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    for make, extra in ((s3_urls, "s3"), (fsspec_urls, "azure"), (lambda: fsspec_urls("gs://exports"), "gcs")):
        with pytest.raises(MissingExtra) as refused:
            make()
        assert extra == refused.value.extra
