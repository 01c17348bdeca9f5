"""
Proof that it is them: a sign-in that is fresh enough, and a wait after what one signs in with changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ._core.party import Actor
from ._core.step_up import StepUp
from .errors import CoolingOff, StepUpRequired
from .ports.authorize import Action

# The clocks of the application's machines may differ a little; a proof from later than this is none.
CLOCK_TOLERANCE = timedelta(minutes=1)

_WAIT_FOR = frozenset({Action.REQUEST, Action.LINK, Action.DOWNLOAD})


def require_fresh(step_up: StepUp, actor: Actor, action: Action, now: datetime) -> None:
    """
    Raise `StepUpRequired` unless the actor proved who they are as recently as the action needs.
    """
    within = _within(step_up, action)
    if within is None:
        return
    proven_at = actor.authenticated_at
    if proven_at is None or not -CLOCK_TOLERANCE <= now - proven_at <= within:
        raise StepUpRequired(max_age=int(within.total_seconds()))


def require_settled(wait: timedelta | None, actor: Actor, action: Action, now: datetime) -> None:
    """
    Raise `CoolingOff` while a person's e-mail address or wallet changed less than *wait* ago, so that whoever
    took over an account does not get its history on the same day.
    """
    if wait is None or actor.identifiers_changed_at is None or action not in _WAIT_FOR:
        return
    until = actor.identifiers_changed_at + wait
    if now < until:
        raise CoolingOff(until=until, retry_after=-(-(until - now) // timedelta(seconds=1)))


def _within(step_up: StepUp, action: Action) -> timedelta | None:
    match action:
        case Action.REQUEST:
            return step_up.request
        case Action.LINK | Action.DOWNLOAD:
            return step_up.download
        case Action.ERASE:
            return step_up.erase
        case _:
            return None
