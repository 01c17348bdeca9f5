"""
Who gets past: every access to every id goes through here, and a refusal looks like absence.
"""

from __future__ import annotations

from typing import NoReturn

from attrs import frozen

from ._core.job import Job
from ._core.lifecycle import State
from ._core.party import Actor, Capacity
from ._core.trail import Event
from .errors import NotFound
from .ports.authorize import Access, Action
from .recording import Recorder
from .wiring import Wiring

OWN_COPIES = frozenset({"self", "portability", "portability_strict"})


def owner_only(access: Access) -> bool:
    """
    Allow a person their own copies and nobody anything else: the default authoriser.

    Copies cut for support or auditors are not the person's, even of their own history. Nor is it for
    them to say when their request was received, or whether it is extended, paused or refused.
    """
    own = access.actor.capacity is Capacity.SUBJECT and access.owns and access.profile in OWN_COPIES
    return own and access.action is not Action.HANDLE


def operator_on_this_machine(access: Access) -> bool:
    """
    Allow an operator the exports they asked for, and to handle them: for command lines, where the shell
    is the login.
    """
    return access.actor.capacity is Capacity.OPERATOR and access.requested


@frozen
class Gate:
    """
    Asks the authoriser, fails closed, and records refusals. Thread-safe when its ports are.
    """

    _wiring: Wiring
    _record: Recorder

    def find(self, actor: Actor, job_id: str, action: Action) -> Job:
        """
        Return the job if the actor may do this with it.

        An id that is unknown, foreign, another tenant's or erased raises the same `NotFound` after the
        same calls of the ports.
        """
        job = self._wiring.jobs.get(actor.tenant, job_id)
        if job is not None and job.state is State.ERASED:
            job = None
        allowed = self._asked(self._about(actor, action, job))
        if job is None or not allowed:
            self._refuse(actor, action)
        return job

    def admit(self, actor: Actor, profile: str, owner_tag: str, *actions: Action) -> None:
        """
        Raise `NotFound` unless the actor may do all of this about a new copy of that subject's history.
        """
        owns = owner_tag == self._wiring.tagger.owner_tag(actor.tenant, actor.id)
        for action in actions:
            access = Access(actor=actor, action=action, profile=profile, owns=owns, requested=True)
            if not self._asked(access):
                self._refuse(actor, action)

    def admit_to_trail(self, actor: Actor) -> None:
        """
        Raise `NotFound` unless the actor may read what the audit trail says about themselves.
        """
        access = Access(actor=actor, action=Action.TRAIL, profile="self", owns=True, requested=False)
        if actor.capacity is not Capacity.SUBJECT or not self._asked(access):
            self._refuse(actor, Action.TRAIL)

    def may_read(self, actor: Actor, job: Job) -> bool:
        """
        Return whether the actor may see the job in a list; records nothing.
        """
        return self._asked(self._about(actor, Action.READ, job))

    def _about(self, actor: Actor, action: Action, job: Job | None) -> Access:
        tag = self._wiring.tagger.owner_tag(actor.tenant, actor.id)
        return Access(
            actor=actor,
            action=action,
            profile=job.request.profile if job else "self",
            owns=job is not None and job.owner_tag == tag,
            requested=job is not None and job.requester_tag == tag,
        )

    def _asked(self, access: Access) -> bool:
        try:
            return self._wiring.authorize(access) is True
        except Exception:  # noqa: BLE001  # whatever it was, it was no permission
            return False

    def _refuse(self, actor: Actor, action: Action) -> NoReturn:
        w = self._wiring
        entry_id = f"{w.make_id()}:{Event.DENIED}"
        entry = self._record.by_actor(Event.DENIED, entry_id, actor, "", "", w.jobs.now(), action=action)
        self._record.happened(entry)
        raise NotFound
