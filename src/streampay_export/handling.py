"""
What staff do about a request: extend its deadline, pause and resume its clock, refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from ._core.deadline import Deadline, Extension
from ._core.job import REFUSED, Failure, Job
from ._core.lifecycle import ACTIVE, State
from ._core.notification import Occasion
from ._core.party import Actor
from ._core.sentence import sentence
from ._core.trail import AuditEntry, Event
from ._core.wire import spell_instant
from .errors import ExportNotActive, JobStoreUnavailable, NotExtendable, NotFound
from .recording import Recorder
from .telling import Telling
from .wiring import Wiring

# Each try that fails is somebody else's success.
_TRIES = 5


@frozen
class Handling:
    """
    Changes jobs that the caller has found and may handle; each change is recorded in its own
    transaction. Returns the job as it is then. Thread-safe when its ports are.
    """

    _wiring: Wiring
    _record: Recorder

    def extend(self, actor: Actor, job: Job, reason: str) -> Job:
        """
        See `ExportService.extend`.
        """
        told = sentence("reason", reason)
        rule = self._wiring.deadline

        def extended(job: Job, now: datetime) -> Deadline:
            if not job.unanswered:
                raise NotExtendable(f"the export is {job.state}, and so answered")
            if job.extension is not None:
                raise NotExtendable("it was extended before")
            if job.deadline.passed(now):
                raise NotExtendable("it has passed")
            # By the difference, so that what a pause added stays.
            by = rule.extended(job.received_at) - rule.due(job.received_at)
            return job.deadline.extended(Extension(reason=told, at=now), by)

        return self._rescheduled(actor, job, Event.EXTENDED, extended)

    def pause(self, actor: Actor, job: Job) -> Job:
        """
        See `ExportService.pause`.
        """

        def paused(job: Job, now: datetime) -> Deadline:
            _require_active(job)
            return job.deadline.paused(now)

        return self._rescheduled(actor, job, Event.PAUSED, paused)

    def resume(self, actor: Actor, job: Job) -> Job:
        """
        See `ExportService.resume`.
        """

        def resumed(job: Job, now: datetime) -> Deadline:
            _require_active(job)
            return job.deadline.resumed(now)

        job = self._rescheduled(actor, job, Event.RESUMED, resumed)
        self._wiring.dispatcher.ring(job.tenant, job.id)
        return job

    def refuse(self, actor: Actor, job: Job, reason: str, remedies: str) -> Job:
        """
        See `ExportService.refuse`.
        """
        failure = Failure(
            slug=REFUSED, sentence=sentence("reason", reason), remedies=sentence("remedies", remedies)
        )
        ended = self._wiring.jobs.end(
            job.tenant,
            job.id,
            expected=ACTIVE,
            state=State.FAILED,
            failure=failure,
            entries=[self._entry(Event.REFUSED, actor, job, self._wiring.jobs.now())],
            notifications=Telling(self._wiring).of(Occasion.REFUSED, job),
        )
        if ended is None:
            raise ExportNotActive(state=self._again(job).state)
        self._record.deliver()
        return ended

    def _rescheduled(
        self, actor: Actor, job: Job, event: Event, decide: Callable[[Job, datetime], Deadline]
    ) -> Job:
        jobs = self._wiring.jobs
        for _ in range(_TRIES):
            now = jobs.now()
            deadline = decide(job, now)
            if deadline == job.deadline:
                return job
            dates = {"was_due_at": spell_instant(job.due_at), "due_at": spell_instant(deadline.due_at)}
            entry = self._entry(event, actor, job, now, **dates)
            # Work may begin and stop meanwhile, but what ends is decided on anew.
            expected = ACTIVE if job.active else {job.state}
            told = Telling(self._wiring).of(Occasion.EXTENDED, job) if event is Event.EXTENDED else ()
            changed = jobs.reschedule(job, deadline, expected=expected, entries=[entry], notifications=told)
            if changed is not None:
                self._record.deliver()
                return changed
            job = self._again(job)
        raise JobStoreUnavailable("others kept changing the same export")

    def _again(self, job: Job) -> Job:
        found = self._wiring.jobs.get(job.tenant, job.id)
        if found is None or found.state is State.ERASED:
            raise NotFound
        return found

    def _entry(self, event: Event, actor: Actor, job: Job, at: datetime, **facts: str) -> AuditEntry:
        entry_id = f"{job.id}:{job.revision}:{event}"  # as it may recur
        return self._record.by_actor(event, entry_id, actor, job.id, job.owner_tag, at, **facts)


def _require_active(job: Job) -> None:
    if not job.active:
        raise ExportNotActive(state=job.state)
