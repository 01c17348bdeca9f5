"""
Erasing a person (GDPR Art. 17), step by step; each step may be done again, and the sweeper does it.

    the intent is audited → the erasure is begun in the job store, whom it is about sealed
    → the tombstone is appended to the log, and the person's address looked up, as nobody knows it afterwards
    → every job is erased, its links, keys and pending notifications gone, in one transaction
    → their objects are deleted → the application's own eraser → finished, and the `erased` event
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from attrs import evolve, frozen

from ._core.erasure import Erasure, ErasureReceipt, Tombstone
from ._core.erasure_order import ErasureOrder
from ._core.job import Job, key_context
from ._core.party import Actor, Subject
from ._core.retained import RETAINED, retained_in_words
from ._core.sentence import sentence
from ._core.trail import AuditEntry, Event
from ._core.wire import read_subject, spell_subject
from .errors import BackendError, InvalidConfiguration, InvalidRequest, SubjectErased
from .ports.erasure import AfterErasure
from .recording import SYSTEM, Recorder
from .restored import logged_tombstones, stored_erasures, unlogged
from .telling import Telling
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

# Ids shorter than this are found in many a sentence that names nobody.
SHORTEST_NAME = 4


@frozen(kw_only=True)
class Replayed:
    """
    What a replay did: how many *tombstones* the job database lacked, how many *exports* they erased, and how
    many tombstones were *written_back* to a log that lacked them.
    """

    tombstones: int
    exports: int
    written_back: int


@frozen
class Erasing:
    """
    The use case behind `ExportService.erase`, its sweeping, and its replay. The caller has asked whether the
    actor may. Thread-safe when its ports are.
    """

    _wiring: Wiring
    _record: Recorder

    def erase(self, actor: Actor, subject: Subject, *, basis: str, retain_until: datetime | None) -> ErasureReceipt:
        """
        See `ExportService.erase`.
        """
        basis = _nameless(sentence("basis", basis), subject)
        if retain_until is not None and retain_until.utcoffset() is None:
            raise InvalidRequest("retain-until", "an instant is expected, with its offset from UTC")
        w = self._wiring
        draft = self._draft(actor.tenant, subject, basis, retain_until)
        receipt = draft.tombstone.receipt
        self._record.happened(self._by(actor, Event.ERASURE_BEGUN, receipt, subject))
        erasure = w.jobs.begin_erasure(draft, past=self._past(draft.tombstone, subject))
        standing = erasure.tombstone.receipt
        if standing != receipt:
            self._record.happened(self._by(actor, Event.REPEATED, receipt, subject, answered_with=standing))
        if erasure.finished_at is None:
            # Whoever began it may have known of more identifiers.
            whole = self._is_whole(erasure.tombstone, subject)
            erasure = self._carry_out(erasure, subject if whole else self._sealed(erasure) or subject)
        return ErasureReceipt.of(erasure, w.catalog)

    def go_on(self, erasure: Erasure) -> bool:
        """
        Go on with an erasure that was begun; return whether it is finished. For the sweeper.
        """
        subject = self._sealed(erasure)
        return subject is not None and self._carry_out(erasure, subject).finished_at is not None

    def replay(self, actor: Actor) -> Replayed:
        """
        See `ExportService.replay_erasures`.
        """
        w = self._wiring
        logged, stored = logged_tombstones(w), stored_erasures(w)
        exports = 0
        missing = [found for name, found in logged.items() if name not in stored]
        for number, stone in missing:
            erasure, jobs = w.jobs.erase(stone, number)
            exports += erasure.exports
            self._delete_objects(jobs)
        lost = unlogged(stored, logged)
        for each in lost.values():
            w.jobs.erase(each.tombstone, w.tombstones.append(each.tombstone))
        replayed = Replayed(tombstones=len(missing), exports=exports, written_back=len(lost))
        facts = {"tombstones": str(replayed.tombstones), "exports": str(exports), "written_back": str(len(lost))}
        entry_id = f"{w.make_id()}:{Event.ERASURES_REPLAYED}"
        now = w.jobs.now()
        self._record.happened(self._record.by_actor(Event.ERASURES_REPLAYED, entry_id, actor, "", "", now, **facts))
        return replayed

    def tags(self, tenant: str, subject: Subject) -> tuple[str, ...]:
        """
        Return the tombstone tags of all that a person is known by.
        """
        return tuple(self._wiring.tagger.tombstone_tag(tenant, name) for name in subject.names)

    def answer(self, tenant: str, subject: Subject, job: Job) -> tuple[Job, str | None]:
        """
        Return the job a request about *subject* leads to, and the receipt of the erasure that was known of.

        It is the same job where nobody was erased, or came back since; a job of profile `retained` where the
        application chose so. Raises `SubjectErased` where it did not.
        """
        w = self._wiring
        erasure = w.jobs.erasure_of(tenant, self.tags(tenant, subject))
        if erasure is None:
            return job, None
        stone = erasure.tombstone
        answer = self._answered(subject, stone)
        if answer is AfterErasure.RETURNED:
            return job, stone.receipt
        if answer is not AfterErasure.RETAINED:
            raise SubjectErased(erased_at=stone.at, retained=retained_in_words(w.catalog))
        if RETAINED not in w.policies.by_profile:
            raise InvalidConfiguration(
                "policies", f"copies of what is retained need a policy of profile '{RETAINED}'"
            )
        return evolve(job, request=evolve(job.request, profile=RETAINED)), stone.receipt

    def _past(self, stone: Tombstone, subject: Subject) -> str | None:
        """
        Return the receipt of the erasure since which the person came back, if they did.
        """
        erasure = self._wiring.jobs.erasure_of(stone.tenant, stone.tags)
        if erasure is None or erasure.finished_at is None:
            return None
        returned = self._answered(subject, erasure.tombstone) is AfterErasure.RETURNED
        return erasure.tombstone.receipt if returned else None

    def _answered(self, subject: Subject, stone: Tombstone) -> AfterErasure:
        answers = self._wiring.after_erasure
        return AfterErasure.REFUSE if answers is None else answers(subject, stone)

    def _draft(self, tenant: str, subject: Subject, basis: str, retain_until: datetime | None) -> Erasure:
        w = self._wiring
        receipt, key = w.make_id(), w.randomness(32)
        stone = Tombstone(
            receipt=receipt,
            tenant=tenant,
            tags=self.tags(tenant, subject),
            key_id=w.tagger.tombstone_key_id,
            at=w.jobs.now(),
            basis=basis,
            retain_until=retain_until and retain_until.astimezone(UTC),
        )
        return Erasure(
            tombstone=stone,
            sealed=w.sealer(key).seal(spell_subject(subject).encode()),
            wrapped_key=w.keys.wrap(key, key_context(tenant, receipt)),
        )

    def _sealed(self, erasure: Erasure) -> Subject | None:
        """
        Return whom an erasure is about, `None` where nobody knows it any more.
        """
        if erasure.sealed is None or erasure.wrapped_key is None:
            return None
        w, stone = self._wiring, erasure.tombstone
        key = w.keys.unwrap(erasure.wrapped_key, key_context(stone.tenant, stone.receipt))
        return read_subject(w.sealer(key).unseal(erasure.sealed).decode())

    def _is_whole(self, stone: Tombstone, subject: Subject) -> bool:
        return set(stone.tags) <= set(self.tags(stone.tenant, subject))

    def _carry_out(self, erasure: Erasure, subject: Subject) -> Erasure:
        w, stone = self._wiring, erasure.tombstone
        number, told = w.tombstones.append(stone), Telling(w).erased(stone, subject)
        erasure, jobs = w.jobs.erase(stone, number, told)
        deleted, asked = self._delete_objects(jobs), self._ask_eraser(stone, subject)
        if deleted and asked and self._is_whole(stone, subject):
            entry = self._outcome(erasure, subject)
            erasure = w.jobs.finish_erasure(stone.tenant, stone.receipt, [entry]) or erasure
        self._record.deliver()
        return erasure

    def _delete_objects(self, jobs: Iterable[Job]) -> bool:
        """
        Delete all that any attempt of these jobs stored; return whether nothing is left.
        """
        storage, gone = self._wiring.storage, True
        for job in jobs:
            try:
                keys = {stored.key for stored in storage.list(f"{job.tenant}/{job.id}/")}
                # Named by the row, an object is deleted though it is not listed: of it there may be versions.
                for key in keys | ({job.artifact.key} if job.artifact else set()):
                    storage.delete(key)
                self._wiring.jobs.forget_artifact(job.tenant, job.id)
            except BackendError as error:
                logger.warning("erasure: the objects of export %s are left for the sweeper: %s", job.id, error)
                gone = False
        return gone

    def _ask_eraser(self, stone: Tombstone, subject: Subject) -> bool:
        w = self._wiring
        if w.eraser is None:
            return True
        try:
            w.eraser(ErasureOrder.of(stone, subject, w.catalog))
        except Exception as error:  # noqa: BLE001  # the application's own; its text may name the person
            logger.error(  # noqa: TRY400  # and so may its traceback
                "erasure %s: the application's eraser raised %s and is asked again",
                stone.receipt,
                type(error).__name__,
            )
            return False
        return True

    def _by(self, actor: Actor, event: Event, receipt: str, subject: Subject, **facts: str) -> AuditEntry:
        w = self._wiring
        owner_tag = w.tagger.owner_tag(actor.tenant, subject.id)
        facts = {"receipt": receipt, **facts}
        return self._record.by_actor(event, f"{receipt}:{event}", actor, "", owner_tag, w.jobs.now(), **facts)

    def _outcome(self, erasure: Erasure, subject: Subject) -> AuditEntry:
        w, stone = self._wiring, erasure.tombstone
        owner_tag = w.tagger.owner_tag(stone.tenant, subject.id)
        return AuditEntry(
            id=f"{stone.receipt}:{Event.ERASED}",
            event=Event.ERASED,
            tenant=stone.tenant,
            job_id="",
            at=w.jobs.now(),
            actor=SYSTEM,
            capacity=SYSTEM,
            subject=w.tagger.audit_pseudonym(stone.tenant, owner_tag),
            facts={"receipt": stone.receipt, "exports": str(erasure.exports), "basis": stone.basis},
        )


def _nameless(basis: str, subject: Subject) -> str:
    """
    Return a basis that names none of the subject's identifiers: it is kept for longer than the person is.
    """
    for name in subject.names:
        if len(name) >= SHORTEST_NAME and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", basis, re.IGNORECASE):
            raise InvalidRequest("basis", "it is kept after the erasure, so it must not name the person")
    return basis
