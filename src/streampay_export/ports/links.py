"""From a ticket to a URL."""

from __future__ import annotations

from typing import Protocol


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
