"""
URLs that S3 itself answers, signed by botocore with Signature Version 4 and nothing older.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from ..errors import InvalidConfiguration, MissingExtra
from ..ports.links import CloudUrl
from .cloud import CONTENT_TYPE, NEVER, Place, check_end, disposition, life_of, signing

_REGION = re.compile(r"[a-z0-9-]{2,40}", re.ASCII)
_ENDPOINT = re.compile(
    r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?|http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?", re.ASCII
)


@frozen(kw_only=True)
class S3Credentials:
    """
    What signs, and until when it does: a URL never outlives what signed it.

    *expires_at* is aware; `NEVER` is for keys of which you know that they do not end, and is refused
    with a session token, which always does. Raises `InvalidConfiguration`.
    """

    access_key: str
    secret_key: str = field(repr=False)
    expires_at: datetime
    session_token: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if check_end(self.expires_at) == NEVER and self.session_token is not None:
            raise InvalidConfiguration("cloud_urls", "credentials with a session token end; say when")


class S3Urls:
    """
    `CloudUrls` for a storage at *url* (`s3://bucket/path`), in *region*, at *endpoint* or else at AWS.

    *credentials* is asked at each URL, so that temporary ones can be renewed; they need `s3:GetObject`
    below the path and nothing more. Thread-safe; nothing to close. Raises `InvalidConfiguration`, and
    `MissingExtra` without botocore.
    """

    def __init__(
        self, url: str, *, region: str, credentials: Callable[[], S3Credentials], endpoint: str | None = None
    ) -> None:
        if not _REGION.fullmatch(region):
            raise InvalidConfiguration("cloud_urls", "name the bucket's region, such as eu-west-1")
        if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
            raise InvalidConfiguration("cloud_urls", "an endpoint is https://host (plain http only for localhost)")
        self._place = Place.of(url, "s3")
        self._region = region
        self._endpoint = endpoint
        self._credentials = credentials
        self._lock = threading.Lock()
        self._last: tuple[S3Credentials, Any] | None = None
        _botocore()

    def mint(self, key: str, *, file_name: str, until: datetime, now: datetime) -> CloudUrl:
        """
        Return a URL that gets the object under *key*, and does nothing else, as a file of that name.
        """
        parameters = {
            "Bucket": self._place.bucket,
            "Key": self._place.object_key(key),
            "ResponseContentDisposition": disposition(file_name),
            "ResponseContentType": CONTENT_TYPE,
        }
        with signing():
            credentials = self._credentials()
            seconds = life_of(until, credentials.expires_at, now=now)
            client = self._client(credentials)
            url = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return CloudUrl(url=url, expires_at=now + timedelta(seconds=seconds))

    def _client(self, credentials: S3Credentials) -> Any:
        # Making one takes a tenth of a second, and signing with it a thousandth.
        with self._lock:
            if self._last is None or self._last[0] != credentials:
                self._last = credentials, self._made(credentials)
            return self._last[1]

    def _made(self, credentials: S3Credentials) -> Any:
        session, config = _botocore()
        return session.Session().create_client(
            "s3",
            region_name=self._region,
            endpoint_url=self._endpoint,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.session_token,
            config=config.Config(
                signature_version="s3v4",  # the default is still Version 2
                ignore_configured_endpoint_urls=True,  # the environment sends people nowhere else
                # Without it AWS would be asked at its global host, which redirects to one that is not signed for.
                s3={"addressing_style": "path" if self._endpoint else "virtual"},
            ),
        )


def _botocore() -> tuple[Any, Any]:
    try:
        import botocore.config  # noqa: PLC0415  # an extra
        import botocore.session  # noqa: PLC0415  # an extra
    except ImportError:
        raise MissingExtra(extra="s3", needed_for="signing URLs of S3") from None
    return botocore.session, botocore.config
