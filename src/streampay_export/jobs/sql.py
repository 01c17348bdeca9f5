"""
The job store in a database: SQLite, PostgreSQL or MariaDB.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve
from sqlalchemy import Connection, Engine, Select, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from .._core.closed_part import KeptPart, PartClaim, PlannedPart
from .._core.deadline import Deadline
from .._core.erasure import Erasure, Tombstone
from .._core.job import Claim, DatasetProgress, Failure, Job, WrappedKey
from .._core.lifecycle import FINAL, State, check_ending
from .._core.notification import PendingNotification
from .._core.ticket import Purpose
from .._core.trail import AuditEntry
from .._sql.database import Database
from .._sql.retrying import retrying
from .._sql.tables import JOBS, job_version_table
from .._sql.tables import job_table as jobs
from ..errors import InvalidRequest, JobStoreUnavailable, LeaseLost
from ..ports.jobs import Admission, Admitted, Completion, Idempotency, LinkUse, Overview
from .sql_admission import admit, forget_keys
from .sql_erasure import (
    all_erasures,
    change_erasure,
    hold_requests,
    is_reached,
    jobs_with,
    latest_erasure,
    locked_erasure,
    newer_jobs,
    put_erasure,
    refuse_erased,
    tag_job,
)
from .sql_links import beginning, can_open, count_opening, delete_links, going_on, insert_link
from .sql_notifications import (
    forget_notification,
    forget_notifications,
    postpone,
    put_notifications,
    take_notification,
    wrapping_keys,
)
from .sql_outbox import forget_entries, oldest_entries, put_entries
from .sql_overview import select_overview
from .sql_parts import (
    delete_parts,
    finish_part,
    lease_part,
    plan,
    put_part,
    select_parts,
    select_planned,
    take_part,
)
from .sql_pruning import prune_jobs, prune_keys
from .sql_rows import job_to_row, row_to_job

metadata = JOBS
"""The tables, as plain SQLAlchemy tables, for those who make and change theirs with Alembic."""
SCHEMA_VERSION = 7
# Two processes may insert at once where a database has no lock on what is not there yet. Then one is told,
# and on its next try finds what the other inserted.
_TRIES = 3


@retrying
class SqlJobStore:
    """
    Jobs and outbox in a database that several processes share. Thread-safe.

    Takes a database URL, whose connections `close` closes, or an engine, which stays its maker's. The
    tables are made by `create_tables`. An SQLite file is made private to its owner (0600), is written
    ahead (WAL) and overwrites what it deletes; with *make_folder* its folder is made too. *clock*, for
    tests, stands in for the database's clock.
    """

    def __init__(
        self,
        url_or_engine: str | Engine,
        *,
        clock: Callable[[], datetime] | None = None,
        make_folder: bool = False,
    ) -> None:
        self._database = Database(
            url_or_engine,
            key="jobs.url",
            unavailable=JobStoreUnavailable,
            clock=clock,
            make_folder=make_folder,
        )

    def create_tables(self) -> None:
        """
        Make the tables that are missing; safe to call at every start, by several processes at once.

        Raises `InvalidConfiguration` when the tables there are another release's.
        """
        self._database.create(JOBS, job_version_table, SCHEMA_VERSION)

    def close(self) -> None:
        """
        Close the connections this store opened.
        """
        self._database.close()

    def has_jobs(self) -> bool:
        """
        Say whether any tenant has a job, in whatever state.
        """
        with self._database.reading() as connection:
            return connection.scalars(select(jobs.c.id).limit(1)).first() is not None

    def now(self) -> datetime:
        """
        Ask the database for the time; SQLite answers in whole milliseconds.
        """
        with self._database.reading() as connection:
            return connection.scalars(select(self._database.now)).one()

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
        for _ in range(_TRIES):
            with suppress(IntegrityError), self._database.writing() as connection:
                refuse_erased(connection, job.tenant, tags, past)
                admitted = admit(connection, job, idempotency, entries)
                if admitted.admission is Admission.CREATED:
                    tag_job(connection, job.tenant, job.id, tags)
                    self._notify(connection, notifications)
                return admitted
        raise InvalidRequest("id", "an export with this id exists already; make a new id")

    def get(self, tenant: str, job_id: str) -> Job | None:
        """
        See `JobStore.get`.
        """
        if not _possible(tenant, job_id):
            return None
        found = self._jobs(select(jobs).where(jobs.c.tenant == tenant, jobs.c.id == job_id))
        return found[0] if found else None

    def list(
        self, tenant: str, tag: str, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[Job]:
        """
        See `JobStore.list`.
        """
        if not _possible(tenant, tag):
            return []
        theirs = [jobs.c.tenant == tenant, jobs.c.state != State.ERASED]
        if before is not None:
            theirs.append(tuple_(jobs.c.created_at, jobs.c.id) < before)
        owned = jobs.c.owner_tag == tag
        asked_for = (jobs.c.requester_tag == tag) & (jobs.c.owner_tag != tag)
        # One index-ordered leg each: with OR a database reads all that an operator ever asked for.
        newest = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        found = [job for leg in (owned, asked_for) for job in self._jobs(newest.where(leg, *theirs))]
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)[:limit]

    def claim(
        self, *, lease: timedelta, max_attempts: int, tenant: str | None = None, job_id: str | None = None
    ) -> Claim | None:
        """
        See `JobStore.claim`.
        """
        claimable = [jobs.c.attempts < max_attempts]
        if tenant is not None:
            claimable.append(jobs.c.tenant == tenant)
        if job_id is not None:
            claimable.append(jobs.c.id == job_id)
        if not _possible(tenant or "", job_id or ""):
            return None
        with self._database.writing() as connection:
            longest = self._longest_waiting(1).where(*claimable).with_for_update(skip_locked=True)
            row = connection.execute(longest).mappings().first()
            if row is None:
                return None
            job = row_to_job(row)
            claimed = self._change(
                connection,
                job,
                state=State.RUNNING,
                not_before=None,
                fence=job.fence + 1,
                attempts=job.attempts + 1,
                lease_until=self._instant(connection) + lease,
            )
            return Claim(job=claimed)

    def exhausted(self, *, max_attempts: int, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.exhausted`.
        """
        return self._jobs(self._longest_waiting(limit).where(jobs.c.attempts >= max_attempts))

    def waiting(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.waiting`.
        """
        return self._jobs(self._longest_waiting(limit))

    def renew(self, claim: Claim, lease: timedelta) -> Claim:
        """
        See `JobStore.renew`.
        """
        with self._database.writing() as connection:
            job = _held(connection, claim)
            until = self._instant(connection) + lease
            return Claim(job=self._change(connection, job, revision=job.revision, lease_until=until))

    def progress(self, claim: Claim, as_of: datetime, datasets: Sequence[DatasetProgress]) -> None:
        """
        See `JobStore.progress`.
        """
        with self._database.writing() as connection:
            self._change(connection, _held(connection, claim), as_of=as_of, datasets=datasets)

    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        """
        See `JobStore.keep_part`.
        """
        with self._database.writing() as connection:
            job = _held(connection, claim)
            self._change(connection, job, as_of=as_of, revision=job.revision)
            put_part(connection, job.tenant, job.id, part)

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        """
        See `JobStore.kept_parts`.
        """
        if not _possible(tenant, job_id):
            return []
        with self._database.reading() as connection:
            return select_parts(connection, tenant, job_id)

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        """
        See `JobStore.plan_parts`.
        """
        with self._database.writing() as connection:
            job = _held(connection, claim)
            self._change(connection, job, as_of=as_of, revision=job.revision)
            plan(connection, job.tenant, job.id, parts)

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        """
        See `JobStore.planned_parts`.
        """
        if not _possible(tenant, job_id):
            return []
        with self._database.reading() as connection:
            return select_planned(connection, tenant, job_id)

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        """
        See `JobStore.claim_part`.
        """
        if not _possible(tenant or "", job_id or ""):
            return None
        with self._database.writing() as connection:
            until = self._instant(connection) + lease
            return take_part(connection, self._database.now, until, tenant, job_id)

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        """
        See `JobStore.renew_part`.
        """
        with self._database.writing() as connection:
            lease_part(connection, claim, self._instant(connection) + lease)

    def release_part(self, claim: PartClaim) -> None:
        """
        See `JobStore.release_part`.
        """
        with suppress(LeaseLost), self._database.writing() as connection:
            lease_part(connection, claim, None)

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        """
        See `JobStore.close_part`.
        """
        with self._database.writing() as connection:
            finish_part(connection, claim, part)

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
        with self._database.writing() as connection:
            held = _held(connection, claim)
            if is_reached(connection, held.tenant, held.id):
                raise LeaseLost(state=State.ERASED)
            ready = self._change(
                connection,
                held,
                state=State.READY,
                lease_until=None,
                as_of=completion.as_of,
                completeness=completion.completeness,
                datasets=completion.datasets,
                artifact=completion.artifact,
                expires_at=completion.expires_at,
                finished_at=self._instant(connection),
            )
            delete_parts(connection, ready.tenant, ready.id)
            put_entries(connection, entries)
            self._notify(connection, notifications)
            return ready

    def release(self, claim: Claim, *, not_before: datetime | None = None, give_back: bool = False) -> Job:
        """
        See `JobStore.release`.
        """
        with self._database.writing() as connection:
            job = _held(connection, claim)
            return self._change(
                connection,
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
        with self._database.writing() as connection:
            job = _locked(connection, before.tenant, before.id)
            if job is None or job.state not in expected or job.deadline != before.deadline:
                return None
            stopped = deadline.paused_at is not None and job.state is State.RUNNING
            rescheduled = self._change(
                connection,
                job,
                due_at=deadline.due_at,
                extension=deadline.extension,
                paused_at=deadline.paused_at,
                state=State.QUEUED if stopped else job.state,
                lease_until=None if stopped else job.lease_until,
                fence=job.fence + stopped,
                attempts=job.attempts - stopped,
            )
            put_entries(connection, entries)
            self._notify(connection, notifications)
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
        See `JobStore.end`. On SQLite the write-ahead log is emptied of what was shredded.
        """
        check_ending(expected, state)
        with self._database.writing() as connection:
            job = _locked(connection, tenant, job_id)
            if job is None or job.state not in expected or fence not in {None, job.fence}:
                return None
            ended = self._end(connection, job, state, failure=failure or job.failure)
            put_entries(connection, entries)
            self._notify(connection, notifications)
        self._database.truncate_log()
        return ended

    def expired(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.expired`.
        """
        ready = select(jobs).where(jobs.c.state == State.READY, jobs.c.expires_at <= self._database.now)
        return self._jobs(ready.order_by(jobs.c.expires_at, jobs.c.id).limit(limit))

    def orphans(self, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.orphans`.
        """
        ended = select(jobs).where(jobs.c.orphaned_at.is_not(None))
        return self._jobs(ended.order_by(jobs.c.orphaned_at, jobs.c.id).limit(limit))

    def forget_artifact(self, tenant: str, job_id: str) -> None:
        """
        See `JobStore.forget_artifact`.
        """
        with self._database.writing() as connection:
            job = _locked(connection, tenant, job_id)
            if job is not None and job.state in FINAL and job.artifact is not None:
                self._change(connection, job, artifact=None)

    def overview(self, tenant: str) -> Overview:
        """
        See `JobStore.overview`.
        """
        if not _possible(tenant):
            return Overview(counts=dict.fromkeys(State, 0), waiting_since=None, overdue=())
        with self._database.reading() as connection:
            return select_overview(connection, self._database.now, tenant)

    def prune(self, *, ended_before: datetime, keys_before: datetime, limit: int = 100) -> int:
        """
        See `JobStore.prune`.
        """
        with self._database.writing() as connection:
            keys = prune_keys(connection, keys_before, limit)
            return keys + prune_jobs(connection, self._database.now, ended_before, limit)

    def wrapped_under(self, key_id: str, limit: int = 100) -> Sequence[Job]:
        """
        See `JobStore.wrapped_under`.
        """
        under = select(jobs).where(jobs.c.wrapped_key_id == key_id)
        return self._jobs(under.order_by(jobs.c.tenant, jobs.c.id).limit(limit))

    def rewrap(self, job: Job, wrapped: WrappedKey) -> bool:
        """
        See `JobStore.rewrap`. On SQLite the write-ahead log is emptied of the former wrapping.
        """
        if job.wrapped_key is None:
            return False
        this = (jobs.c.tenant == job.tenant, jobs.c.id == job.id)
        same = (
            jobs.c.wrapped_key_id == job.wrapped_key.key_id,
            jobs.c.wrapped_key == job.wrapped_key.ciphertext,
        )
        values = {"wrapped_key_id": wrapped.key_id, "wrapped_key": wrapped.ciphertext}
        with self._database.writing() as connection:
            changed = connection.execute(update(jobs).where(*this, *same).values(values)).rowcount == 1
        self._database.truncate_log()
        return changed

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
        if not _possible(tenant, job_id, opened_from or ""):
            return False
        now = self._database.now
        terms = {
            "purpose": purpose, "expires_at": expires_at, "begun_limit": limit, "opened_from": opened_from
        }  # fmt: skip
        try:
            with self._database.writing() as connection:
                if opened_from is not None and not count_opening(connection, now, (tenant, job_id, opened_from)):
                    return False
                return insert_link(connection, now, (tenant, job_id, link_id), terms)
        except IntegrityError:
            raise InvalidRequest("link", "a link with this id exists already; make a new id") from None

    def may_open(self, tenant: str, job_id: str, link_id: str) -> bool:
        """
        See `JobStore.may_open`.
        """
        if not _possible(tenant, job_id, link_id):
            return False
        with self._database.reading() as connection:
            return can_open(connection, self._database.now, (tenant, job_id, link_id))

    def use_link(self, tenant: str, job_id: str, link_id: str, *, session: timedelta) -> LinkUse | None:
        """
        See `JobStore.use_link`. Only what begins a session writes.
        """
        if not _possible(tenant, job_id, link_id):
            return None
        name = (tenant, job_id, link_id)

        def going() -> LinkUse | None:
            with self._database.reading() as connection:
                return going_on(connection, self._database.now, name, session)

        def begun() -> LinkUse | None:
            with self._database.writing() as connection:
                return beginning(connection, self._database.now, name)

        # Who wanted to begin what another has begun meanwhile goes on with it.
        return going() or begun() or going()

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
        with self._database.writing() as connection:
            put_entries(connection, entries)
            if not _possible(tenant, owner_tag or "", job_id or "", link_id or ""):
                return 0
            return delete_links(connection, tenant, owner_tag=owner_tag, job_id=job_id, link_id=link_id)

    def begin_erasure(self, erasure: Erasure, *, past: str | None = None) -> Erasure:
        """
        See `JobStore.begin_erasure`.
        """
        with self._database.writing() as connection:
            hold_requests(connection)
            stone = evolve(erasure.tombstone, at=self._instant(connection))
            latest = latest_erasure(connection, stone.tenant, stone.tags)
            if latest is not None and latest.tombstone.receipt != past and latest.tombstone.covers(stone.tags):
                since = evolve(stone, at=latest.tombstone.at)
                if not newer_jobs(connection, since):
                    return latest
            return put_erasure(connection, evolve(erasure, tombstone=stone))

    def erasure_of(self, tenant: str, tags: Collection[str]) -> Erasure | None:
        """
        See `JobStore.erasure_of`.
        """
        if not _possible(tenant, *tags):
            return None
        with self._database.reading() as connection:
            return latest_erasure(connection, tenant, tags)

    def erasures(self, *, unfinished: bool = False) -> Sequence[Erasure]:
        """
        See `JobStore.erasures`.
        """
        with self._database.reading() as connection:
            return all_erasures(connection, unfinished=unfinished)

    def erase(
        self, tombstone: Tombstone, number: int, notifications: Sequence[PendingNotification] = ()
    ) -> tuple[Erasure, Sequence[Job]]:
        """
        See `JobStore.erase`. On SQLite the write-ahead log is emptied of what was shredded.
        """
        with self._database.writing() as connection:
            hold_requests(connection)
            erasure = locked_erasure(connection, tombstone.tenant, tombstone.receipt)
            erasure = erasure or put_erasure(connection, Erasure(tombstone=tombstone))
            theirs = jobs_with(tombstone).where(jobs.c.created_at <= tombstone.at).with_for_update()
            found = [row_to_job(row) for row in connection.execute(theirs).mappings().all()]
            living = [job for job in found if job.state is not State.ERASED]
            ended = {
                job.id: self._end(connection, job, State.ERASED, failure=None, extension=None) for job in living
            }
            self._notify(connection, notifications)
            exports = erasure.exports + len(living)
            erasure = change_erasure(connection, erasure, number=number, exports=exports)
        self._database.truncate_log()
        return erasure, [ended.get(job.id, job) for job in found]

    def finish_erasure(self, tenant: str, receipt: str, entries: Sequence[AuditEntry] = ()) -> Erasure | None:
        """
        See `JobStore.finish_erasure`. On SQLite the write-ahead log is emptied of who it was.
        """
        if not _possible(tenant, receipt):
            return None
        with self._database.writing() as connection:
            erasure = locked_erasure(connection, tenant, receipt)
            if erasure is None or erasure.finished_at is not None:
                return erasure
            put_entries(connection, entries)
            now = self._instant(connection)
            finished = change_erasure(connection, erasure, sealed=None, wrapped_key=None, finished_at=now)
        self._database.truncate_log()
        return finished

    def pending(self, limit: int = 100) -> Sequence[AuditEntry]:
        """
        See `Outbox.pending`.
        """
        with self._database.reading() as connection:
            return oldest_entries(connection, limit)

    def delivered(self, entry_ids: Sequence[str]) -> None:
        """
        See `Outbox.delivered`.
        """
        with self._database.writing() as connection:
            forget_entries(connection, entry_ids)

    def keep(self, entries: Sequence[AuditEntry]) -> None:
        """
        See `Outbox.keep`.
        """
        for _ in range(_TRIES):
            with suppress(IntegrityError), self._database.writing() as connection:
                return put_entries(connection, entries)
        raise JobStoreUnavailable("others kept storing the same entries")

    def claim_notification(self, *, lease: timedelta) -> PendingNotification | None:
        """
        See `Outbox.claim_notification`.
        """
        with self._database.writing() as connection:
            return take_notification(connection, self._database.now, self._instant(connection) + lease)

    def postpone(self, pending: PendingNotification, until: datetime, *, give_back: bool = False) -> None:
        """
        See `Outbox.postpone`.
        """
        with self._database.writing() as connection:
            postpone(connection, pending, until, give_back=give_back)

    def notified(self, pending: PendingNotification) -> None:
        """
        See `Outbox.notified`. On SQLite the write-ahead log is emptied of whom it was about.
        """
        with self._database.writing() as connection:
            forget_notification(connection, pending)
        self._database.truncate_log()

    def notification_keys(self) -> Collection[str]:
        """
        See `Outbox.notification_keys`.
        """
        with self._database.reading() as connection:
            return wrapping_keys(connection)

    def _notify(self, connection: Connection, notifications: Sequence[PendingNotification]) -> None:
        if notifications:
            put_notifications(connection, notifications, self._instant(connection))

    def _instant(self, connection: Connection) -> datetime:
        return connection.scalars(select(self._database.now)).one()

    def _jobs(self, query: Select[Any]) -> Sequence[Job]:
        with self._database.reading() as connection:
            return [row_to_job(row) for row in connection.execute(query).mappings()]

    def _longest_waiting(self, limit: int) -> Select[Any]:
        waits = select(jobs).where(jobs.c.waits_from <= self._database.now)
        return waits.order_by(jobs.c.waits_from, jobs.c.id).limit(limit)

    def _end(self, connection: Connection, job: Job, state: State, **changes: Any) -> Job:
        ended = self._change(connection, job, **job.ended_as(state, self._instant(connection)), **changes)
        delete_links(connection, job.tenant, job_id=job.id)
        forget_notifications(connection, job.tenant, job.id)
        delete_parts(connection, job.tenant, job.id)
        if state is State.ERASED:
            forget_keys(connection, job.tenant, job.id)
        return ended

    def _change(self, connection: Connection, job: Job, **changes: Any) -> Job:
        changed = evolve(job, **{"revision": job.revision + 1} | changes)
        before, after = job_to_row(job), job_to_row(changed)
        values = {column: value for column, value in after.items() if value != before[column]}
        unchanged = (jobs.c.state == job.state, jobs.c.fence == job.fence)
        this = update(jobs).where(jobs.c.tenant == job.tenant, jobs.c.id == job.id, *unchanged)
        if values and connection.execute(this.values(values)).rowcount != 1:
            raise JobStoreUnavailable("a job changed although its row was locked")
        return changed


def _possible(*names: str) -> bool:
    # No driver is asked about a NUL or a lone surrogate, which some refuse with an error.
    return all(name.isascii() and name.isprintable() for name in names)


def _locked(connection: Connection, tenant: str, job_id: str) -> Job | None:
    if not _possible(tenant, job_id):
        return None
    this = select(jobs).where(jobs.c.tenant == tenant, jobs.c.id == job_id).with_for_update()
    row = connection.execute(this).mappings().first()
    return None if row is None else row_to_job(row)


def _held(connection: Connection, claim: Claim) -> Job:
    job = _locked(connection, claim.job.tenant, claim.job.id)
    if job is None or job.state is not State.RUNNING or job.fence != claim.fence:
        raise LeaseLost(state=job.state if job else "")
    return job
