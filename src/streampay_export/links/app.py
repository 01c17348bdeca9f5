"""
Links to the application's own routes.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, urlsplit

from ..errors import InvalidConfiguration

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)
_URL = re.compile(r"[!-~]+", re.ASCII)
_RIGHT = "write https://host or https://host/path (plain http only for localhost), without user, query or fragment"


class AppLinks:
    """
    A `Links` to `{base_url}{prefix}/{job}/download` and `/open`. Pure and thread-safe.

    Without *base_url* links are paths: right for a page of the same site, useless in a mail. Raises
    `InvalidConfiguration` unless it is https (or http on loopback) with neither user info, query nor
    fragment, and *prefix* is a path such as `/exports`.
    """

    def __init__(self, base_url: str | None = None, prefix: str = "/exports") -> None:
        if not _PREFIX.fullmatch(prefix):
            raise InvalidConfiguration("prefix", "write a path such as /exports, without a slash at its end")
        self._start = ("" if base_url is None else _checked(base_url)) + prefix

    def download_url(self, job_id: str, ticket: str) -> str:
        """
        Return the download URL: absolute where a base URL is configured, else a path.
        """
        return self._url("download", job_id, ticket)

    def open_url(self, job_id: str, ticket: str) -> str:
        """
        Return the URL of an open link's page, likewise; in a mail it needs the base URL.
        """
        return self._url("open", job_id, ticket)

    def _url(self, route: str, job_id: str, ticket: str) -> str:
        return f"{self._start}/{quote(job_id, safe='')}/{route}?ticket={quote(ticket, safe='')}"


def _checked(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        parts.port  # noqa: B018 — reading it is what checks it
    except ValueError:
        raise InvalidConfiguration("base_url", _RIGHT) from None
    plain = _URL.fullmatch(base_url) and not set(base_url) & set('\\?#@<>"{}|^`')
    if not (plain and parts.hostname and _is_safe(parts)):
        raise InvalidConfiguration("base_url", _RIGHT)
    return base_url.rstrip("/")


def _is_safe(parts: SplitResult) -> bool:
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
