"""
What goes into the audit trail, and the way there: intents before, outcomes after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, field, frozen

from ._core.job import Job
from ._core.party import Actor, Capacity
from ._core.trail import AuditEntry, Event
from .errors import AuditUnavailable
from .ports.audit import AuditSink
from .ports.authorize import Allowed
from .ports.keys import Tagger
from .ports.outbox import Outbox

SYSTEM = "system"


@frozen
class Recorder:
    """
    Makes audit entries and sees to it that they arrive. Thread-safe when its ports are.

    *grounds* are facts of every entry of an actor: why somebody other than the subject may.
    """

    audit: AuditSink
    outbox: Outbox
    tagger: Tagger
    grounds: Mapping[str, str] = field(factory=dict)

    def on(self, allowed: Allowed) -> Recorder:
        """
        Return a recorder whose entries repeat the grounds of this access.
        """
        return evolve(self, grounds=allowed.facts)

    def use_of(self, link_id: str, actor: Actor) -> str:
        """
        Return what the ids of entries about a link's use begin with: it is one person's use, and so is recorded
        once for each who uses it.
        """
        tag = self.tagger.owner_tag(actor.tenant, actor.requester)
        return f"{link_id}:{self.tagger.audit_pseudonym(actor.tenant, tag)[:16]}"

    def by_actor(  # noqa: PLR0917  # called through one-line wrappers
        self, event: Event, entry_id: str, actor: Actor, job_id: str, owner_tag: str, at: datetime, **facts: str
    ) -> AuditEntry:
        """
        Make the entry of something an actor does. Staff are named, everybody else is a pseudonym.
        """
        staff = actor.capacity in {Capacity.OPERATOR, Capacity.AUDITOR}
        tag = self.tagger.owner_tag(actor.tenant, actor.id)
        return AuditEntry(
            id=entry_id,
            event=event,
            tenant=actor.tenant,
            job_id=job_id,
            at=at,
            actor=actor.id if staff else self.tagger.audit_pseudonym(actor.tenant, tag),
            capacity=actor.capacity,
            subject=self.tagger.audit_pseudonym(actor.tenant, owner_tag) if owner_tag else "",
            facts={**self.grounds, **facts},
        )

    def by_system(self, event: Event, job: Job, at: datetime, *, once: str = "", **facts: str) -> AuditEntry:
        """
        Make the entry of something a worker or sweeper does; *once* tells apart what may recur.
        """
        return AuditEntry(
            id=f"{job.id}:{event}{once}",
            event=event,
            tenant=job.tenant,
            job_id=job.id,
            at=at,
            actor=SYSTEM,
            capacity=SYSTEM,
            subject=self.tagger.audit_pseudonym(job.tenant, job.owner_tag),
            facts=facts,
        )

    def intend(self, entry: AuditEntry) -> None:
        """
        Record an intent; `AuditUnavailable` means that what was intended must not happen.
        """
        self.audit.append(entry)

    def happened(self, entry: AuditEntry) -> None:
        """
        Record what happened already, or what was refused: now if possible, else later.
        """
        try:
            self.audit.append(entry)
        except AuditUnavailable:
            self.outbox.keep([entry])

    def deliver(self, waiting: Sequence[AuditEntry] | None = None) -> int:
        """
        Bring entries that wait in the outbox, these or the oldest hundred, to the audit sink; return how many
        arrived. A sink that is down ends it.
        """
        arrived: list[str] = []
        try:
            for entry in self.outbox.pending() if waiting is None else waiting:
                self.audit.append(entry)
                arrived.append(entry.id)
        except AuditUnavailable:
            pass
        if arrived:
            self.outbox.delivered(arrived)
        return len(arrived)
