"""
Who gets past: every access to every id goes through here, and a refusal looks like absence.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn, assert_never

from attrs import frozen

from ._core.job import Job
from ._core.lifecycle import State
from ._core.party import Actor, Capacity
from ._core.request import OWN_COPIES
from ._core.trail import Event
from .errors import CoolingOff, NotFound, StepUpRequired
from .ports.authorize import Access, Action, Allowed
from .recording import Recorder
from .restored import RestoredCheck
from .stepping_up import require_fresh, require_settled
from .wiring import Wiring

STAFF_COPIES = frozenset({"support", "auditor"})
"""Copies for the one member of staff who asked, and for nobody else."""

FOR_STAFF = frozenset({Action.HANDLE, Action.REVOKE, Action.ERASE})
"""What nobody does in the capacity of subject by default."""

# What only operators do, as what is about no one export (an empty profile), whatever the authoriser says.
_OPERATORS_OWN = frozenset({Action.HANDLE, Action.ERASE})
# What takes away and hands out nothing.
_ENDING = frozenset({Action.DELETE, Action.REVOKE})


def owner_only(access: Access) -> bool:
    """
    Allow a person their own copies and nobody anything else: the default authoriser.

    Copies cut for support or auditors are not the person's, even of their own history. Nor is it for
    them to say when their request was received, whether it is extended, paused or refused, to revoke, or to erase.
    """
    own = access.actor.capacity is Capacity.SUBJECT and access.owns and access.profile in OWN_COPIES
    return own and access.action not in FOR_STAFF


def operator_on_this_machine(access: Access) -> Allowed | bool:
    """
    Allow an operator the exports they asked for, to handle them, and to erase people: for command lines,
    where the shell is the login.
    """
    if access.actor.capacity is Capacity.OPERATOR and access.requested:
        return Allowed(relation="operator", basis="a shell on this machine")
    return False


@frozen
class Gate:
    """
    Asks the authoriser, fails closed, and records refusals. Thread-safe when its ports are.

    Whoever is let in gets a recorder with them, whose entries say on which grounds.
    """

    _wiring: Wiring
    _record: Recorder
    _check: RestoredCheck

    def find(self, actor: Actor, job_id: str, action: Action) -> tuple[Job, Recorder]:
        """
        Return the job if the actor may do this with it.

        An id that is unknown, foreign, another tenant's or erased raises the same `NotFound` after the
        same calls of the ports. Only then `StepUpRequired` and `CoolingOff`.
        """
        self._check()
        job = self._wiring.jobs.get(actor.tenant, job_id)
        if job is not None and job.state is State.ERASED:
            job = None
        allowed = self._asked(self._about(actor, action, job))
        if job is None or allowed is None:
            self._refuse(actor, action)
        self._require_proof(actor, action, job.request.profile)
        return job, self._record.on(allowed)

    def find_for_bearer(self, actor: Actor, job_id: str, action: Action) -> tuple[Job, Recorder]:
        """
        Return the job for who carries a ticket that was checked and needs nobody signed in; else as `find`.
        """
        self._check()
        job = self._wiring.jobs.get(actor.tenant, job_id)
        if job is None or job.state is State.ERASED:
            self._refuse(actor, action)
        return job, self._record

    def admit(self, actor: Actor, profile: str, owner_tag: str, *actions: Action) -> Recorder:
        """
        Raise `NotFound` unless the actor may do all of this about a new copy of that subject's history;
        then `StepUpRequired` and `CoolingOff`. The grounds are those of the first action.
        """
        answers: list[Allowed] = []
        for action in actions:
            access = Access(
                actor=actor,
                action=action,
                profile=profile,
                owns=self._owns(actor, owner_tag),
                requested=True,
                about=lambda subject_id: self._is(actor, subject_id, owner_tag),
            )
            allowed = self._asked(access)
            if allowed is None:
                self._refuse(actor, action)
            answers.append(allowed)
        for action in actions:
            self._require_proof(actor, action, profile)
        return self._record.on(answers[0])

    def admit_to_trail(self, actor: Actor) -> None:
        """
        Raise `NotFound` unless the actor may read what the audit trail says about themselves.
        """
        self._check()
        access = Access(
            actor=actor,
            action=Action.TRAIL,
            profile="self",
            owns=actor.capacity is Capacity.SUBJECT,
            requested=False,
            about=lambda subject_id: subject_id == actor.id,
        )
        if not access.owns or self._asked(access) is None:
            self._refuse(actor, Action.TRAIL)

    def may_read(self, actor: Actor, job: Job) -> bool:
        """
        Return whether the actor may see the job in a list; records nothing.
        """
        return self._asked(self._about(actor, Action.READ, job)) is not None

    def _about(self, actor: Actor, action: Action, job: Job | None) -> Access:
        requester = self._wiring.tagger.owner_tag(actor.tenant, actor.requester)
        owner_tag = job.owner_tag if job else ""
        return Access(
            actor=actor,
            action=action,
            profile=job.request.profile if job else "self",
            owns=self._owns(actor, owner_tag),
            requested=job is not None and job.requester_tag == requester,
            about=lambda subject_id: self._is(actor, subject_id, owner_tag),
        )

    def _owns(self, actor: Actor, owner_tag: str) -> bool:
        return self._is(actor, actor.id, owner_tag) and actor.capacity is Capacity.SUBJECT

    def _is(self, actor: Actor, subject_id: str, owner_tag: str) -> bool:
        return self._wiring.tagger.owner_tag(actor.tenant, subject_id) == owner_tag

    def _asked(self, access: Access) -> Allowed | None:
        now = self._wiring.clock()
        try:
            answer = self._wiring.authorize(access)
        except Exception:  # noqa: BLE001  # whatever it was, it was no permission
            return None
        allowed = Allowed() if answer is True else answer
        if isinstance(allowed, Allowed) and _stands(access, allowed, now):
            return allowed
        return None

    def _require_proof(self, actor: Actor, action: Action, profile: str) -> None:
        w = self._wiring
        now = w.clock()
        try:
            require_fresh(w.step_up, actor, action, now)
            if profile in OWN_COPIES:
                require_settled(w.cooling_off, actor, action, now)
        except (StepUpRequired, CoolingOff) as refusal:
            self._deny(actor, action, why=refusal.slug)
            raise

    def _refuse(self, actor: Actor, action: Action) -> NoReturn:
        self._deny(actor, action)
        raise NotFound

    def _deny(self, actor: Actor, action: Action, **facts: str) -> None:
        w = self._wiring
        entry_id = f"{w.make_id()}:{Event.DENIED}"
        entry = self._record.by_actor(Event.DENIED, entry_id, actor, "", "", w.jobs.now(), action=action, **facts)
        self._record.happened(entry)


def _stands(access: Access, allowed: Allowed, now: datetime) -> bool:
    """
    Return whether a yes is one that may be given at all, whatever the authoriser thinks.
    """
    if allowed.until is not None and allowed.until <= now:
        return False
    if access.action in _OPERATORS_OWN or not access.profile:
        return access.actor.capacity is Capacity.OPERATOR
    for_staff = access.profile in STAFF_COPIES
    match access.actor.capacity:
        case Capacity.SUBJECT:
            return access.owns and (access.requested or not for_staff)
        case Capacity.REPRESENTATIVE:
            proven = all((allowed.relation, allowed.basis, allowed.evidence, allowed.until))
            return proven and not for_staff
        case Capacity.AUDITOR:
            return access.profile == "auditor" and access.requested
        case Capacity.BEARER:
            return False  # a link is all they have, and is not asked for here
        case Capacity.OPERATOR:
            looks = access.action is Action.READ and not for_staff
            return access.requested or looks or access.action in _ENDING
        case never:
            assert_never(never)
