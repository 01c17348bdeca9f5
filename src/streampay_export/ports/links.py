"""From a ticket to a URL."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from attrs import field, frozen


class Links(Protocol):
    """
    Makes the URL a person follows. Pure and thread-safe; never looks at a request's Host header.
    """

    def download_url(self, job_id: str, ticket: str) -> str:
        """
        Return the download URL: absolute where a base URL is configured, else a path.
        """

    def open_url(self, job_id: str, ticket: str) -> str:
        """
        Return the URL of an open link's page, likewise.
        """


@frozen(kw_only=True)
class CloudUrl:
    """
    A URL at which a store hands out one object to whoever has it, until *expires_at* (UTC).
    """

    url: str = field(repr=False)
    expires_at: datetime


class CloudUrls(Protocol):
    """
    Signs URLs for a storage that encrypts by itself. Thread-safe; asks no server.
    """

    def mint(self, key: str, *, file_name: str, until: datetime, now: datetime) -> CloudUrl:
        """
        Return a URL that gets the object under *key*, and does nothing else, as a file of that name.

        It ends after 15 minutes at the latest, and neither after *until* nor after what signed it; as it
        cannot be taken back, what is not known to last that long is not signed with. Both instants are
        aware. Raises `StorageUnavailable` when nothing is left of any of them.
        """
