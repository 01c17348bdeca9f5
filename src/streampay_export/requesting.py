"""
From what a caller asked for to a job: defaults filled in, names checked, the job key made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ._core.export import Export
from ._core.job import DatasetProgress, Job, key_context
from ._core.lifecycle import State
from ._core.party import Actor, Subject
from ._core.request import ExportRequest
from ._core.selection import EVER, Window
from ._core.wire import spell_request, spell_subject
from .errors import InvalidRequest, TooManyRequests, UnknownName
from .ports.jobs import Admission, Admitted, Idempotency
from .wiring import Wiring

DEFAULT_FORMATS = ("csv", "json")
# The hosts' clocks may differ a little; an as-of later than this is a slip of the pen.
CLOCK_TOLERANCE = timedelta(minutes=5)
LONGEST_IDEMPOTENCY_KEY = 255

_ANSWERED = frozenset({State.READY, State.EXPIRED, State.DELETED})
_PAGE = 100


def resolve_request(
    wiring: Wiring,
    *,
    formats: Sequence[str] | None,
    datasets: Sequence[str] | None,
    profile: str,
    window: Window | None,
    as_of: datetime | None,
) -> ExportRequest:
    """
    Return the request with defaults filled in and names in their own order.

    Raises `UnknownName` and `InvalidRequest`, naming the parameter.
    """
    wiring.policies.profile(profile)
    known_formats = tuple(wiring.writers)
    wanted = _known("formats", formats, known_formats) or DEFAULT_FORMATS
    picked = _known("datasets", datasets, wiring.catalog.names) or wiring.catalog.names
    if as_of is not None and as_of > wiring.jobs.now() + CLOCK_TOLERANCE:
        raise InvalidRequest("as-of", "an instant that has passed is expected")
    return ExportRequest(
        profile=profile,
        formats=tuple(name for name in known_formats if name in wanted),
        datasets=tuple(name for name in wiring.catalog.names if name in picked),
        window=window or EVER,
        as_of=as_of,
    )


def draft_job(
    wiring: Wiring,
    actor: Actor,
    subject: Subject,
    request: ExportRequest,
    *,
    received_at: datetime | None,
    identity_awaited: bool,
    told: bool,
) -> Job:
    """
    Return a new queued job with a fresh id and key, paused if *identity_awaited*; nothing is stored yet.

    Raises `InvalidRequest` for a *received_at* that is naive or has not come yet.
    """
    now = wiring.jobs.now()
    if received_at is not None and (received_at.utcoffset() is None or received_at > now):
        raise InvalidRequest("received-at", "an instant that has passed is expected, with its offset from UTC")
    received_at = now if received_at is None else received_at.astimezone(UTC)
    job_id = wiring.make_id()
    job_key = wiring.randomness(32)
    return Job(
        id=job_id,
        tenant=actor.tenant,
        owner_tag=wiring.tagger.owner_tag(actor.tenant, subject.id),
        requester_tag=wiring.tagger.owner_tag(actor.tenant, actor.requester),
        capacity=actor.capacity,
        request=request,
        sealed=wiring.sealer(job_key).seal(spell_subject(subject).encode()),
        wrapped_key=wiring.keys.wrap(job_key, key_context(actor.tenant, job_id)),
        created_at=now,
        received_at=received_at,
        due_at=wiring.deadline.due(received_at),
        paused_at=now if identity_awaited else None,
        told=told,
        datasets=tuple(DatasetProgress(name=name) for name in request.datasets),
    )


def answered_lately(wiring: Wiring, job: Job) -> Admitted | None:
    """
    Return the copy that already answers this request, if it was asked for less than the cooldown ago.

    Raises `TooManyRequests` where one of that subject and profile, by that requester, was answered since with
    other parameters. What is under way is the job store's to hand back, and what failed or was cancelled
    holds nobody up: asking is free, and only the excessive is slowed down (GDPR Art. 12(5)).
    """
    cooldown = wiring.request_cooldown
    if cooldown is None:
        return None
    recent = list(_asked_since(wiring, job, job.created_at - cooldown))
    answered = [each for each in recent if each.state in _ANSWERED]
    if not answered or any(each.active for each in recent):
        return None
    for each in answered:
        if each.request == job.request and Export.of(each, job.created_at).state is State.READY:
            return Admitted(job=each, admission=Admission.REPEATED)
    left = answered[0].created_at + cooldown - job.created_at
    raise TooManyRequests(retry_after=-(-left // timedelta(seconds=1)))


def _asked_since(wiring: Wiring, job: Job, since: datetime) -> Iterator[Job]:
    whose = (job.owner_tag, job.requester_tag, job.request.profile)
    before = None
    while page := wiring.jobs.list(job.tenant, job.requester_tag, limit=_PAGE, before=before):
        for each in page:
            if each.created_at <= since:
                return
            if (each.owner_tag, each.requester_tag, each.request.profile) == whose:
                yield each
        before = (page[-1].created_at, page[-1].id)


def idempotency_of(key: str | None, request: ExportRequest) -> Idempotency | None:
    """
    Return the idempotency key with the request's digest, or `None` without one.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
        raise InvalidRequest("Idempotency-Key", f"1 to {LONGEST_IDEMPOTENCY_KEY} printable characters are expected")
    return Idempotency(key=key, digest=hashlib.sha256(spell_request(request).encode()).hexdigest())


def _known(field: str, names: Sequence[str] | None, known: Sequence[str]) -> Sequence[str] | None:
    if names is None:
        return None
    if not names:
        raise InvalidRequest(field, "name at least one, or leave it out for the default")
    for name in names:
        if name not in known:
            raise UnknownName.of(field.removesuffix("s"), name, known, field=field)
    return names
