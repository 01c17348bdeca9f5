"""
Who a history is about, and who is asking: two types that are never mixed up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from attrs import field, frozen

from ..errors import InvalidRequest

DEFAULT_TENANT = "default"
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
# Long enough for a Stellar address, a DID or an e-mail address; short enough to be no attack.
LONGEST_IDENTIFIER = 512


def _checked(kind: str, value: str) -> str:
    if not value or len(value) > LONGEST_IDENTIFIER or not value.isprintable():
        raise InvalidRequest(kind, f"an identifier is 1 to {LONGEST_IDENTIFIER} printable characters")
    return value


def check_tenant(value: str) -> None:
    """
    Raise `InvalidRequest` unless *value* can name a tenant.
    """
    if not _TENANT.match(value):
        raise InvalidRequest("tenant", "a tenant is 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")


def _subject_id(value: str) -> str:
    return _checked("subject", value)


def _identifiers(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(_checked("identifier", value) for value in values)


def _actor_id(value: str) -> str:
    return _checked("actor", value)


def _instant(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.utcoffset() is None:
        raise InvalidRequest("actor", "an instant is given with its offset from UTC")
    return value.astimezone(UTC)


@frozen
class Subject:
    """
    The person a history is about: one *id*, any number of further *identifiers* (wallets).

    A row is theirs when one of its subject columns equals the id or one of the identifiers.
    """

    id: str = field(converter=_subject_id, repr=False)
    identifiers: tuple[str, ...] = field(default=(), converter=_identifiers, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """
        The id and all identifiers, each once, in the order given.
        """
        return tuple(dict.fromkeys((self.id, *self.identifiers)))


class Capacity(StrEnum):
    """
    As what an actor asks. A *bearer* is nobody in particular, who carries a link that needs no more.
    """

    SUBJECT = "subject"
    REPRESENTATIVE = "representative"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    BEARER = "bearer"


@frozen(kw_only=True)
class Actor:
    """
    Who is asking, as what, in which tenant. An actor in the capacity of subject has the subject's id.

    The application says of its login when they last proved who they are (*authenticated_at*), and of its
    accounts when their e-mail address or a wallet last changed (*identifiers_changed_at*): aware instants,
    `None` for never. Both matter only where the wiring says so. Raises `InvalidRequest`.
    """

    id: str = field(converter=_actor_id, repr=False)
    capacity: Capacity = field(default=Capacity.SUBJECT, converter=Capacity)
    tenant: str = DEFAULT_TENANT
    authenticated_at: datetime | None = field(default=None, converter=_instant, eq=False)
    identifiers_changed_at: datetime | None = field(default=None, converter=_instant, eq=False)

    def __attrs_post_init__(self) -> None:
        check_tenant(self.tenant)

    @property
    def requester(self) -> str:
        """
        What stands for whoever asked, in tags: one person in two capacities is two, and no id is another's.
        """
        return self.id if self.capacity is Capacity.SUBJECT else f"{self.capacity}\n{self.id}"
