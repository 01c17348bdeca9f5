"""
Works off one job at a time: claim, export, publish, and say how it ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from attrs import field, frozen

from ._core.job import Artifact, Claim, Failure, Job
from ._core.lifecycle import State
from ._core.notification import Occasion
from ._core.party import Subject
from ._core.trail import Event
from ._core.wire import read_subject
from .artifact import artifact_file, publish, read_back, sealer_of
from .bundle import BundleContents, assemble
from .collecting import Collecting
from .errors import BackendError, ExportError, Interrupted, LeaseLost, Stopped, StorageUnavailable
from .keeping import PartKeeper
from .lease import Lease
from .packing import PackedStage
from .ports.jobs import Completion
from .ports.keys import Sealer
from .ports.telemetry import Measure, Span
from .recording import Recorder
from .restored import RestoredCheck
from .sharing import read_planned_part
from .telling import Telling
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(minutes=10)


@frozen
class Worker:
    """
    Claims jobs and works on them. Thread-safe: each call works on one job of its own.

    *stop*, once set, ends the job at hand at its next page and gives its attempt back.
    """

    _wiring: Wiring
    stop: threading.Event = field(factory=threading.Event)
    _record: Recorder = field(init=False)
    _check: RestoredCheck = field(init=False)

    def __attrs_post_init__(self) -> None:
        w = self._wiring
        object.__setattr__(self, "_record", Recorder(w.audit, w.outbox, w.tagger))
        object.__setattr__(self, "_check", RestoredCheck(w))

    def work(self, tenant: str | None = None, job_id: str | None = None) -> Job | None:
        """
        Claim one waiting job (that one, if named), work on it, and return it as it is then.

        Returns `None` when nothing waits. Never raises for what is wrong with a job: the job's row
        says it. Raises `JobStoreUnavailable` when the store is away, `Interrupted` once *stop* is set, and
        `ErasuresMissing` over a job database that is behind the tombstone log.
        """
        self._check()
        w = self._wiring
        claim = w.jobs.claim(lease=w.lease, max_attempts=w.max_attempts, tenant=tenant, job_id=job_id)
        if claim is None:
            return self._help(tenant, job_id) if w.fan_out else None
        return self._watched(claim)

    def _watched(self, claim: Claim) -> Job | None:
        job, telemetry = claim.job, self._wiring.telemetry
        telemetry.count(Measure.RUNNING, 1, tenant=job.tenant)
        try:
            with telemetry.span(Span.ATTEMPT, tenant=job.tenant, job=job.id, attempt=job.attempts) as span:
                ended = self._work(claim)
                span.add(state=ended.state if ended else "gone")
                if ended and ended.failure:
                    span.add(slug=ended.failure.slug)
                return ended
        finally:
            telemetry.count(Measure.RUNNING, -1, tenant=job.tenant)

    def _work(self, claim: Claim) -> Job | None:
        w = self._wiring
        try:
            with Lease(w.renewals, partial(w.jobs.renew, claim, w.lease), claim.job.id, self.stop) as lease:
                return self._export(claim, lease)
        except Interrupted:
            w.jobs.release(claim, give_back=True)
            raise
        except LeaseLost as lost:
            w.telemetry.count(Measure.LEASES_LOST, tenant=claim.job.tenant, state=lost.state)
            return w.jobs.get(claim.job.tenant, claim.job.id)
        except ExportError as error:
            return self._fail(
                claim, Failure(slug=error.slug, sentence=error.person, detail=str(error)), retry=error.retry
            )
        except Exception:
            logger.exception("export %s met an error this library does not know", claim.job.id)
            return self._fail(claim, Failure(slug="internal", sentence=ExportError.person), retry=True)

    def _help(self, tenant: str | None, job_id: str | None) -> Job | None:
        """
        Read one part of a job that another worker is at; return that job, or `None` when no part waits.

        What is wrong with a part is its job's worker's to say: here its lease runs out, and the part is free again.
        """
        w = self._wiring
        claim = w.jobs.claim_part(lease=w.lease, tenant=tenant, job_id=job_id)
        if claim is None:
            return None
        # A queue may have made one ring of many: each who finds a part calls the next.
        w.dispatcher.ring(claim.job.tenant, claim.job.id)
        try:
            with Lease(w.renewals, partial(w.jobs.renew_part, claim, w.lease), claim.job.id, self.stop) as lease:
                read_planned_part(w, claim, lease.check)
        except Interrupted:
            w.jobs.release_part(claim)
            raise
        except LeaseLost as lost:
            w.telemetry.count(Measure.LEASES_LOST, tenant=claim.job.tenant, state=lost.state)
        except ExportError as error:
            logger.warning("a part of export %s could not be read here: %s", claim.job.id, error)
        except Exception:
            logger.exception("a part of export %s met an error this library does not know", claim.job.id)
        return w.jobs.get(claim.job.tenant, claim.job.id)

    def run(self, *, poll: timedelta = timedelta(seconds=2)) -> None:
        """
        Work until *stop* is set, asking every *poll* whether something waits.
        """
        while not self.stop.is_set():
            try:
                if self.work() is None:
                    self.stop.wait(poll.total_seconds())
            except Interrupted:
                return
            except BackendError as error:
                logger.warning("worker: %s", error)
                self.stop.wait(poll.total_seconds())

    def _export(self, claim: Claim, lease: Lease) -> Job:
        w = self._wiring
        job = claim.job
        lease.check()
        self._record.intend(self._record.by_system(Event.STARTED, job, claim.at, once=f":{claim.fence}"))
        sealer, subject = self._unlock(job)
        as_of = job.as_of or job.request.as_of or w.source.now()
        with _stages(w, job) as stages:
            keeper = PartKeeper(wiring=w, claim=claim, lease=lease, sealer=sealer, as_of=as_of)
            collected = Collecting(
                wiring=w,
                claim=claim,
                lease=lease,
                sealer=sealer,
                subject=subject,
                as_of=as_of,
                stages=stages,
                keeper=keeper,
            ).run()
            names_subject = w.policies.profile(job.request.profile).names_subject(w.catalog)
            contents = BundleContents(
                job_id=job.id,
                profile=job.request.profile,
                request=job.request,
                subject=subject if names_subject else None,
                as_of=as_of,
                received_at=job.received_at,
                completed_at=w.jobs.now(),
                datasets=collected.datasets,
                missing=collected.missing,
                notice=w.notice,
            )
            bundle = assemble(contents, writers=w.writers, signer=w.manifests, report=w.report)
            lease.check()
            artifact = Artifact(
                key=f"{job.tenant}/{job.id}/{claim.fence}.zip",
                size=bundle.digest.size,
                sha256=bundle.digest.sha256,
                protection=w.storage.protection,
            )
            publish(w, sealer, job, bundle, artifact)
            try:
                read_back(artifact_file(w, sealer, job, artifact), artifact, check=lease.check)
                ready = self._complete(claim, subject, contents, artifact)
            except (StorageUnavailable, Stopped):
                w.storage.delete(artifact.key)
                raise
            keeper.clear()
            return ready

    def _unlock(self, job: Job) -> tuple[Sealer, Subject]:
        if job.wrapped_key is None or job.sealed is None:
            raise LeaseLost(state="shredded")
        sealer = sealer_of(self._wiring, job)
        return sealer, read_subject(sealer.unseal(job.sealed).decode())

    def _complete(self, claim: Claim, subject: Subject, contents: BundleContents, artifact: Artifact) -> Job:
        w = self._wiring
        rows = {f"rows of {each.name}": str(each.summary.written) for each in contents.datasets}
        facts = {"sha256": artifact.sha256, "protection": str(artifact.protection), **rows}
        completed = self._record.by_system(Event.COMPLETED, claim.job, contents.completed_at, **facts)
        completion = Completion(
            as_of=contents.as_of,
            completeness=contents.completeness,
            datasets=contents.progress,
            artifact=artifact,
            kept_for=w.retention.exports,
        )
        told = Telling(w).of(Occasion.READY, claim.job, subject)
        ready = w.jobs.complete(claim, completion, [completed], told)
        self._record.deliver([completed])
        return ready

    def _fail(self, claim: Claim, failure: Failure, *, retry: bool) -> Job | None:
        w = self._wiring
        job = claim.job
        w.telemetry.count(Measure.FAILURES, tenant=job.tenant, slug=failure.slug)
        try:
            if retry and job.attempts < w.max_attempts:
                logger.warning("export %s will be tried again: %s", job.id, failure.for_operators)
                return w.jobs.release(claim, not_before=w.jobs.now() + self._backoff(job.attempts))
            logger.warning("export %s failed: %s", job.id, failure.for_operators)
            entry = self._record.by_system(Event.FAILED, job, w.jobs.now(), error=failure.slug)
            ended = w.jobs.end(
                job.tenant,
                job.id,
                expected={State.RUNNING},
                state=State.FAILED,
                fence=claim.fence,
                failure=failure,
                entries=[entry],
                notifications=Telling(w).of(Occasion.FAILED, job),
            )
            self._record.deliver()
            return ended or w.jobs.get(job.tenant, job.id)
        except Stopped:
            return w.jobs.get(job.tenant, job.id)

    def _backoff(self, attempts: int) -> timedelta:
        spread = 0.5 + int.from_bytes(self._wiring.randomness(2), "big") / 65536
        return min(FIRST_BACKOFF * float(2 ** (attempts - 1)), LONGEST_BACKOFF) * spread


@contextmanager
def _stages(wiring: Wiring, job: Job) -> Iterator[dict[str, dict[str, PackedStage]]]:
    stages = {
        dataset: {name: PackedStage(wiring.stage_folder) for name in job.request.formats}
        for dataset in job.request.datasets
    }
    try:
        yield stages
    finally:
        for by_format in stages.values():
            for stage in by_format.values():
                stage.close()
