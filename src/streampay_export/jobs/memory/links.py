"""
Links: each method asks the clock and the job as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from ..._core.lifecycle import State
from ..._core.ticket import DOWNLOADING, OPENING, Purpose
from ..._core.trail import AuditEntry
from ...errors import InvalidRequest
from ...ports.jobs import LinkUse
from ...ports.jobs.links import JobLinks
from .erasures import MemoryErasures
from .outbox import MemoryOutbox
from .rows import StoredLink


class MemoryLinks(MemoryErasures, MemoryOutbox, JobLinks):
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
        with self._lock:
            job = self._jobs.get((tenant, job_id))
            if job is None or self._reached(job) or not self._downloadable(tenant, job_id):
                return False
            if opened_from is not None and not self.may_open(tenant, job_id, opened_from):
                return False
            if (tenant, job_id, link_id) in self._links:
                raise InvalidRequest("link", "a link with this id exists already; make a new id")
            if opened_from is not None:
                opened = self._links[tenant, job_id, opened_from]
                self._links[tenant, job_id, opened_from] = evolve(opened, begun=opened.begun + 1)
            self._links[tenant, job_id, link_id] = StoredLink(
                purpose=purpose, expires_at=expires_at, limit=limit, opened_from=opened_from
            )
            return True

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        with self._lock:
            link = self._links.get((tenant, job_id, link_id))
            if link is None or link.purpose not in OPENING or link.expires_at <= self.now():
                return False
            spent = link.limit is not None and link.begun >= link.limit
            return not spent and self._downloadable(tenant, job_id)

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        with self._lock:
            now = self.now()
            link = self._links.get((tenant, job_id, link_id))
            if link is None or link.purpose not in DOWNLOADING:
                return None
            good = now < (link.expires_at if link.begun_at is None else link.begun_at + session)
            if not good or not self._downloadable(tenant, job_id):
                return None
            begun_at = link.begun_at or now
            self._links[tenant, job_id, link_id] = evolve(link, begun_at=begun_at)
            return LinkUse(begun_at=begun_at, first=link.begun_at is None)

    def revoke_links(
        self,
        tenant: str,
        *,
        owner_tag: str | None = None,
        job_id: str | None = None,
        link_id: str | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> int:
        with self._lock:
            revoked = [
                key
                for key, link in self._links.items()
                if key[0] == tenant
                and job_id in {None, key[1]}
                and link_id in {None, key[2], link.opened_from}
                and owner_tag in {None, self._jobs[key[:2]].owner_tag}
            ]
            for key in revoked:
                del self._links[key]
            self._post(entries)
            return len(revoked)

    def _downloadable(self, tenant: str, job_id: str) -> bool:
        job = self._jobs.get((tenant, job_id))
        if job is None or job.state is not State.READY or job.expires_at is None:
            return False
        return self.now() < job.expires_at
