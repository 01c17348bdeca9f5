"""
Exports every subject of a list, one after the other: asks, works, hands over, and notes what became of each.

The service, the worker and the download are those of a single export. So are authorisation and audit, per subject,
with the run's basis among the grounds of every access. A run sends nobody a notification.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, field, frozen

from .._core.bulk import BulkItem, BulkTerms
from .._core.job import Failure, Job
from .._core.lifecycle import State
from .._core.party import Actor, Subject
from ..download import Download
from ..errors import (
    BackendError,
    ExportError,
    ExportGone,
    ExportNotReady,
    Interrupted,
    NotFound,
    RunBrokenOff,
    SetupError,
    Stopped,
)
from ..ports.authorize import Access, Allowed, Authorizer
from ..service import ExportService
from ..wiring import Wiring
from ..worker import Worker
from .journal import Journal

# So many in a row that something outside failed: then it is not about a subject.
MOST_OUTSIDE = 3
ASK_AGAIN = timedelta(seconds=1)

_OUTSIDE = frozenset(each.slug for each in BackendError.__subclasses__() if each.retry)


@frozen(kw_only=True)
class BulkRun:
    """
    One run over *journal*, by *actor*. *deliver* takes each bundle, and may raise `StorageUnavailable`.

    *pace* is the least time between the beginnings of two exports. *tell* hears of every subject. Setting *stop*
    ends the run at the next page, and it goes on from there when it is run again. *wait* waits so many seconds,
    and returns whether it was stopped meanwhile. Used by one thread.
    """

    wiring: Wiring
    actor: Actor
    journal: Journal
    deliver: Callable[[Download], object]
    tell: Callable[[BulkItem], object] = field(default=lambda _: None)
    pace: timedelta = timedelta(0)
    stop: threading.Event = field(factory=threading.Event)
    wait: Callable[[float], bool] = field()
    _service: ExportService = field(init=False)
    _workers: dict[int, Worker] = field(factory=dict, init=False)

    @wait.default
    def _until_stopped(self) -> Callable[[float], bool]:
        return self.stop.wait

    def __attrs_post_init__(self) -> None:
        terms = self.journal.terms
        stating = stated(self.wiring.authorize, terms.basis, f"bulk run {terms.run_id}")
        object.__setattr__(self, "_service", ExportService(evolve(self.wiring, authorize=stating)))

    @property
    def terms(self) -> BulkTerms:
        """
        What holds for every subject.
        """
        return self.journal.terms

    def run(self, subjects: Iterable[Subject]) -> None:
        """
        Export every subject that has no bundle of this run yet; what fails about one is noted, and the next begun.

        Raises `Interrupted`, `SetupError`, and `BackendError`: `RunBrokenOff` after three exports in a row that
        failed by something outside. The run goes on when it is run again.
        """
        outside = 0
        begin_at = self.wiring.clock()
        for number, subject in enumerate(subjects, 1):
            tag = self.wiring.tagger.owner_tag(self.actor.tenant, subject.id)
            before = self.journal.find(tag)
            if before is not None and before.done:
                self.tell(before)
                continue
            begin_at = self._paced(begin_at)
            tries = before.tries + 1 if before else 1
            item = self._export(BulkItem(number=number, owner_tag=tag, tries=tries), subject)
            self.journal.record(item)
            self.tell(item)
            outside = outside + 1 if item.slug in _OUTSIDE else 0
            if outside == MOST_OUTSIDE:
                raise RunBrokenOff(failed=outside, cause=item.slug)

    def _paced(self, begin_at: datetime) -> datetime:
        """
        Wait until it is time, and return when it is time for the next.
        """
        now = self.wiring.clock()
        if self.stop.is_set() or (begin_at > now and self.wait((begin_at - now).total_seconds())):
            raise Interrupted
        return max(begin_at, now) + self.pace

    def _export(self, item: BulkItem, subject: Subject) -> BulkItem:
        try:
            # The key is new only once a try has ended: whatever was interrupted goes on.
            requested = self._service.request(
                self.actor,
                subject,
                profile=self.terms.profile,
                formats=self.terms.formats,
                datasets=self.terms.datasets,
                idempotency_key=f"bulk {self.terms.run_id} {item.tries}",
                tell=False,
            )
            item = evolve(item, job_id=requested.export.id)
            job = self._worked(item.job_id)
            item = evolve(item, state=str(job.state))
            if job.state is State.FAILED:
                failure = job.failure or Failure(slug="internal", sentence="")
                return evolve(item, slug=failure.slug)
            self._hand_over(job)
        except ExportError as error:
            if error.retry or isinstance(error, (SetupError, Stopped)):
                raise
            return evolve(item, slug=error.slug)
        rows = sum(each.written for each in job.datasets)
        return evolve(item, rows=rows, sha256=job.artifact.sha256 if job.artifact else "")

    def _worked(self, job_id: str) -> Job:
        jobs, tenant = self.wiring.jobs, self.actor.tenant
        while True:
            job = jobs.get(tenant, job_id)
            if job is None:
                raise NotFound
            if not job.active:
                return job
            if job.paused_at is not None:
                raise ExportNotReady(state="paused")
            if job.waits_from is not None and job.waits_from <= jobs.now():
                self._worker(job.attempts + 1).work(tenant, job_id)
            elif job.state is State.QUEUED:
                raise ExportNotReady(state="waiting to be tried again")
            elif self.wait(ASK_AGAIN.total_seconds()):
                raise Interrupted

    def _worker(self, attempts: int) -> Worker:
        """
        Return a worker that makes one attempt: what fails is noted, and tried again when the run is.
        """
        if attempts not in self._workers:
            self._workers[attempts] = Worker(evolve(self.wiring, max_attempts=attempts), self.stop)
        return self._workers[attempts]

    def _hand_over(self, job: Job) -> None:
        if job.state is not State.READY:
            raise ExportGone(state=job.state)
        url = self._service.link(self.actor, job.id).url
        ticket = parse_qs(urlsplit(url).query)["ticket"][0]
        self.deliver(self._service.open(self.actor, job.id, ticket))


def stated(authorize: Authorizer, basis: str, run: str) -> Authorizer:
    """
    Return an authoriser that decides as *authorize* does, and on whose grounds the run and its basis stand.
    """

    def stating(access: Access) -> Allowed | bool:
        answer = authorize(access)
        allowed = Allowed() if answer is True else answer
        return evolve(allowed, basis=basis, evidence=run) if isinstance(allowed, Allowed) else allowed

    return stating
