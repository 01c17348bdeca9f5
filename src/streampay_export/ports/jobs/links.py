"""Links: what may be downloaded, how often and how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from ..._core.ticket import Purpose
from ..._core.trail import AuditEntry


@frozen(kw_only=True)
class LinkUse:
    """
    A download link at the moment it is used: when its session began (UTC), and whether this use began it.
    """

    begun_at: datetime
    first: bool


class JobLinks(Protocol):
    """
    The links of jobs that are ready. See `JobStore`.
    """

    def add_link(
        self,
        tenant: str,
        job_id: str,
        link_id: str,
        *,
        expires_at: datetime,
        purpose: Purpose = Purpose.DOWNLOAD,
        limit: int | None = None,
        opened_from: str | None = None,
    ) -> bool:
        """
        Record a link that may be begun before *expires_at*; `False` unless the job is ready and unexpired,
        and where an erasure reaches it (see `erase`).

        An open link may begin *limit* downloads, or any number. A download link *opened_from* one is
        counted as one of these, in the same transaction; `False` unless `may_open` holds of that one, so
        that of many at once no more begin than it may. *link_id* is new: one that the job already has
        raises `InvalidRequest`.
        """

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        """
        Return whether an open link can begin a download now: neither unknown, late, spent nor revoked, and
        its job ready and unexpired. Changes nothing.
        """

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        Begin or go on with a download, in one statement that asks the store's clock and the job's row.

        The first use, before the link's expiry, begins its session; later uses are good until
        begun + *session*, exclusive. `None` when the link is no download link, is unknown, late or
        revoked, was opened from one that is revoked, or when the job is not ready or its `expires_at`
        is now or past.
        """

    def revoke_links(
        self,
        tenant: str,
        *,
        owner_tag: str | None = None,
        job_id: str | None = None,
        link_id: str | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> int:
        """
        Revoke the tenant's links that were made so far, and what was opened from them, for good.

        Of one owner tag, one job, one link, where given. Returns how many links, sessions included, were
        revoked. *entries* are stored also where it is none.
        """
