"""
Delivers what the outbox has to tell: who it is for, where they are reached and in which words is found out here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from ._core.job import Failure, Job, key_context
from ._core.lifecycle import State
from ._core.notification import Notification, Occasion, PendingNotification
from ._core.retained import retained_in_words
from ._core.ticket import Purpose
from ._core.trail import AuditEntry, Event
from ._core.wire import read_recipient, read_subject
from .errors import ExportError
from .linking import make_link
from .ports.notify import Notify
from .ports.telemetry import Measure
from .recording import SYSTEM, Recorder
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

# Longer than any notifier takes; whoever died with a notification at hand is followed after this.
LEASE = timedelta(minutes=5)
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=4)
# With these waits that is about a day: who is away for longer is told by nobody.
MOST_ATTEMPTS = 14
# For so long the key that seals it lives. It is met where no notifier is configured any more.
GIVEN_UP_AFTER = timedelta(days=7)
AT_ONCE = 100
# What does not answer is not waited for by everything else that is swept.
MOST_FAILURES = 3
UNFINISHED = timedelta(minutes=1)


class _NotYet(Exception):
    """
    What is to be told has not come about.
    """


@frozen
class Notifying:
    """
    Delivers notifications, each at least once. Thread-safe when its ports are.
    """

    _wiring: Wiring
    _record: Recorder

    def deliver(self) -> tuple[int, int]:
        """
        Deliver what waits; return how many were sent, and how many failed (to be tried again, or given up).

        What has waited for a week is given up, also where nobody is told anything. After three failures the rest
        waits for the next call. Raises `JobStoreUnavailable`.
        """
        overdue = self._give_up_overdue()
        sent, failed = (0, 0) if self._wiring.notify is None else self._deliver(self._wiring.notify)
        return sent, failed + overdue

    def _give_up_overdue(self) -> int:
        w, given_up = self._wiring, 0
        before = w.jobs.now() - GIVEN_UP_AFTER
        while given_up < AT_ONCE and (pending := w.outbox.claim_notification(lease=LEASE, stored_before=before)):
            self._give_up(pending, "not-notified-in-time", f"nothing has sent it for {GIVEN_UP_AFTER.days} days")
            given_up += 1
        return given_up

    def _deliver(self, notify: Notify) -> tuple[int, int]:
        w, sent, failed = self._wiring, 0, 0
        for _ in range(AT_ONCE):
            pending = w.outbox.claim_notification(lease=LEASE) if failed < MOST_FAILURES else None
            if pending is None:
                break
            try:
                done = self._tell(pending, notify)
            except _NotYet:
                w.outbox.postpone(pending, w.jobs.now() + UNFINISHED, give_back=True)
                continue
            except ExportError as error:
                failed += 1
                self._failed(pending, error.slug, str(error), retry=error.retry)
            except Exception as error:  # noqa: BLE001  # the application's own; its text may name the person
                failed += 1
                self._failed(pending, "internal", f"the application raised {type(error).__name__}", retry=True)
            else:
                w.outbox.notified(pending, [self._outcome(Event.NOTIFIED, pending)] if done else ())
                sent += done
        return sent, failed

    def _failed(self, pending: PendingNotification, slug: str, problem: str, *, retry: bool) -> None:
        if not retry or pending.attempts >= MOST_ATTEMPTS:
            self._give_up(pending, slug, problem)
            return
        w, about = self._wiring, (pending.job_id, pending.occasion, problem)
        logger.warning("export %s: that it is %s will be told again: %s", *about)
        spread = 0.5 + int.from_bytes(w.randomness(2), "big") / 65536
        wait = min(FIRST_BACKOFF * float(2 ** (pending.attempts - 1)), LONGEST_BACKOFF)
        w.outbox.postpone(pending, w.jobs.now() + wait * spread)

    def _give_up(self, pending: PendingNotification, slug: str, problem: str) -> None:
        w, about = self._wiring, (pending.job_id, pending.occasion, problem)
        logger.error("export %s: nobody will be told that it is %s: %s", *about)
        facts = {"tenant": pending.tenant, "occasion": str(pending.occasion), "slug": slug}
        w.telemetry.count(Measure.NOT_NOTIFIED, **facts)
        w.outbox.notified(pending, [self._outcome(Event.NOT_NOTIFIED, pending, error=slug)])

    def _outcome(self, event: Event, pending: PendingNotification, **facts: str) -> AuditEntry:
        """
        Make the entry of how a notification ended: of a job, or of an erasure, which stands under its receipt.
        """
        w = self._wiring
        facts = {"occasion": str(pending.occasion), **facts}
        job = w.jobs.get(pending.tenant, pending.job_id)
        if job is not None:
            return self._record.by_system(event, job, w.jobs.now(), once=f":{pending.occasion}", **facts)
        return AuditEntry(
            id=f"{pending.id}:{event}",
            event=event,
            tenant=pending.tenant,
            job_id="",
            at=w.jobs.now(),
            actor=SYSTEM,
            capacity=SYSTEM,
            subject="",
            facts={"receipt": pending.job_id, **facts},
        )

    def _tell(self, pending: PendingNotification, notify: Notify) -> bool:
        w, now = self._wiring, self._wiring.jobs.now()
        facts = self._facts(pending, now)
        if facts is None:
            return False
        key = w.keys.unwrap(pending.wrapped_key, key_context(pending.tenant, pending.id))
        whom = w.sealer(key).unseal(pending.sealed).decode()
        if pending.occasion is Occasion.ERASED:
            recipient = read_recipient(whom)
        elif (found := notify.recipients(pending.tenant, read_subject(whom))) is not None:
            recipient = found
        else:
            return False
        url = self._link(pending, now) if pending.occasion is Occasion.READY else None
        letter = notify.wording(pending.occasion, recipient.language, {**facts, "url": url or ""})
        notify.notifier.send(
            Notification(
                id=pending.id,
                tenant=pending.tenant,
                job_id=pending.job_id,
                occasion=pending.occasion,
                recipient=recipient,
                letter=letter,
                at=now,
                url=url,
            )
        )
        return True

    def _facts(self, pending: PendingNotification, now: datetime) -> Mapping[str, str] | None:
        """
        Return what the letter says, or `None` where by now it would be untrue.
        """
        if pending.occasion is Occasion.ERASED:
            return self._facts_of_erasure(pending)
        job = self._wiring.jobs.get(pending.tenant, pending.job_id)
        if job is None:
            return None
        failure = job.failure or Failure(slug="", sentence="")
        match pending.occasion:
            case Occasion.READY if job.expires_at is not None and job.state is State.READY and now < job.expires_at:
                return {"until": _day(job.expires_at), "completeness": job.completeness}
            case Occasion.EXTENDED if job.extension is not None and job.unanswered:
                return {"due": _day(job.due_at), "reason": job.extension.reason}
            case Occasion.REFUSED | Occasion.FAILED if job.state is State.FAILED:
                return {"reason": failure.sentence, "remedies": failure.remedies}
            case Occasion.ASKED if job.state is not State.ERASED:
                return {"capacity": job.capacity}
        return None

    def _facts_of_erasure(self, pending: PendingNotification) -> Mapping[str, str]:
        w = self._wiring
        if any(each.tombstone.receipt == pending.job_id for each in w.jobs.erasures(unfinished=True)):
            raise _NotYet
        return {"receipt": pending.job_id, "retained": "; ".join(retained_in_words(w.catalog))}

    def _link(self, pending: PendingNotification, now: datetime) -> str | None:
        """
        Make an open link of its own for each attempt: one that was revoked does not come back with the next.
        """
        w = self._wiring
        job: Job | None = w.jobs.get(pending.tenant, pending.job_id)
        if job is None or job.expires_at is None or "://" not in w.links.open_url(pending.job_id, ""):
            return None  # a path is of no use in a mail
        link_id, until = f"mail-{pending.attempts}", job.expires_at.replace(microsecond=0)
        facts = {"until": until.isoformat(), "purpose": str(Purpose.OPEN)}
        self._record.intend(
            self._record.by_system(Event.LINK_ISSUED, job, now, once=f":{link_id}:{now.timestamp()}", **facts)
        )
        link = make_link(w, job, link_id, Purpose.OPEN, until)
        return None if link is None else link.url


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
