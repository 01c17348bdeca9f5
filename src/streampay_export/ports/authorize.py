"""Who may do what with which export."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from .._core.party import Actor
from .._core.wire import spell_instant
from ..errors import InvalidRequest

LONGEST_GROUND = 200


class Action(StrEnum):
    """
    What is asked for. `HANDLE` is what staff do about a request: say when it was received, extend, pause,
    resume, refuse. `REVOKE` is to take links back, and `ERASE` to erase a person, and to replay erasures:
    nobody's right by default.
    """

    REQUEST = "request"
    READ = "read"
    LINK = "link"
    DOWNLOAD = "download"
    DELETE = "delete"
    TRAIL = "trail"
    HANDLE = "handle"
    REVOKE = "revoke"
    ERASE = "erase"


def _nobody(_: str) -> bool:
    return False


@frozen(kw_only=True)
class Access:
    """
    One question to an authoriser. *owns*: the history is the actor's own; *requested*: this actor
    asked for this export, in the capacity they have now (true for `Action.REQUEST`, and for
    `Action.HANDLE` of a request being made, and for what is about no one export: then *profile* is empty).

    `about(subject_id)` tells whether it is that person's history: nobody's where there is no such export.
    """

    actor: Actor
    action: Action
    profile: str
    owns: bool
    requested: bool
    about: Callable[[str], bool] = field(default=_nobody, repr=False, eq=False)


def _ground(value: str) -> str:
    if len(value) > LONGEST_GROUND or not value.isprintable():
        raise InvalidRequest("grounds", f"each is at most {LONGEST_GROUND} printable characters")
    return value


def _utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.utcoffset() is None:
        raise InvalidRequest("until", "an instant with its offset from UTC is expected")
    return value.astimezone(UTC)


@frozen(kw_only=True)
class Allowed:
    """
    A yes, and its grounds, which every entry of the audit trail about this access repeats.

    *relation* to the subject (guardian, lawyer, support); *basis* of acting (power of attorney, consent);
    *evidence*, a reference to where the proof is kept and nothing of its content, as it is never erased
    from the trail. Each is at most 200 printable characters. From *until* (aware) on it holds no more; it
    is compared with the clock at each access and not kept. Raises `InvalidRequest`.

    A representative is let in only with all four (GDPR Art. 12(6)).
    """

    relation: str = field(default="", converter=_ground)
    basis: str = field(default="", converter=_ground)
    evidence: str = field(default="", converter=_ground, repr=False)
    until: datetime | None = field(default=None, converter=_utc)

    @property
    def facts(self) -> dict[str, str]:
        """
        The grounds that were given, as facts of an audit entry.
        """
        until = "" if self.until is None else spell_instant(self.until)
        facts = {
            "relation": self.relation,
            "basis": self.basis,
            "evidence": self.evidence,
            "allowed_until": until,
        }
        return {name: text for name, text in facts.items() if text}


class Authorizer(Protocol):
    """
    Decides; asked at every access to every id, and never remembered. Anything but `True` and `Allowed`
    refuses, and so does raising. It runs in the caller's thread: bound what it looks up. Thread-safe.
    """

    def __call__(self, access: Access) -> Allowed | bool:
        """
        Return whether this access is allowed, and for anybody but the subject on which grounds.
        """
