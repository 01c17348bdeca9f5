"""
URLs that Google Cloud Storage or Azure answer themselves, signed by their fsspec library.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import fsspec

from ..errors import InvalidConfiguration, MissingExtra
from ..ports.links import CloudUrl
from .cloud import CONTENT_TYPE, Place, check_end, disposition, life_of, signing

_EXTRAS = {"gs": "gcs", "az": "azure"}


class FsspecUrls:
    """
    `CloudUrls` for a storage at *url* (`gs://bucket/path` or `az://container/path`).

    *options* go to the fsspec file system, which must hold what signs: a service account's key, or the
    account's own. They end at *credentials_expire* (aware; `NEVER` if you know that they do not).
    Thread-safe; nothing to close. Raises `InvalidConfiguration`, and `MissingExtra` without the library.
    """

    def __init__(self, url: str, *, credentials_expire: datetime, **options: Any) -> None:
        self._scheme = urlsplit(url).scheme
        if self._scheme not in _EXTRAS:
            raise InvalidConfiguration("cloud_urls", "begin it with gs:// or az://; for S3 there is S3Urls")
        self._place = Place.of(url, self._scheme)
        self._end = check_end(credentials_expire)
        try:
            self._fs = fsspec.filesystem(self._scheme, skip_instance_cache=True, **options)
        except ImportError:
            raise MissingExtra(
                extra=_EXTRAS[self._scheme], needed_for=f"signing URLs of {self._scheme}://"
            ) from None

    def mint(self, key: str, *, file_name: str, until: datetime, now: datetime) -> CloudUrl:
        """
        Return a URL that gets the object under *key*, and does nothing else, as a file of that name.
        """
        path = f"{self._place.bucket}/{self._place.object_key(key)}"
        shown = disposition(file_name)
        seconds = life_of(until, self._end, now=now)
        if self._scheme == "gs":
            ways = {"version": "v4", "method": "GET", "response_disposition": shown, "response_type": CONTENT_TYPE}
        else:
            ways = {"content_disposition": shown, "content_type": CONTENT_TYPE}
        with signing():
            url = self._fs.sign(path, expiration=seconds, **ways)
        return CloudUrl(url=url, expires_at=now + timedelta(seconds=seconds))
