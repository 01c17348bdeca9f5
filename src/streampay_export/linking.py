"""
Links: giving them, opening and using them, and taking them back.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from attrs import field, frozen

from ._core.export import Export
from ._core.job import Job, Protection
from ._core.lifecycle import State
from ._core.party import Actor, Capacity
from ._core.sentence import sentence
from ._core.ticket import OPENING, Purpose, Ticket, check_ticket, issue_ticket
from ._core.trail import AuditEntry, Event
from .access import Gate
from .artifact import artifact_file, sealer_of
from .download import Download
from .errors import ExportGone, ExportNotReady, InvalidConfiguration, InvalidRequest, InvalidTicket, TicketExpired
from .ports.authorize import Action
from .recording import Recorder
from .wiring import Wiring

_LINK_ID = re.compile(r"[a-z0-9-]{1,63}", re.ASCII)
MOST_DOWNLOADS = 1000
"""The largest limit an open link may have; without a limit there is none."""


@frozen(kw_only=True)
class Link:
    """
    A URL that leads to one export for one signed-in person, until *expires_at* (UTC).

    What it leads to must be begun before that. *id* is what `revoke_link` takes; it opens nothing.
    """

    id: str
    url: str = field(repr=False)
    expires_at: datetime


@frozen(kw_only=True)
class Opened:
    """
    What an open link's page shows: the export, whose bytes *protection* says who hands out, whether the link
    is a *bearer*'s, and the token that the page's own form carries.
    """

    export: Export
    protection: Protection
    bearer: bool
    form_token: str = field(repr=False)


@frozen(kw_only=True)
class _Asked:
    ticket: Ticket
    job: Job
    record: Recorder
    at: datetime


@frozen
class Linking:
    """
    What `ExportService` does with links. Thread-safe when its ports are.
    """

    _wiring: Wiring
    _gate: Gate

    def link(self, actor: Actor, job_id: str) -> Link:
        """
        See `ExportService.link`.
        """
        job, record = self._gate.find(actor, job_id, Action.LINK)
        now = self._now_ready(job)
        return self._give(record, actor, job, Purpose.DOWNLOAD, now + self._wiring.link_life)

    def open_link(self, actor: Actor, job_id: str, limit: int | None, *, bearer: bool) -> Link:
        """
        See `ExportService.open_link`.
        """
        if limit is not None and not 1 <= limit <= MOST_DOWNLOADS:
            raise InvalidRequest("limit", f"a whole number from 1 to {MOST_DOWNLOADS} is expected")
        life = self._wiring.bearer_life
        if not bearer:
            # It opens nothing by itself: who presses its button is asked for all that a download needs.
            job, record = self._gate.find(actor, job_id, Action.READ)
            now = self._now_ready(job)
            return self._give(record, actor, job, Purpose.OPEN, job.expires_at or now, limit=limit)
        if life is None:
            raise InvalidConfiguration(
                "bearer_life", "links that need nobody signed in are off; set how long they live"
            )
        job, record = self._gate.find(actor, job_id, Action.LINK)
        until = self._now_ready(job) + life
        return self._give(record, actor, job, Purpose.BEARER_OPEN, until, limit=limit or 1)

    def look(self, actor: Actor, job_id: str, token: str) -> Opened:
        """
        See `ExportService.look`.
        """
        asked = self._openable(actor, job_id, token, Action.READ)
        artifact = asked.job.artifact
        return Opened(
            export=Export.of(asked.job, asked.at),
            protection=artifact.protection if artifact else Protection.LIBRARY,
            bearer=actor.capacity is Capacity.BEARER,
            form_token=self._form_token(actor, token),
        )

    def is_form_token(self, actor: Actor, token: str, given: str) -> bool:
        """
        See `ExportService.is_form_token`.
        """
        return secrets.compare_digest(self._form_token(actor, token).encode(), given.encode("utf-8", "replace"))

    def begin(self, actor: Actor, job_id: str, token: str) -> Link:
        """
        See `ExportService.begin`.
        """
        asked = self._openable(actor, job_id, token, Action.DOWNLOAD)
        until, link_id = asked.at + self._wiring.link_life, asked.ticket.link_id
        purpose = Purpose.DOWNLOAD if actor.capacity is not Capacity.BEARER else Purpose.BEARER_DOWNLOAD
        return self._give(asked.record, actor, asked.job, purpose, until, opened_from=link_id)

    def open(self, actor: Actor, job_id: str, token: str) -> Download:
        """
        See `ExportService.open`.
        """
        w = self._wiring
        asked = self._asked(actor, job_id, token, Purpose.DOWNLOAD, Action.DOWNLOAD)
        job, link_id = asked.job, asked.ticket.link_id
        use = w.jobs.use_link(actor.tenant, job_id, link_id, session=w.session_life)
        if use is None or job.artifact is None:
            raise TicketExpired
        file = artifact_file(w, sealer_of(w, job), job, job.artifact)
        facts = {"protection": str(job.artifact.protection)}
        use_id = asked.record.use_of(link_id, actor)
        asked.record.intend(self._about(asked.record, Event.DOWNLOAD_AUTHORISED, use_id, actor, job, **facts))
        return Download(
            job_id=job_id,
            artifact=job.artifact,
            file=file,
            completed_at=job.finished_at or asked.at,
            link_id=link_id,
            actor=actor,
            owner_tag=job.owner_tag,
            wiring=w,
            recorder=asked.record,
        )

    def revoke(self, actor: Actor, reason: str, *, job_id: str, link_id: str | None = None) -> int:
        """
        See `ExportService.revoke_link` and `revoke_export`.
        """
        told = sentence("reason", reason)
        if link_id is not None and not _LINK_ID.fullmatch(link_id):
            raise InvalidRequest("link", "the id of a link is expected")
        job, record = self._gate.find(actor, job_id, Action.REVOKE)
        facts = {"what": "export"} if link_id is None else {"what": "link", "link": link_id}
        entry = self._about(record, Event.REVOKED, self._wiring.make_id(), actor, job, reason=told, **facts)
        revoked = self._wiring.jobs.revoke_links(actor.tenant, job_id=job_id, link_id=link_id, entries=[entry])
        record.deliver()
        return revoked

    def revoke_widely(self, actor: Actor, reason: str, *, owner_tag: str | None = None) -> int:
        """
        See `ExportService.revoke_subject` and `revoke_all`.
        """
        w, told = self._wiring, sentence("reason", reason)
        record = self._gate.admit(actor, "", owner_tag or "", Action.REVOKE)
        entry_id, what = f"{w.make_id()}:{Event.REVOKED}", "everything" if owner_tag is None else "subject"
        entry = record.by_actor(
            Event.REVOKED, entry_id, actor, "", owner_tag or "", w.jobs.now(), what=what, reason=told
        )
        revoked = w.jobs.revoke_links(actor.tenant, owner_tag=owner_tag, entries=[entry])
        record.deliver()
        return revoked

    def _now_ready(self, job: Job) -> datetime:
        now = self._wiring.jobs.now()
        _require_ready(Export.of(job, now))
        return now

    def _asked(self, actor: Actor, job_id: str, token: str, purpose: Purpose, action: Action) -> _Asked:
        w = self._wiring
        find = self._gate.find
        if actor.capacity is Capacity.BEARER:
            if w.bearer_life is None:
                raise InvalidTicket
            purpose, find = purpose.for_bearer, self._gate.find_for_bearer
        ticket = check_ticket(
            token, job_id=job_id, purpose=purpose, tenant=actor.tenant, realm=w.realm, verify=w.tickets.verify
        )
        job, record = find(actor, job_id, action)
        now = w.jobs.now()
        export = Export.of(job, now)
        if export.state is not State.READY and ticket.expires_at <= now:
            raise TicketExpired
        _require_ready(export)
        return _Asked(ticket=ticket, job=job, record=record, at=now)

    def _openable(self, actor: Actor, job_id: str, token: str, action: Action) -> _Asked:
        asked = self._asked(actor, job_id, token, Purpose.OPEN, action)
        if not self._wiring.jobs.may_open(actor.tenant, job_id, asked.ticket.link_id):
            raise TicketExpired
        return asked

    def _give(
        self,
        record: Recorder,
        actor: Actor,
        job: Job,
        purpose: Purpose,
        until: datetime,
        *,
        limit: int | None = None,
        opened_from: str | None = None,
    ) -> Link:
        w, link_id = self._wiring, self._wiring.make_id()
        # Tickets speak in whole seconds, and no link outlives what it leads to.
        until = min(until, job.expires_at or until).replace(microsecond=0)
        facts = {"until": until.isoformat(), "purpose": str(purpose)}
        if opened_from is not None:
            facts["opened_from"] = opened_from
        record.intend(self._about(record, Event.LINK_ISSUED, link_id, actor, job, **facts))
        link = make_link(w, job, link_id, purpose, until, limit=limit, opened_from=opened_from)
        if link is None and opened_from is not None:
            raise TicketExpired
        if link is None:
            raise ExportGone(state="no longer available")
        return link

    def _form_token(self, actor: Actor, token: str) -> str:
        # A label no list's cursor begins with: there a tenant stands, which has no space.
        message = f"streampay-export form 1\n{actor.tenant}\n{token}\n{actor.id}"
        return self._wiring.cursors.sign(message.encode("utf-8", "replace")).value.hex()

    def _about(self, record: Recorder, event: Event, of: str, actor: Actor, job: Job, **facts: str) -> AuditEntry:
        now = self._wiring.jobs.now()
        return record.by_actor(event, f"{of}:{event}", actor, job.id, job.owner_tag, now, **facts)


def make_link(
    wiring: Wiring,
    job: Job,
    link_id: str,
    purpose: Purpose,
    until: datetime,
    *,
    limit: int | None = None,
    opened_from: str | None = None,
) -> Link | None:
    """
    Store a link, which the caller has recorded, until a whole second; `None` where there can be none any more.
    """
    w = wiring
    added = w.jobs.add_link(
        job.tenant, job.id, link_id, expires_at=until, purpose=purpose, limit=limit, opened_from=opened_from
    )
    if not added:
        return None
    ticket = Ticket(job_id=job.id, purpose=purpose, link_id=link_id, expires_at=until)
    token = issue_ticket(ticket, tenant=job.tenant, realm=w.realm, sign=w.tickets.sign)
    url = w.links.open_url if purpose in OPENING else w.links.download_url
    return Link(id=link_id, url=url(job.id, token), expires_at=until)


def _require_ready(export: Export) -> None:
    if export.gone:
        raise ExportGone(state=export.state)
    if export.state is not State.READY:
        raise ExportNotReady(state="paused" if export.paused_at else export.state)
