"""
What every URL of a store keeps to: how long it lives, which object it is for, and what it says of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from attrs import frozen

from ..errors import ExportError, InvalidConfiguration, StorageUnavailable

# Long enough for a click that is followed at once; a URL cannot be taken back.
LONGEST = timedelta(minutes=15)
NEVER = datetime.max.replace(tzinfo=UTC)
"""When credentials end that do not, as far as whoever writes this knows."""

CONTENT_TYPE = "application/zip"
_PLACE = re.compile(r"[a-z0-9][a-z0-9._-]{1,221}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_KEY = re.compile(r"(?:[a-z0-9-]+/)*[a-z0-9-]+\.zip", re.ASCII)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}", re.ASCII)


@frozen
class Place:
    """
    A bucket or container, and the path in it below which a storage has its objects.
    """

    bucket: str
    path: str

    @classmethod
    def of(cls, url: str, scheme: str) -> Place:
        """
        Read a storage's URL. Raises `InvalidConfiguration` unless it is *scheme*://bucket or …/path.
        """
        parts = urlsplit(url)
        root = (parts.netloc + parts.path).rstrip("/")
        if parts.scheme != scheme or parts.query or parts.fragment or not _PLACE.fullmatch(root):
            raise InvalidConfiguration(
                "cloud_urls", f"write the storage's URL, {scheme}://name or {scheme}://name/path"
            )
        bucket, _, path = root.partition("/")
        return cls(bucket, path)

    def object_key(self, key: str) -> str:
        """
        Return the key under which the store itself has an artifact. Raises `InvalidConfiguration` for none.
        """
        if not _KEY.fullmatch(key):
            raise InvalidConfiguration("storage key", "only an artifact has a URL")
        return f"{self.path}/{key}" if self.path else key


def check_end(expires_at: datetime | None) -> datetime:
    """
    Return when credentials end. Raises `InvalidConfiguration` when that is not known.
    """
    if expires_at is None or expires_at.tzinfo is None:
        raise InvalidConfiguration(
            "cloud_urls",
            "say when the credentials end, as an aware datetime, or NEVER if you know that they do not",
        )
    return expires_at


def life_of(*ends: datetime, now: datetime) -> int:
    """
    Return for how many seconds a URL may be good: until the first of *ends*, and at most 15 minutes.

    Raises `StorageUnavailable` when that is nothing.
    """
    seconds = int(min(*(end - now for end in ends), LONGEST).total_seconds())
    if seconds < 1:
        raise StorageUnavailable(
            "nothing is left of the credentials that sign its URLs, or of the export; renew them"
        )
    return seconds


def disposition(file_name: str) -> str:
    """
    Return the `Content-Disposition` for a plain ASCII file name. Raises `InvalidConfiguration` for another.
    """
    if not _FILE_NAME.fullmatch(file_name):
        raise InvalidConfiguration("file name", "letters, digits, dot, hyphen and underscore are expected")
    return f'attachment; filename="{file_name}"'


@contextmanager
def signing() -> Iterator[None]:
    """
    Translate what a store's library raises: it quotes keys and credentials.
    """
    try:
        yield
    except ExportError:
        raise
    except Exception as error:  # noqa: BLE001 — each library has its own exceptions
        raise StorageUnavailable(f"its URLs cannot be signed ({type(error).__name__})") from None
