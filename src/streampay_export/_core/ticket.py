"""
What a link claims, and its one exact spelling. Keys stay outside: callers hand in how to sign.

A token is the base64url spelling, without padding, of: version (1 byte), purpose (1 byte), job id and
link id (each 1 byte of length, then ASCII), expiry (8 bytes, seconds since 1970), key id (as the
ids), and the rest is the MAC. Tenant and realm enter the MAC only.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from attrs import field, frozen

from ..errors import InvalidTicket
from .signature import Signature

VERSION = 1
# Two ids of 63 characters, a key id of 63 and an Ed25519 signature come to 355 characters.
LONGEST_TICKET = 400
SHORTEST_MAC = 32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = int((datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds())
_NAME = re.compile(r"[a-z0-9-]{1,63}", re.ASCII)
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_TICKET}}}", re.ASCII)


class Purpose(StrEnum):
    """
    What a ticket is good for: to begin a download, or to open the page of one that was mailed; with the
    signed-in person, or, as a bearer's, without.
    """

    DOWNLOAD = "download"
    OPEN = "open"
    BEARER_DOWNLOAD = "bearer-download"
    BEARER_OPEN = "bearer-open"

    @property
    def for_bearer(self) -> Purpose:
        """
        The same without a signed-in person.
        """
        return Purpose.BEARER_OPEN if self in OPENING else Purpose.BEARER_DOWNLOAD

    @property
    def is_for_bearer(self) -> bool:
        """
        Whether it needs nobody signed in.
        """
        return self is self.for_bearer


OPENING = frozenset({Purpose.OPEN, Purpose.BEARER_OPEN})
DOWNLOADING = frozenset({Purpose.DOWNLOAD, Purpose.BEARER_DOWNLOAD})
_PURPOSES = {Purpose.DOWNLOAD: 1, Purpose.OPEN: 2, Purpose.BEARER_DOWNLOAD: 3, Purpose.BEARER_OPEN: 4}
_PURPOSE_OF = {code: purpose for purpose, code in _PURPOSES.items()}


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("an id in a ticket is 1 to 63 characters of a-z, 0-9 and -")
    return value


def _whole_second(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a ticket's expiry is an aware datetime")
    if value < _EPOCH:
        raise ValueError("a ticket's expiry is in 1970 or later")
    return value.astimezone(UTC).replace(microsecond=0)


@frozen(kw_only=True)
class Ticket:
    """
    The claims of a link: no subject in it. *expires_at*, cut to whole seconds of UTC, is the moment
    until which the download may *start*. *link_id* names the link's row in the job store.

    Raises `ValueError` for ids that are not 1 to 63 characters of `a-z0-9-`, and for a naive expiry.
    """

    job_id: str = field(converter=_name)
    purpose: Purpose = field(converter=Purpose)
    link_id: str = field(converter=_name)
    expires_at: datetime = field(converter=_whole_second)


@frozen(kw_only=True)
class SignedTicket:
    """
    A ticket as it came, and the signature it came with: not to be believed before that is verified.
    """

    ticket: Ticket
    signature: Signature


def issue_ticket(ticket: Ticket, *, tenant: str, realm: str, sign: Callable[[bytes], Signature]) -> str:
    """
    Return the token of a ticket, signed for this tenant and realm.
    """
    signature = sign(message_to_sign(ticket, tenant=tenant, realm=realm))
    return spell(SignedTicket(ticket=ticket, signature=signature))


def check_ticket(
    token: str,
    *,
    job_id: str,
    purpose: Purpose,
    tenant: str,
    realm: str,
    verify: Callable[[bytes, Signature], bool],
) -> Ticket:
    """
    Return the ticket behind a token, or raise `InvalidTicket` unless it was issued for exactly this.

    Looks nothing up and does not look at the expiry: that is asked of the job store's clock.
    """
    signed = parse(token)
    genuine = verify(message_to_sign(signed.ticket, tenant=tenant, realm=realm), signed.signature)
    if not genuine or signed.ticket.job_id != job_id or signed.ticket.purpose != purpose:
        raise InvalidTicket
    return signed.ticket


def message_to_sign(ticket: Ticket, *, tenant: str, realm: str) -> bytes:
    """
    Return what the MAC covers: a label with a version, then each part behind its length.
    """
    parts = (realm.encode(), tenant.encode(), ticket_body(ticket))
    return b"streampay-export ticket 1\n" + b"".join(len(part).to_bytes(4) + part for part in parts)


def ticket_body(ticket: Ticket) -> bytes:
    """
    Return the claims as bytes; equal claims have equal bytes, different claims different ones.
    """
    seconds = (ticket.expires_at - _EPOCH) // timedelta(seconds=1)
    return b"".join(
        (
            bytes((VERSION, _PURPOSES[ticket.purpose])),
            _short(ticket.job_id),
            _short(ticket.link_id),
            seconds.to_bytes(8),
        )
    )


def spell(signed: SignedTicket) -> str:
    """
    Return the token: canonical base64url without padding, safe in a URL as it is.
    """
    signature = signed.signature
    whole = ticket_body(signed.ticket) + _short(_name(signature.key_id)) + signature.value
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode("ascii")


def parse(token: str) -> SignedTicket:
    """
    Read a token's claims and signature, or raise `InvalidTicket` for anything `spell` would not write.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidTicket
    try:
        signed = _read(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        again = spell(signed)
    except (ValueError, KeyError, IndexError):
        raise InvalidTicket from None
    # One ticket has one spelling: bits that base64 ignores, or a form not ours, do not pass.
    if again != token:
        raise InvalidTicket
    return signed


def _short(name: str) -> bytes:
    return bytes((len(name),)) + name.encode("ascii")


def _read(whole: bytes) -> SignedTicket:
    if whole[0] != VERSION:
        raise ValueError(whole[0])
    purpose = _PURPOSE_OF[whole[1]]
    job_id, at = _read_short(whole, 2)
    link_id, at = _read_short(whole, at)
    seconds = int.from_bytes(whole[at : at + 8])
    key_id, at = _read_short(whole, at + 8)
    mac = whole[at:]
    if len(mac) < SHORTEST_MAC or seconds > _LATEST:
        raise ValueError(len(mac))
    ticket = Ticket(job_id=job_id, purpose=purpose, link_id=link_id, expires_at=_EPOCH + timedelta(seconds=seconds))
    return SignedTicket(ticket=ticket, signature=Signature(key_id=key_id, value=mac))


def _read_short(whole: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + whole[at]
    return whole[at + 1 : end].decode("ascii"), end
