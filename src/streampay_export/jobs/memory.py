"""
The job store as an executable model: what `ports.jobs` says, in dicts. For tests, and to read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from threading import RLock
from typing import Any, TypeAlias

from attrs import evolve, frozen

from .._core.closed_part import KeptPart, PartClaim, PlannedPart
from .._core.deadline import Deadline
from .._core.erasure import Erasure, Tombstone
from .._core.job import Claim, DatasetProgress, Failure, Job, WrappedKey
from .._core.lifecycle import FINAL, UNSETTLED, State, check_ending
from .._core.notification import PendingNotification
from .._core.ticket import DOWNLOADING, OPENING, Purpose
from .._core.trail import AuditEntry
from ..errors import ActiveExportDiffers, IdempotencyKeyReused, InvalidRequest, LeaseLost, SubjectErased
from ..ports.jobs import (
    LARGEST_COUNT,
    LATEST_FAILED,
    MOST_OVERDUE,
    Admission,
    Admitted,
    Completion,
    Idempotency,
    LinkUse,
    Overview,
)


def _whose(job: Job) -> tuple[str, ...]:
    return job.tenant, job.owner_tag, job.request.profile, job.requester_tag


@frozen(kw_only=True)
class _StoredLink:
    purpose: Purpose
    expires_at: datetime
    begun_at: datetime | None = None
    begun: int = 0
    limit: int | None = None
    opened_from: str | None = None


_Place: TypeAlias = tuple[str, str, str, int]
"""Of a part: tenant, job id, dataset, number."""


def _place(item: tuple[_Place, object]) -> _Place:
    return item[0]


class MemoryJobStore:
    """
    Jobs and outbox of this process, gone with it. Thread-safe; nothing to close.

    *clock* is the store's clock: it returns aware instants in UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = RLock()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._made_by: dict[tuple[str, str, str, str], tuple[str, str, datetime]] = {}
        self._links: dict[tuple[str, str, str], _StoredLink] = {}
        self._parts: dict[_Place, KeptPart] = {}
        self._planned: dict[_Place, tuple[PlannedPart, datetime | None]] = {}
        self._outbox: dict[tuple[str, str], AuditEntry] = {}
        self._notifications: dict[tuple[str, str], tuple[PendingNotification, datetime]] = {}
        self._tags: dict[tuple[str, str], frozenset[str]] = {}
        self._erasures: dict[tuple[str, str], Erasure] = {}

    def now(self) -> datetime:
        """
        Return what the clock says.
        """
        return self._clock()

    def add(
        self,
        job: Job,
        *,
        tags: Collection[str] = (),
        past: str | None = None,
        idempotency: Idempotency | None = None,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Admitted:
        """
        See `JobStore.add`.
        """
        with self._lock:
            erased = self.erasure_of(job.tenant, tags)
            if erased is not None and erased.tombstone.receipt != past:
                raise SubjectErased(erased_at=erased.tombstone.at)
            name = None
            if idempotency is not None:
                digest = sha256(idempotency.key.encode()).hexdigest()
                name = (job.tenant, job.requester_tag, job.owner_tag, digest)
                made = self._made_by.get(name)
                if made is not None and made[1] != idempotency.digest:
                    raise IdempotencyKeyReused
                if made is not None:
                    return Admitted(job=self._jobs[job.tenant, made[0]], admission=Admission.REPEATED)
            admitted = self._admit(job)
            if name is not None and idempotency is not None:
                self._made_by[name] = (admitted.job.id, idempotency.digest, job.created_at)
            if admitted.admission is Admission.CREATED:
                self._tags[job.tenant, job.id] = frozenset(tags)
                self.keep(entries)
                self._notify(notifications)
            return admitted

    def _admit(self, job: Job) -> Admitted:
        active = next((a for a in self._all() if a.active and _whose(a) == _whose(job)), None)
        if active is not None:
            if active.request != job.request:
                raise ActiveExportDiffers(job_id=active.id)
            return Admitted(job=active, admission=Admission.ACTIVE)
        if (job.tenant, job.id) in self._jobs:
            raise InvalidRequest("id", "an export with this id exists already; make a new id")
        earlier = [other for other in self._all() if _whose(other) == _whose(job)]
        if earlier:
            job = job.following(max(earlier, key=lambda other: (other.created_at, other.id)))
        self._jobs[job.tenant, job.id] = job
        return Admitted(job=job, admission=Admission.CREATED)

    def get(self, tenant: str, job_id: str) -> Job | None:
        """
        See `JobStore.get`.
        """
        with self._lock:
            return self._jobs.get((tenant, job_id))

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        """
        See `JobStore.list`.
        """
        theirs = [
            job
            for job in self._all()
            if job.tenant == tenant
            and tag in {job.owner_tag, job.requester_tag}
            and job.state is not State.ERASED
            and (before is None or (job.created_at, job.id) < before)
        ]
        return sorted(theirs, key=lambda job: (job.created_at, job.id), reverse=True)[:limit]

    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        """
        See `JobStore.claim`.
        """
        with self._lock:
            for job in self._waiting():
                if job.attempts < max_attempts and tenant in {None, job.tenant} and job_id in {None, job.id}:
                    claimed = self._change(
                        job,
                        state=State.RUNNING,
                        not_before=None,
                        fence=job.fence + 1,
                        attempts=job.attempts + 1,
                        lease_until=self.now() + lease,
                    )
                    return Claim(job=claimed)
            return None

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.exhausted`.
        """
        return [job for job in self._waiting() if job.attempts >= max_attempts][:limit]

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.waiting`.
        """
        return self._waiting()[:limit]

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        """
        See `JobStore.renew`.
        """
        with self._lock:
            job = self._held(claim)
            renewed = evolve(job, lease_until=self.now() + lease)
            self._jobs[job.tenant, job.id] = renewed
            return Claim(job=renewed)

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        """
        See `JobStore.progress`.
        """
        with self._lock:
            self._change(self._held(claim), as_of=as_of, datasets=datasets)

    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        """
        See `JobStore.keep_part`.
        """
        with self._lock:
            job = self._held(claim)
            self._jobs[job.tenant, job.id] = evolve(job, as_of=as_of)
            self._parts[job.tenant, job.id, part.dataset, part.number] = part

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        """
        See `JobStore.kept_parts`.
        """
        with self._lock:
            return [part for key, part in sorted(self._parts.items()) if key[:2] == (tenant, job_id)]

    def _forget_parts(self, job: Job) -> None:
        self._parts = {key: part for key, part in self._parts.items() if key[:2] != (job.tenant, job.id)}
        self._planned = {key: each for key, each in self._planned.items() if key[:2] != (job.tenant, job.id)}

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        """
        See `JobStore.plan_parts`.
        """
        with self._lock:
            job = self._held(claim)
            self._jobs[job.tenant, job.id] = evolve(job, as_of=as_of)
            for part in parts:
                place = (job.tenant, job.id, part.dataset, part.number)
                if place not in self._parts:
                    self._planned.setdefault(place, (part, None))

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        """
        See `JobStore.planned_parts`.
        """
        with self._lock:
            return [
                part for key, (part, _) in sorted(self._planned.items(), key=_place) if key[:2] == (tenant, job_id)
            ]

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        """
        See `JobStore.claim_part`.
        """
        with self._lock:
            now = self.now()
            for place, (part, until) in sorted(self._planned.items(), key=_place):
                job = self._jobs[place[:2]]
                named = tenant in {None, job.tenant} and job_id in {None, job.id}
                if named and job.state is State.RUNNING and (until is None or until <= now):
                    claimed = evolve(part, fence=part.fence + 1)
                    self._planned[place] = (claimed, now + lease)
                    return PartClaim(job=job, part=claimed)
            return None

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        """
        See `JobStore.renew_part`.
        """
        with self._lock:
            self._planned[self._held_part(claim)] = (claim.part, self.now() + lease)

    def release_part(self, claim: PartClaim) -> None:
        """
        See `JobStore.release_part`.
        """
        with self._lock, suppress(LeaseLost):
            self._planned[self._held_part(claim)] = (claim.part, None)

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        """
        See `JobStore.close_part`.
        """
        with self._lock:
            place = self._held_part(claim)
            del self._planned[place]
            self._parts[place] = part

    def _held_part(self, claim: PartClaim) -> _Place:
        place = (claim.job.tenant, claim.job.id, claim.part.dataset, claim.part.number)
        planned = self._planned.get(place)
        if planned is None or planned[0].fence != claim.part.fence:
            raise LeaseLost
        return place

    def complete(
        self,
        claim: Claim,
        completion: Completion,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job:
        """
        See `JobStore.complete`.
        """
        with self._lock:
            held = self._held(claim)
            if self._reached(held):
                raise LeaseLost(state=State.ERASED)
            ready = self._change(
                held,
                state=State.READY,
                lease_until=None,
                as_of=completion.as_of,
                completeness=completion.completeness,
                datasets=completion.datasets,
                artifact=completion.artifact,
                expires_at=completion.expires_at,
                finished_at=self.now(),
            )
            self._forget_parts(ready)
            self.keep(entries)
            self._notify(notifications)
            return ready

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        """
        See `JobStore.release`.
        """
        with self._lock:
            job = self._held(claim)
            return self._change(
                job,
                state=State.QUEUED,
                lease_until=None,
                not_before=not_before,
                attempts=job.attempts - give_back,
            )

    def reschedule(
        self,
        before: Job,
        deadline: Deadline,
        *,
        expected: Collection[State],
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        See `JobStore.reschedule`.
        """
        with self._lock:
            job = self.get(before.tenant, before.id)
            if job is None or job.state not in expected or job.deadline != before.deadline:
                return None
            stopped = deadline.paused_at is not None and job.state is State.RUNNING
            rescheduled = self._change(
                job,
                due_at=deadline.due_at,
                extension=deadline.extension,
                paused_at=deadline.paused_at,
                state=State.QUEUED if stopped else job.state,
                lease_until=None if stopped else job.lease_until,
                fence=job.fence + stopped,
                attempts=job.attempts - stopped,
            )
            self.keep(entries)
            self._notify(notifications)
            return rescheduled

    def end(
        self,
        tenant: str,
        job_id: str,
        *,
        expected: Collection[State],
        state: State,
        fence: int | None = None,
        failure: Failure | None = None,
        entries: Sequence[AuditEntry] = (),
        notifications: Sequence[PendingNotification] = (),
    ) -> Job | None:
        """
        See `JobStore.end`.
        """
        check_ending(expected, state)
        with self._lock:
            job = self.get(tenant, job_id)
            if job is None or job.state not in expected or fence not in {None, job.fence}:
                return None
            ended = self._change(job, **job.ended_as(state, self.now()), failure=failure or job.failure)
            self._forget(ended)
            self.keep(entries)
            self._notify(notifications)
            return ended

    def expired(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.expired`.
        """
        ready = [job for job in self._all() if job.state is State.READY]
        return self._due(ready, lambda job: job.expires_at)[:limit]

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.orphans`.
        """
        ended = [job for job in self._all() if job.state in FINAL and job.artifact is not None]
        return self._due(ended, lambda job: job.finished_at)[:limit]

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        """
        See `JobStore.forget_artifact`.
        """
        with self._lock:
            job = self.get(tenant, job_id)
            if job is not None and job.state in FINAL and job.artifact is not None:
                self._change(job, artifact=None)

    def overview(self, tenant: str) -> Overview:
        """
        See `JobStore.overview`.
        """
        theirs = sorted(self._all_of(tenant), key=lambda job: (job.created_at, job.id))
        latest = {_whose(job): job.id for job in theirs}
        due = [job for job in theirs if job.due_at <= self.now()]
        failed = sorted((job for job in due if job.state is State.FAILED), key=lambda job: (job.due_at, job.id))
        unanswered = [job for job in failed[-LATEST_FAILED:] if job.unanswered and latest[_whose(job)] == job.id]
        active = [job for job in due if job.active]
        overdue = [job for job in active + unanswered if job.deadline.passed(self.now())]
        counts = {state: sum(job.state is state for job in theirs) for state in State}
        waiting = self._due(theirs, lambda job: job.waits_from)
        return Overview(
            counts={state: min(count, LARGEST_COUNT) for state, count in counts.items()},
            waiting_since=waiting[0].waits_from if waiting else None,
            overdue=sorted(overdue, key=lambda job: (job.due_at, job.id))[:MOST_OVERDUE],
        )

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        """
        See `JobStore.prune`.
        """
        with self._lock:
            keys = [name for name, made in self._made_by.items() if made[2] < keys_before][:limit]
            for name in keys:
                del self._made_by[name]
            jobs = self._prunable(ended_before)[:limit]
            for job in jobs:
                del self._jobs[job.tenant, job.id]
                self._tags.pop((job.tenant, job.id), None)
                self._forget_keys(job)
            return len(keys) + len(jobs)

    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.wrapped_under`.
        """
        under = [job for job in self._all() if job.wrapped_key is not None and job.wrapped_key.key_id == key_id]
        return sorted(under, key=lambda job: (job.tenant, job.id))[:limit]

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        """
        See `JobStore.rewrap`.
        """
        with self._lock:
            held = self.get(job.tenant, job.id)
            if held is None or held.wrapped_key is None or held.wrapped_key != job.wrapped_key:
                return False
            self._jobs[job.tenant, job.id] = evolve(held, wrapped_key=wrapped)
            return True

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
        See `JobStore.add_link`.
        """
        with self._lock:
            job = self.get(tenant, job_id)
            if job is None or self._reached(job) or not self._downloadable(tenant, job_id):
                return False
            if opened_from is not None and not self.may_open(tenant, job_id, opened_from):
                return False
            if (tenant, job_id, link_id) in self._links:
                raise InvalidRequest("link", "a link with this id exists already; make a new id")
            if opened_from is not None:
                opened = self._links[tenant, job_id, opened_from]
                self._links[tenant, job_id, opened_from] = evolve(opened, begun=opened.begun + 1)
            self._links[tenant, job_id, link_id] = _StoredLink(
                purpose=purpose, expires_at=expires_at, limit=limit, opened_from=opened_from
            )
            return True

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        """
        See `JobStore.may_open`.
        """
        with self._lock:
            link = self._links.get((tenant, job_id, link_id))
            if link is None or link.purpose not in OPENING or link.expires_at <= self.now():
                return False
            spent = link.limit is not None and link.begun >= link.limit
            return not spent and self._downloadable(tenant, job_id)

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        See `JobStore.use_link`.
        """
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
        """
        See `JobStore.revoke_links`.
        """
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
            self.keep(entries)
            return len(revoked)

    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        """
        See `JobStore.begin_erasure`.
        """
        stone = evolve(erasure.tombstone, at=self.now())
        with self._lock:
            latest = self.erasure_of(stone.tenant, stone.tags)
            if latest is not None and latest.tombstone.receipt != past and latest.tombstone.covers(stone.tags):
                living = [job for job in self._with(stone) if job.state is not State.ERASED]
                if all(latest.tombstone.reaches(job.created_at) for job in living):
                    return latest
            return self._keep_erasure(evolve(erasure, tombstone=stone))

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        """
        See `JobStore.erasure_of`.
        """
        theirs = [
            each
            for each in self.erasures()
            if each.tombstone.tenant == tenant and not set(tags).isdisjoint(each.tombstone.tags)
        ]
        return theirs[-1] if theirs else None

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        """
        See `JobStore.erasures`.
        """
        with self._lock:
            all_ = sorted(self._erasures.values(), key=lambda each: (each.tombstone.at, each.tombstone.receipt))
        return [each for each in all_ if each.sealed is not None or not unfinished]

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        """
        See `JobStore.erase`.
        """
        with self._lock:
            erasure = self._erasures.get((tombstone.tenant, tombstone.receipt)) or Erasure(tombstone=tombstone)
            reached = sorted(
                (job for job in self._with(tombstone) if tombstone.reaches(job.created_at)), key=lambda job: job.id
            )
            living = [job for job in reached if job.state is not State.ERASED]
            for job in living:
                ended = job.ended_as(State.ERASED, self.now())
                self._forget(self._change(job, **ended, failure=None, extension=None))
            self._notify(notifications)
            exports = erasure.exports + len(living)
            erasure = self._keep_erasure(evolve(erasure, number=number, exports=exports))
            return erasure, [self._jobs[job.tenant, job.id] for job in reached]

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        """
        See `JobStore.finish_erasure`.
        """
        with self._lock:
            erasure = self._erasures.get((tenant, receipt))
            if erasure is None or erasure.finished_at is not None:
                return erasure
            self.keep(entries)
            return self._keep_erasure(evolve(erasure, sealed=None, wrapped_key=None, finished_at=self.now()))

    def pending(self, limit: int = 100) -> Sequence[AuditEntry]:
        """
        See `Outbox.pending`.
        """
        with self._lock:
            return list(self._outbox.values())[:limit]

    def delivered(self, entry_ids: Sequence[str]) -> None:
        """
        See `Outbox.delivered`.
        """
        with self._lock:
            kept = {key: entry for key, entry in self._outbox.items() if entry.id not in entry_ids}
            self._outbox = kept

    def keep(self, entries: Sequence[AuditEntry]) -> None:
        """
        See `Outbox.keep`.
        """
        with self._lock:
            for entry in entries:
                self._outbox.setdefault((entry.tenant, entry.id), entry)

    def claim_notification(self, *, lease: timedelta) -> PendingNotification | None:
        """
        See `Outbox.claim_notification`.
        """
        with self._lock:
            now = self.now()
            waiting = [(since, each.id, each) for each, since in self._notifications.values() if since <= now]
            if not waiting:
                return None
            *_, longest = min(waiting, key=lambda found: found[:2])
            taken = evolve(longest, attempts=longest.attempts + 1)
            self._notifications[taken.tenant, taken.id] = (taken, now + lease)
            return taken

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        """
        See `Outbox.postpone`.
        """
        with self._lock:
            held, _ = self._notifications.get((pending.tenant, pending.id), (None, None))
            if held is not None and held.attempts == pending.attempts:
                postponed = evolve(held, attempts=held.attempts - give_back)
                self._notifications[pending.tenant, pending.id] = (postponed, until)

    def notified(self, pending: PendingNotification) -> None:
        """
        See `Outbox.notified`.
        """
        with self._lock:
            self._notifications.pop((pending.tenant, pending.id), None)

    def notification_keys(self) -> Collection[str]:
        """
        See `Outbox.notification_keys`.
        """
        with self._lock:
            return {each.wrapped_key.key_id for each, _ in self._notifications.values()}

    def _notify(self, notifications: Sequence[PendingNotification]) -> None:
        for each in notifications:
            self._notifications.setdefault((each.tenant, each.id), (each, self.now()))

    def _all(self) -> Iterable[Job]:
        with self._lock:
            return tuple(self._jobs.values())

    def _with(self, tombstone: Tombstone) -> Sequence[Job]:
        return [
            job
            for job in self._all()
            if job.tenant == tombstone.tenant
            and not self._tags.get((job.tenant, job.id), frozenset()).isdisjoint(tombstone.tags)
        ]

    def _reached(self, job: Job) -> bool:
        return any(
            each.tombstone.reaches(job.created_at) and job in self._with(each.tombstone) for each in self.erasures()
        )

    def _keep_erasure(self, erasure: Erasure) -> Erasure:
        self._erasures[erasure.tombstone.tenant, erasure.tombstone.receipt] = erasure
        return erasure

    def _forget(self, ended: Job) -> None:
        self._forget_parts(ended)
        this = ended.tenant, ended.id
        self._links = {key: link for key, link in self._links.items() if key[:2] != this}
        told = self._notifications
        self._notifications = {key: each for key, each in told.items() if (key[0], each[0].job_id) != this}
        if ended.state is State.ERASED:
            self._forget_keys(ended)

    def _forget_keys(self, job: Job) -> None:
        this = job.tenant, job.id
        self._made_by = {key: made for key, made in self._made_by.items() if (key[0], made[0]) != this}

    def _prunable(self, before: datetime) -> Sequence[Job]:
        now = self.now()
        over = [
            job
            for job in self._all()
            if job.state in FINAL
            and job.artifact is None
            and (job.expires_at is None or job.expires_at < before)
            and (job.state not in UNSETTLED or job.due_at < now)
        ]
        finished = [(at, job.id, job) for job in over if (at := job.finished_at) is not None and at < before]
        return [job for _, _, job in sorted(finished, key=lambda found: found[:2])]

    def _all_of(self, tenant: str) -> Iterable[Job]:
        return (job for job in self._all() if job.tenant == tenant)

    def _waiting(self) -> Sequence[Job]:
        return self._due(self._all(), lambda job: job.waits_from)

    def _due(self, jobs: Iterable[Job], since: Callable[[Job], datetime | None]) -> Sequence[Job]:
        now = self.now()
        due = [(at, job.id, job) for job in jobs if (at := since(job)) is not None and at <= now]
        return [job for _, _, job in sorted(due, key=lambda found: found[:2])]

    def _downloadable(self, tenant: str, job_id: str) -> bool:
        job = self.get(tenant, job_id)
        if job is None or job.state is not State.READY or job.expires_at is None:
            return False
        return self.now() < job.expires_at

    def _held(self, claim: Claim) -> Job:
        job = self.get(claim.job.tenant, claim.job.id)
        if job is None or job.state is not State.RUNNING or job.fence != claim.fence:
            raise LeaseLost(state=job.state if job else "")
        return job

    def _change(self, job: Job, **changes: Any) -> Job:
        changed = evolve(job, revision=job.revision + 1, **changes)
        self._jobs[job.tenant, job.id] = changed
        return changed
