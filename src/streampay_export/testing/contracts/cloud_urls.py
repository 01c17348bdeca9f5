"""
The contract of `ports.links.CloudUrls`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ...errors import SetupError, StorageUnavailable
from ...ports.links import CloudUrl, CloudUrls

KEY, NAME = "default/abcdefghijklmnopqrstuvwxyz/1.zip", "streampay-export-abc.zip"
LONGEST = timedelta(minutes=15)
HOSTILE_KEYS = (
    "",
    "/",
    "default/abc/",
    "../1.zip",
    "default/../1.zip",
    "default//1.zip",
    "a b.zip",
    "1.zip?x",
    "1.zip#x",
    "*",
    "1.zip\n",
    "%2e%2e/1.zip",
    "default/abc/1.part",
    "é.zip",
)


class CloudUrlsContract:
    """
    What every `CloudUrls` keeps. Give the fixture *urls*, whose credentials last for a day.

    That a store refuses all but what was signed is for a test on the store itself.
    """

    @pytest.fixture
    def urls(self) -> CloudUrls:
        """
        Return yours.
        """
        raise NotImplementedError("give a fixture `urls` that returns your cloud URLs")

    @pytest.mark.parametrize(
        "left",
        [
            timedelta(seconds=1),
            timedelta(minutes=5, seconds=0.9),
            LONGEST,
            timedelta(minutes=16),
            timedelta(days=7),
        ],
    )
    def test_a_url_ends_in_time(self, urls: CloudUrls, left: timedelta) -> None:
        """
        After fifteen minutes, or with the export, whichever is first; seconds are whole.
        """
        now = datetime.now(UTC)
        minted = mint(urls, now=now, until=now + left)
        assert minted.url.startswith(("https://", "http://127.0.0.1"))
        assert min(left, LONGEST) >= minted.expires_at - now > min(left, LONGEST) - timedelta(seconds=1)

    @pytest.mark.parametrize(
        "left", [timedelta(0), timedelta(seconds=0.9), timedelta(seconds=-1), timedelta(days=-8)]
    )
    def test_what_has_ended_has_no_url(self, urls: CloudUrls, left: timedelta) -> None:
        """
        Without a whole second left it is `StorageUnavailable`.
        """
        now = datetime.now(UTC)
        with pytest.raises(StorageUnavailable):
            mint(urls, now=now, until=now + left)

    def test_two_objects_have_two_urls(self, urls: CloudUrls) -> None:
        """
        A URL says which object it gets, and its text says nothing of its own.
        """
        one, two = mint(urls), mint(urls, key=KEY.replace("1.zip", "2.zip"))
        assert one.url != two.url
        assert one.url not in repr(one)

    @pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
    def test_only_an_artifact_has_a_url(self, urls: CloudUrls, key: str) -> None:
        """
        Whatever no artifact lies under is a `SetupError`.
        """
        with pytest.raises(SetupError):
            mint(urls, key=key)

    @pytest.mark.parametrize(
        "name", ["", 'a"b.zip', "a\r\nb.zip", "../a.zip", "a" * 300, "é.zip", ".zip", "a;b", "a b"]
    )
    def test_a_file_name_is_plain(self, urls: CloudUrls, name: str) -> None:
        """
        Whatever could end the header, or begin another, is a `SetupError`.
        """
        with pytest.raises(SetupError):
            mint(urls, file_name=name)


def mint(
    urls: CloudUrls,
    key: str = KEY,
    *,
    file_name: str = NAME,
    until: datetime | None = None,
    now: datetime | None = None,
) -> CloudUrl:
    """
    Mint a URL, by default for a minute from now.
    """
    now = now or datetime.now(UTC)
    return urls.mint(key, file_name=file_name, until=until or now + timedelta(minutes=1), now=now)
