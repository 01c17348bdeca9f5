"""
What an application calls: request, status, list, link, open, delete, policy; and, for staff, extend,
pause, resume, refuse, revoke and erase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial, wraps
from typing import Concatenate, ParamSpec

from attrs import field, frozen

from ._core.cursor import Cursor
from ._core.erasure import ErasureReceipt
from ._core.export import Export
from ._core.job import Job
from ._core.lifecycle import ACTIVE, State
from ._core.party import Actor, Subject
from ._core.policy_document import PolicyDocument, policy_document
from ._core.policy_listing import ListedField, listed_fields
from ._core.selection import Window
from ._core.trail import AuditEntry, Event, TrailItem
from ._core.wire import spell_instant
from .access import Gate
from .download import Download
from .erasing import Erasing, Replayed
from .errors import (
    InvalidConfiguration,
    InvalidCursor,
    InvalidRequest,
    StorageUnavailable,
)
from .handling import Handling
from .linking import Link, Linking, Opened
from .ports.authorize import Action
from .ports.jobs import Admission
from .ports.signing import PublicKey, Signature
from .ports.telemetry import Span
from .recording import Recorder
from .requesting import answered_lately, draft_job, idempotency_of, resolve_request
from .restored import RestoredCheck
from .telling import Telling
from .wiring import Wiring

LARGEST_LIST = 100

P = ParamSpec("P")


@frozen(kw_only=True)
class Requested:
    """
    The answer to a request: the export, and whether this call created it.
    """

    export: Export
    created: bool


@frozen(kw_only=True)
class ExportList:
    """
    One page of exports, newest first, and the cursor of the next page (`None` at the end).
    """

    items: tuple[Export, ...]
    next_cursor: str | None


def _watched(
    request: Callable[Concatenate[ExportService, Actor, P], Requested],
) -> Callable[Concatenate[ExportService, Actor, P], Requested]:
    """
    Make a request a span, in which nothing stands that was not checked.
    """

    @wraps(request)
    def watched(service: ExportService, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> Requested:
        with service._wiring.telemetry.span(Span.REQUEST, tenant=actor.tenant) as span:  # noqa: SLF001  # its own
            requested = request(service, actor, *args, **kwargs)
            export = requested.export
            span.add(job=export.id, profile=export.profile, created=requested.created)
            return requested

    return watched


@frozen
class ExportService:
    """
    The use cases. Every call names its actor and asks the authoriser; nothing is remembered between
    calls. Thread-safe when the wiring's ports are.

    Any call may raise a `BackendError` (retry later). Ids that are unknown, foreign, another tenant's
    or erased raise the same `NotFound`. Where the wiring asks for it, `StepUpRequired` and `CoolingOff`.
    Over a job database that is behind the tombstone log, as a restored backup is, any call for exports
    raises `ErasuresMissing` until `replay_erasures`.
    """

    _wiring: Wiring
    _check: RestoredCheck = field(init=False)
    _gate: Gate = field(init=False)
    _linking: Linking = field(init=False)

    def __attrs_post_init__(self) -> None:
        w = self._wiring
        object.__setattr__(self, "_check", RestoredCheck(w))
        object.__setattr__(self, "_gate", Gate(w, Recorder(w.audit, w.outbox, w.tagger), self._check))
        object.__setattr__(self, "_linking", Linking(w, self._gate))

    @_watched
    def request(
        self,
        actor: Actor,
        subject: Subject,
        *,
        formats: Sequence[str] | None = None,
        datasets: Sequence[str] | None = None,
        profile: str = "self",
        window: Window | None = None,
        as_of: datetime | None = None,
        idempotency_key: str | None = None,
        received_at: datetime | None = None,
        identity_awaited: bool = False,
        tell: bool = True,
    ) -> Requested:
        """
        Ask for an export of the subject's history; the active one is handed back if it is the same.

        `None` means the default: csv and json, all datasets, unbounded, as of when work begins. *received_at*
        is when the request arrived, by letter for example (aware; default now): it needs `Action.HANDLE`.
        With *identity_awaited* the export begins paused, if this call creates it (see `pause`). Without *tell*
        the person is sent nothing about the export, if this call creates it, whoever works on it. One whose
        predecessor was not answered keeps its dates (see `Job.following`).

        Raises `UnknownName` or `InvalidRequest` for a parameter, `ActiveExportDiffers`, `IdempotencyKeyReused`,
        `NotFound` when the actor may not ask, `TooManyRequests` where there is a cooldown, `SubjectErased` when the
        person was erased, unless the application answers otherwise, and `AuditUnavailable`: then nothing was
        requested.
        """
        self._check()
        w = self._wiring
        request = resolve_request(
            w, formats=formats, datasets=datasets, profile=profile, window=window, as_of=as_of
        )
        idempotency = idempotency_of(idempotency_key, request)
        job = draft_job(
            w, actor, subject, request, received_at=received_at, identity_awaited=identity_awaited, told=tell
        )
        actions = [Action.REQUEST] if received_at is None else [Action.REQUEST, Action.HANDLE]
        record = self._gate.admit(actor, profile, job.owner_tag, *actions)
        erasing = Erasing(w, record)
        job, past = erasing.answer(actor.tenant, subject, job)
        if job.request.profile != profile:
            profile = job.request.profile
            record = self._gate.admit(actor, profile, job.owner_tag, *actions)
        facts = {"profile": profile, "formats": " ".join(request.formats), "datasets": " ".join(request.datasets)}
        if received_at is not None:
            facts["received_at"] = spell_instant(job.received_at)
        answered = answered_lately(w, job)
        about = partial(_about, record, actor, job, job.created_at)
        record.intend(about(Event.REQUESTED, job.id, **facts))
        paused = about(Event.PAUSED, f"{job.id}:{job.revision}")
        admitted = answered or w.jobs.add(
            job,
            tags=erasing.tags(actor.tenant, subject),
            past=past,
            idempotency=idempotency,
            entries=[paused] if identity_awaited else [],
            notifications=Telling(w).asked(job, subject),
        )
        created = admitted.admission is Admission.CREATED
        if not created:
            record.happened(about(Event.REPEATED, job.id, answered_with=admitted.job.id))
        elif admitted.job.paused_at is not None:
            record.happened(paused)
        if admitted.job.waits_from is not None and admitted.job.state is State.QUEUED:
            w.dispatcher.ring(actor.tenant, admitted.job.id)
        return Requested(export=Export.of(admitted.job, job.created_at), created=created)

    def status(self, actor: Actor, job_id: str) -> Export:
        """
        Return the export as it is now, also when it failed, was cancelled or is gone.
        """
        job, _ = self._gate.find(actor, job_id, Action.READ)
        return Export.of(job, self._wiring.jobs.now())

    def list(self, actor: Actor, *, limit: int = 20, cursor: str | None = None) -> ExportList:
        """
        Return the actor's own exports and those they asked for, newest first.

        *limit* is 1 to 100. Raises `InvalidCursor` for a cursor this list did not give to this actor.
        """
        if not 1 <= limit <= LARGEST_LIST:
            raise InvalidRequest("limit", f"a whole number from 1 to {LARGEST_LIST} is expected")
        self._check()
        w = self._wiring
        tag = w.tagger.owner_tag(actor.tenant, actor.requester)
        before = None if cursor is None else self._read_cursor(actor, tag, cursor)
        items: list[Job] = []
        more = True
        while more and len(items) <= limit:
            page = w.jobs.list(actor.tenant, tag, limit=limit + 1, before=before)
            more = len(page) > limit
            items += [job for job in page if self._gate.may_read(actor, job)]
            before = (page[-1].created_at, page[-1].id) if page else None
        now = w.jobs.now()
        following = self._spell_cursor(actor, tag, items[limit - 1]) if len(items) > limit else None
        return ExportList(items=tuple(Export.of(job, now) for job in items[:limit]), next_cursor=following)

    def link(self, actor: Actor, job_id: str) -> Link:
        """
        Give a download link for a ready export.

        Raises `ExportNotReady`, `ExportGone`, and `AuditUnavailable`: then no link exists.
        """
        return self._linking.link(actor, job_id)

    def open_link(self, actor: Actor, job_id: str, *, limit: int | None = None, bearer: bool = False) -> Link:
        """
        Give a link for a mail: it leads to a page, lives as long as the file, and its person must be signed in.

        From it no more than *limit* downloads begin (1 to 1,000; `None` is any number). A *bearer* link works
        for whoever has it, for `Wiring.bearer_life`, and for one download unless a limit is given; where that
        is not set it is an `InvalidConfiguration`. Raises `InvalidRequest` for a limit, and what `link` raises.
        """
        return self._linking.open_link(actor, job_id, limit, bearer=bearer)

    def look(self, actor: Actor, job_id: str, token: str) -> Opened:
        """
        Return what the page of an open link shows; however often it is asked, nothing is spent.

        Refusals come in the order of `open`.
        """
        return self._linking.look(actor, job_id, token)

    def is_form_token(self, actor: Actor, token: str, given: str) -> bool:
        """
        Return whether *given* is the form token that `look` gave to this actor for this ticket.
        """
        return self._linking.is_form_token(actor, token, given)

    def begin(self, actor: Actor, job_id: str, token: str) -> Link:
        """
        Begin a download from an open link, counted against its limit; the link returned leads to its bytes.

        Refusals come in the order of `open`; `TicketExpired` also when the limit is reached.
        """
        return self._linking.begin(actor, job_id, token)

    def open(self, actor: Actor, job_id: str, token: str) -> Download:
        """
        Authorise a download with a link's ticket; bytes flow when the `Download` is read.

        Refusals come in the order of the HTTP contract: `InvalidTicket` before anything is looked up,
        `NotFound`, `TicketExpired`, `ExportGone`, `ExportNotReady`; `AuditUnavailable` means no bytes.
        """
        return self._linking.open(actor, job_id, token)

    def revoke_link(self, actor: Actor, job_id: str, link_id: str, reason: str) -> int:
        """
        Revoke one link and what was opened from it; return how many that were.

        The next request is refused, and a running transfer breaks off within seconds. New links are given as
        before. It is done also while the audit trail is down, and recorded later. *reason*, for the trail,
        is 1 to 1,000 characters, else `InvalidRequest`. Needs `Action.REVOKE`.
        """
        return self._linking.revoke(actor, reason, job_id=job_id, link_id=link_id)

    def revoke_export(self, actor: Actor, job_id: str, reason: str) -> int:
        """
        Revoke all links of one export, as `revoke_link` does one.
        """
        return self._linking.revoke(actor, reason, job_id=job_id)

    def revoke_subject(self, actor: Actor, subject: Subject, reason: str) -> int:
        """
        Revoke all links to copies of one person's history, whoever asked for these; as `revoke_link` does one.
        """
        owner_tag = self._wiring.tagger.owner_tag(actor.tenant, subject.id)
        return self._linking.revoke_widely(actor, reason, owner_tag=owner_tag)

    def revoke_all(self, actor: Actor, reason: str) -> int:
        """
        Revoke every link of the actor's tenant, as `revoke_link` does one.
        """
        return self._linking.revoke_widely(actor, reason)

    def delete(self, actor: Actor, job_id: str) -> Export:
        """
        Cancel an active export, delete a ready one; do nothing to one that has already ended.

        A worker at it loses its fence at once and publishes nothing. The job's key is shredded first,
        then the file is deleted; should the storage be down, the sweeper deletes it later.
        """
        w = self._wiring
        job, record = self._gate.find(actor, job_id, Action.DELETE)
        for expected, state, event in (
            (ACTIVE, State.CANCELLED, Event.CANCELLED),
            (frozenset({State.READY}), State.DELETED, Event.DELETED),
        ):
            entry = _about(record, actor, job, w.jobs.now(), event, job_id)
            ended = w.jobs.end(actor.tenant, job_id, expected=expected, state=state, entries=[entry])
            job = ended or job
        record.deliver()
        if job.state is State.DELETED and job.artifact is not None:
            try:
                w.storage.delete(job.artifact.key)
                w.jobs.forget_artifact(actor.tenant, job_id)
            except StorageUnavailable:
                pass  # out of reach already; the sweeper's to delete
        return Export.of(job, w.jobs.now())

    def trail(self, actor: Actor) -> tuple[TrailItem, ...]:
        """
        Return what the audit trail says about the actor, oldest first: dates, events, profiles and
        capacities, and nobody's name (GDPR Art. 15(1)).

        For subjects alone. Raises `InvalidConfiguration` where the deployment's sink cannot be read.
        """
        w = self._wiring
        self._gate.admit_to_trail(actor)
        if w.trail is None:
            raise InvalidConfiguration("audit", "this trail cannot be read back; add a sink that can")
        pseudonym = w.tagger.audit_pseudonym(actor.tenant, w.tagger.owner_tag(actor.tenant, actor.id))
        entries = list(w.trail.entries(actor.tenant, subject=pseudonym))
        profiles = {each.job_id: each.facts["profile"] for each in entries if "profile" in each.facts}
        return tuple(
            TrailItem(
                at=each.at,
                event=each.event,
                job_id=each.job_id,
                profile=profiles.get(each.job_id, ""),
                capacity=each.capacity,
            )
            for each in entries
        )

    def extend(self, actor: Actor, job_id: str, reason: str) -> Export:
        """
        Put the answer off by what the law allows, and tell the person why (GDPR Art. 12(3)).

        Once per request, before it is due, and while it has no answer, else `NotExtendable`; one that has
        failed has none. *reason* is 1 to 1,000 characters, else `InvalidRequest`. Needs `Action.HANDLE`.
        """
        return self._handled(actor, job_id, lambda job, handling: handling.extend(actor, job, reason))

    def pause(self, actor: Actor, job_id: str) -> Export:
        """
        Let the clock stand, and all work with it, until it is known who asks (GDPR Art. 12(6)).

        A worker at it loses its fence. Nothing changes where the clock stands already. Raises
        `ExportNotActive` unless queued or running. Needs `Action.HANDLE`.
        """
        return self._handled(actor, job_id, lambda job, handling: handling.pause(actor, job))

    def resume(self, actor: Actor, job_id: str) -> Export:
        """
        Let the clock go on: it is due later by as long as the clock stood, and is worked on again.

        Nothing changes where the clock runs. Raises `ExportNotActive` unless queued or running. Needs
        `Action.HANDLE`.
        """
        return self._handled(actor, job_id, lambda job, handling: handling.resume(actor, job))

    def refuse(self, actor: Actor, job_id: str, reason: str, remedies: str) -> Export:
        """
        Answer with a refusal: the person reads the *reason*, and the *remedies* (GDPR Art. 12(4)).

        Remedies are where to complain, and that a court may be asked. Both are 1 to 1,000 characters, else
        `InvalidRequest`. Raises `ExportNotActive` unless queued or running. Needs `Action.HANDLE`.
        """
        return self._handled(actor, job_id, lambda job, handling: handling.refuse(actor, job, reason, remedies))

    def erase(
        self, actor: Actor, subject: Subject, *, basis: str, retain_until: datetime | None = None
    ) -> ErasureReceipt:
        """
        Erase a person (GDPR Art. 17): every export of theirs, whatever its state, and what the wiring's
        `Eraser` erases. Give every identifier that they are known by.

        *basis* says why, in 1 to 1,000 characters that do not name the person, else `InvalidRequest`;
        *retain_until* (aware) when what the law retains goes too, if that is known. It goes on without the
        audit trail. What a crash or an error interrupts the sweeper finishes: then the receipt's
        `finished_at` is `None`. Of somebody who was erased, and did not come back, the same receipt comes again.

        Needs `Action.ERASE`. Raises `TombstonesUnavailable` and `JobStoreUnavailable`.
        """
        self._check()
        owner_tag = self._wiring.tagger.owner_tag(actor.tenant, subject.id)
        record = self._gate.admit(actor, "self", owner_tag, Action.ERASE)
        return Erasing(self._wiring, record).erase(actor, subject, basis=basis, retain_until=retain_until)

    def replay_erasures(self, actor: Actor) -> Replayed:
        """
        Bring a restored job database, or a tombstone log that lost entries, to what the other one knows.

        Until then everything else raises `ErasuresMissing`. Needs `Action.ERASE`.
        """
        record = self._gate.admit(actor, "self", "", Action.ERASE)
        return Erasing(self._wiring, record).replay(actor)

    def policy(self, profile: str = "self") -> Mapping[str, tuple[ListedField, ...]]:
        """
        Return, per dataset, the fields of a profile with what happens to each and why.
        """
        w = self._wiring
        policy = w.policies.profile(profile)
        return {d.name: listed_fields(d, policy, w.policies.unspoken(d.name)) for d in w.catalog.datasets}

    def policy_document(self, profiles: Iterable[str] | None = None) -> PolicyDocument:
        """
        Return catalog and policies as one document to publish; `policy_markdown` and `HtmlPolicy` render it.

        *profiles* are those it speaks of; `None` means all. It has nothing that may not be told.
        """
        return policy_document(self._wiring.catalog, self._wiring.policies, profiles=profiles)

    def public_keys(self) -> Sequence[PublicKey]:
        """
        Return the keys that verify bundles, current first; retired ones verify older bundles.
        """
        return self._wiring.manifests.public_keys()

    def _handled(self, actor: Actor, job_id: str, handle: Callable[[Job, Handling], Job]) -> Export:
        job, record = self._gate.find(actor, job_id, Action.HANDLE)
        job = handle(job, Handling(self._wiring, record))
        return Export.of(job, self._wiring.jobs.now())

    def _spell_cursor(self, actor: Actor, tag: str, job: Job) -> str:
        token = Cursor(scope="exports", key=(job.created_at, job.id)).spell()
        made = self._wiring.cursors.sign(f"{actor.tenant}\n{tag}\n{token}".encode())
        return f"{token}.{made.key_id}.{made.value.hex()}"

    def _read_cursor(self, actor: Actor, tag: str, text: str) -> tuple[datetime, str]:
        try:
            token, key_id, mac = text.split(".")
            signature = Signature(key_id=key_id, value=bytes.fromhex(mac))
        except ValueError:
            raise InvalidCursor from None
        genuine = self._wiring.cursors.verify(f"{actor.tenant}\n{tag}\n{token}".encode(), signature)
        # One cursor has one spelling: `fromhex` also takes capitals and spaces.
        if not genuine or signature.value.hex() != mac:
            raise InvalidCursor
        created_at, job_id = Cursor.parse(token, scope="exports").key
        return created_at, job_id


def _about(  # noqa: PLR0917  # `partial` fills all but the last two
    record: Recorder, actor: Actor, job: Job, at: datetime, event: Event, of: str, **facts: str
) -> AuditEntry:
    return record.by_actor(event, f"{of}:{event}", actor, job.id, job.owner_tag, at, **facts)
