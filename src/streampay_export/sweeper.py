"""
Puts right what nobody else will: begun erasures, expired exports, exhausted jobs, leftovers, undelivered entries.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from attrs import asdict, field, frozen

from ._core.job import Failure, Job, key_context
from ._core.lifecycle import State
from ._core.notification import Occasion
from ._core.trail import Event
from .erasing import Erasing
from .errors import ExportError
from .notifying import Notifying
from .ports.telemetry import Measure, Span
from .recording import Recorder
from .restored import RestoredCheck
from .telling import Telling
from .tidying import Tidied, Tidying
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

SWEEP_EVERY = timedelta(seconds=10)
# Going through the storage is a request and two questions to the job store for each thousand objects.
TIDY_EVERY = timedelta(hours=1)
# How many rows are asked for at once, and how many may fail before the rest of their kind waits for the next round.
BATCH = 100
# Between wrapping a job key and storing it there is a moment when no row shows it.
SETTLED = timedelta(hours=1)
# An erasure this old is nobody's any more who is still at it.
BEGUN = timedelta(minutes=1)
# A day it wraps, seven more it unwraps: then what is still wrapped under it goes under the newest.
LEAVES_AFTER = timedelta(days=7)


@frozen(kw_only=True)
class Swept:
    """
    What one sweep did, in numbers; *failures* are rows it could not handle and left for the next.

    *objects* are those it looked at in storage, 0 where it did not come to their end; *forgotten* are rows of
    exports, and idempotency keys, that were past their period.
    """

    expired: int = 0
    deleted: int = 0
    exhausted: int = 0
    rung: int = 0
    objects: int = 0
    orphans: int = 0
    leftovers: int = 0
    forgotten: int = 0
    erased: int = 0
    key_versions_destroyed: int = 0
    delivered: int = 0
    told: int = 0
    failures: int = 0


@frozen
class Sweeper:
    """
    Safe to run anywhere, any number at once: every step names the state it expects. Thread-safe.
    """

    _wiring: Wiring
    stop: threading.Event = field(factory=threading.Event)
    _record: Recorder = field(init=False)
    _check: RestoredCheck = field(init=False)
    _erasing: Erasing = field(init=False)
    _notifying: Notifying = field(init=False)

    def __attrs_post_init__(self) -> None:
        w = self._wiring
        object.__setattr__(self, "_record", Recorder(w.audit, w.outbox, w.tagger))
        object.__setattr__(self, "_check", RestoredCheck(w))
        object.__setattr__(self, "_erasing", Erasing(w, self._record))
        object.__setattr__(self, "_notifying", Notifying(w, self._record))

    def sweep(self, *, tidy: bool = True) -> Swept:
        """
        Do one round. A row that cannot be handled blocks no other.

        Without *tidy* the storage is not gone through, nor are rows deleted that are past their period.

        Raises `JobStoreUnavailable` when the job store is away; then nothing can be known. Raises
        `ErasuresMissing` over a job database that is behind the tombstone log.
        """
        self._check()
        telemetry = self._wiring.telemetry
        with telemetry.span(Span.SWEEP) as span:
            swept = self._sweep(tidy=tidy)
            span.add(**asdict(swept))
        telemetry.count(Measure.SWEEPS)
        return swept

    def _sweep(self, *, tidy: bool) -> Swept:
        jobs = self._wiring.jobs
        failures = [0]

        erased = self._finish_erasures(failures)
        expired = self._each(jobs.expired, self._expire, failures)
        exhausted = self._each(self._exhausted, self._give_up, failures)
        deleted = self._each(jobs.orphans, self._delete_artifact, failures)
        rung = sum(self._try(self._ring, row, failures) for row in self._waiting())
        tidied = Tidying(self._wiring).run() if tidy else Tidied()
        destroyed = self._keep_versions(failures)
        told, untold = self._notifying.deliver()
        delivered = self._record.deliver()
        self._checkpoint(failures)
        return Swept(
            expired=expired,
            deleted=deleted,
            exhausted=exhausted,
            rung=rung,
            objects=tidied.objects,
            orphans=tidied.orphans,
            leftovers=tidied.leftovers,
            forgotten=tidied.forgotten,
            erased=erased,
            key_versions_destroyed=destroyed,
            delivered=delivered,
            told=told,
            failures=failures[0] + tidied.failures + untold,
        )

    def run(self, every: timedelta = SWEEP_EVERY) -> None:
        """
        Sweep every ten seconds until *stop* is set; a failed round is logged and the next one tries.

        The first round tidies, and then one in an hour; one that did not come to its end is followed by another.
        """
        rounds = waited = max(TIDY_EVERY // every, 1)
        while not self.stop.wait(every.total_seconds()):
            waited += 1
            try:
                if self.sweep(tidy=waited >= rounds).objects:
                    waited = 0
            except ExportError as error:
                logger.warning("sweeper: %s", error)

    def _each(self, find: Callable[[int], Sequence[Job]], step: Callable[[Job], bool], failures: list[int]) -> int:
        """
        Do a step for every row there is, whichever fail; when a batch of them has, the rest waits.
        """
        done, tried, left = 0, set[tuple[str, str]](), 0
        before = failures[0]
        while failures[0] - before < BATCH:
            rows = [job for job in find(BATCH + left) if (job.tenant, job.id) not in tried]
            if not rows:
                break
            now_done = sum(self._try(step, job, failures) for job in rows)
            done, left = done + now_done, left + len(rows) - now_done
            tried.update((job.tenant, job.id) for job in rows)
        return done

    def _exhausted(self, limit: int) -> Sequence[Job]:
        return self._wiring.jobs.exhausted(max_attempts=self._wiring.max_attempts, limit=limit)

    def _try(self, step: Callable[[Job], bool], job: Job, failures: list[int]) -> int:
        try:
            return int(step(job))
        except ExportError as error:
            logger.warning("sweeper: export %s: %s", job.id, error)
            failures[0] += 1
            return 0

    def _finish_erasures(self, failures: list[int]) -> int:
        """
        Go on with the erasures that whoever began them did not finish.
        """
        finished, now = 0, self._wiring.jobs.now()
        for erasure in self._wiring.jobs.erasures(unfinished=True):
            if now - erasure.tombstone.at < BEGUN:
                continue
            try:
                done = self._erasing.go_on(erasure)
            except ExportError as error:
                logger.warning("sweeper: erasure %s: %s", erasure.tombstone.receipt, error)
                done = False
            finished += done
            failures[0] += not done
        return finished

    def _waiting(self) -> Sequence[Job]:
        waiting = self._wiring.jobs.waiting()
        since = waiting[0].waits_from if waiting else None
        age = (self._wiring.jobs.now() - since).total_seconds() if since else 0
        self._wiring.telemetry.gauge(Measure.QUEUE_AGE, age)
        return waiting

    def _expire(self, job: Job) -> bool:
        entry = self._record.by_system(Event.EXPIRED, job, self._wiring.jobs.now())
        ended = self._wiring.jobs.end(
            job.tenant, job.id, expected={State.READY}, state=State.EXPIRED, entries=[entry]
        )
        return ended is not None

    def _give_up(self, job: Job) -> bool:
        slug = "attempts-exhausted"
        entry = self._record.by_system(Event.FAILED, job, self._wiring.jobs.now(), error=slug)
        sentence = f"the export was begun {job.attempts} times and never came to its end; ask for a new one"
        ended = self._wiring.jobs.end(
            job.tenant,
            job.id,
            expected={State.QUEUED, State.RUNNING},
            state=State.FAILED,
            fence=job.fence,
            failure=Failure(slug=slug, sentence=sentence),
            entries=[entry],
            notifications=Telling(self._wiring).of(Occasion.FAILED, job),
        )
        if ended is not None:
            self._wiring.telemetry.count(Measure.FAILURES, tenant=job.tenant, slug=slug)
        return ended is not None

    def _delete_artifact(self, job: Job) -> bool:
        if job.artifact is not None:
            self._wiring.storage.delete(job.artifact.key)
            self._wiring.jobs.forget_artifact(job.tenant, job.id)
        return True

    def _ring(self, job: Job) -> bool:
        self._wiring.dispatcher.ring(job.tenant, job.id)
        return True

    def _checkpoint(self, failures: list[int]) -> None:
        try:
            self._wiring.checkpoint()
        except ExportError as error:
            logger.warning("sweeper: audit: %s", error)
            failures[0] += 1

    def _keep_versions(self, failures: list[int]) -> int:
        """
        See to it that today's version of the key-encryption key is there, and those go that wrap nothing.
        """
        w = self._wiring
        if w.versions is None:
            return 0
        destroyed = 0
        try:
            now = w.jobs.now()
            w.versions.renew(now)
            # Whom an erasure is about is sealed until it is finished.
            held = {each.wrapped_key.key_id for each in w.jobs.erasures(unfinished=True) if each.wrapped_key}
            told = w.outbox.notification_keys()
            for key_id, since in w.versions.retired().items():
                leaves = now - since >= LEAVES_AFTER
                if leaves:
                    for job in w.jobs.wrapped_under(key_id):
                        self._try(self._rewrap, job, failures)
                # Who could not be told for a week is not told.
                free = (
                    key_id not in held
                    and (leaves or key_id not in told)
                    and not w.jobs.wrapped_under(key_id, limit=1)
                )
                if now - since >= SETTLED and free:
                    w.versions.destroy(key_id)
                    destroyed += 1
        except ExportError as error:
            logger.warning("sweeper: key versions: %s", error)
            failures[0] += 1
        return destroyed

    def _rewrap(self, job: Job) -> bool:
        w, context = self._wiring, key_context(job.tenant, job.id)
        wrapped = job.wrapped_key
        return wrapped is not None and w.jobs.rewrap(job, w.keys.wrap(w.keys.unwrap(wrapped, context), context))
