"""
Our cloud URLs keep the contract of the port, and the contract catches those that do not.
"""

from datetime import UTC, datetime, timedelta

import pytest

from streampay_export.links.fsspec import FsspecUrls
from streampay_export.links.s3 import S3Credentials, S3Urls
from streampay_export.ports.links import CloudUrl
from streampay_export.testing.contracts.cloud_urls import CloudUrlsContract

pytest.importorskip("botocore", reason="botocore comes with the extra s3")
pytest.importorskip("adlfs", reason="adlfs comes with the extra azure")


def tomorrow():
    """
    When credentials end.
    """
    return datetime.now(UTC) + timedelta(days=1)


class TestS3Urls(CloudUrlsContract):
    @pytest.fixture
    def urls(self):
        """
        Of a made-up bucket.
        """
        made_up = S3Credentials(access_key="AK", secret_key="SK", session_token="T", expires_at=tomorrow())
        return S3Urls("s3://exports/live", region="eu-west-1", credentials=lambda: made_up)


class TestAzureUrls(CloudUrlsContract):
    @pytest.fixture
    def urls(self):
        """
        Of a made-up account.
        """
        return FsspecUrls(
            "az://exports/live", credentials_expire=tomorrow(), account_name="shop", account_key="bWFkZSB1cA=="
        )


class Careless:
    def mint(self, key, *, file_name, until, now):
        """
        Broken: signs whatever it is asked for, to the end.
        """
        return CloudUrl(url="https://store.example/signed", expires_at=until)


@pytest.mark.parametrize(
    ("promise", "arguments"),
    [
        (CloudUrlsContract.test_a_url_ends_in_time, [timedelta(days=7)]),
        (CloudUrlsContract.test_what_has_ended_has_no_url, [timedelta(0)]),
        (CloudUrlsContract.test_two_objects_have_two_urls, []),
        (CloudUrlsContract.test_only_an_artifact_has_a_url, ["../1.zip"]),
        (CloudUrlsContract.test_a_file_name_is_plain, ["a\r\nb.zip"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_contract_catches_careless_ones(promise, arguments):
    """
    A week's life, an ended export, one URL for all, a foreign key and a broken name are caught.
    """
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        promise(CloudUrlsContract(), Careless(), *arguments)
