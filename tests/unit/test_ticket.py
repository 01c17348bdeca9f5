"""
Tickets: what is said about the two ends, issuing and checking.
"""

import base64
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest

from streampay_export._core.signature import Signature
from streampay_export._core.ticket import (
    LONGEST_TICKET,
    Purpose,
    SignedTicket,
    Ticket,
    check_ticket,
    issue_ticket,
    message_to_sign,
    parse,
    spell,
)
from streampay_export.errors import InvalidTicket
from streampay_export.keys.memory import MemoryKeys
from streampay_export.ports.signing import KeyState
from streampay_export.signing.ed25519 import Ed25519Key, Ed25519Signer
from streampay_export.signing.hmac import HmacKey, HmacSigner

KEYS = MemoryKeys(b"tickets")
SIGNERS = {"hmac": KEYS.tickets, "ed25519": KEYS.ed25519_tickets}
UNTIL = datetime(2026, 1, 2, 12, 5, tzinfo=UTC)
TICKET = Ticket(job_id="a" * 26, purpose=Purpose.DOWNLOAD, link_id="b" * 26, expires_at=UNTIL)
PLACE = {"tenant": "default", "realm": "shop"}


@pytest.fixture(params=SIGNERS)
def signer(request):
    """
    Each of the two that a deployment chooses from.
    """
    return SIGNERS[request.param]


@pytest.fixture
def token(signer):
    """
    A ticket of that signer's.
    """
    return issue_ticket(TICKET, sign=signer.sign, **PLACE)


@pytest.fixture
def check(signer):
    """
    Checks a token as the download route does, but for what its keywords say.
    """

    def check(token, *, signer=signer, **other):
        expected = {"job_id": TICKET.job_id, "purpose": TICKET.purpose, **PLACE, **other}
        return check_ticket(token, verify=signer.verify, **expected)

    return check


def respell(prefix):
    """
    Spell bytes as tokens are spelled.
    """
    return base64.urlsafe_b64encode(prefix).rstrip(b"=").decode()


def test_a_token_is_checked_where_it_was_issued(check, token):
    """
    The claims come back as they were, and the token is safe in a URL as it is.
    """
    assert check(token) == TICKET
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_token_names_neither_tenant_nor_realm_nor_subject(token):
    """
    What a log or a Referer may show is ids and a time.
    """
    whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))

    assert not [word for word in (b"default", b"shop") if word in whole]


def test_an_expired_ticket_is_genuine_all_the_same(check, signer):
    """
    Whether it is late is asked of the job store's clock, not here.
    """
    late = Ticket(job_id="a" * 26, purpose="download", link_id="b", expires_at=datetime(1970, 1, 1, tzinfo=UTC))

    assert check(issue_ticket(late, sign=signer.sign, **PLACE)) == late


@pytest.mark.parametrize(
    "other",
    [
        {"job_id": "c" * 26},
        {"job_id": ""},
        *({"purpose": each} for each in Purpose if each is not Purpose.DOWNLOAD),
        {"tenant": "other"},
        {"tenant": ""},
        {"realm": "other"},
        {"tenant": "shop", "realm": "default"},
        {"tenant": "tdefault", "realm": "shop"[:-1]},
    ],
    ids=str,
)
def test_a_ticket_for_something_else_is_refused(check, token, other):
    """
    Another job, purpose, tenant or realm is refused.
    """
    with pytest.raises(InvalidTicket):
        check(token, **other)


def test_every_flipped_bit_is_refused(check, token):
    """
    Whichever bit of whichever character is flipped, the token is refused.
    """
    for at, character in enumerate(token):
        for bit in range(8):
            altered = token[:at] + chr(ord(character) ^ 1 << bit) + token[at + 1 :]
            with pytest.raises(InvalidTicket):
                check(altered)


def test_every_other_last_character_is_refused(check, signer):
    """
    The bits that base64 leaves unused at the end count: one ticket has one spelling.
    """
    tokens = [
        issue_ticket(
            Ticket(job_id="a" * 26, purpose="download", link_id="b" * length, expires_at=UNTIL),
            sign=signer.sign,
            **PLACE,
        )
        for length in (1, 2, 3)
    ]
    assert {0, 2, 3} == {len(token) % 4 for token in tokens}
    for token in tokens:
        for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            if character != token[-1]:
                with pytest.raises(InvalidTicket):
                    check(token[:-1] + character)


def test_every_truncation_is_refused(check, token):
    """
    A token cut at either end, anywhere, is refused.
    """
    for at in range(len(token)):
        for cut in (token[:at], token[at + 1 :]):
            with pytest.raises(InvalidTicket):
                check(cut)


@pytest.mark.parametrize(
    "end", ["A", "AA", "AAA", "AAAA", "=", "==", "===", " ", "\n", "\0", ".", "%3D", "&x=1", "é"]
)
def test_anything_appended_or_prepended_is_refused(check, token, end):
    """
    Characters, padding, white space and other alphabets at an end are refused.
    """
    for altered in (token + end, end + token):
        with pytest.raises(InvalidTicket):
            check(altered)


OTHERS = {
    "other case": str.swapcase,
    "lower case": str.lower,
    "a line break inside": lambda token: token[:8] + "\n" + token[8:],
    "a space inside": lambda token: token[:8] + " " + token[8:],
    "full-width letters": lambda token: token.replace("A", "\uff21"),
    "two, with a dot": lambda token: token + "." + token,
    "two": lambda token: token * 2,
    "too long": lambda token: token + "A" * LONGEST_TICKET,
    "ten megabytes": lambda _: "A" * 10_000_000,
    "nothing": lambda _: "",
    "padding": lambda _: "=",
    "one character": lambda _: "A",
    "three bytes": lambda _: "AAAA",
    "a JWT without algorithm": lambda _: "eyJhbGciOiJub25lIn0.e30.",
    "a path": lambda _: "../../etc/passwd",
    "half a character": lambda _: "\udc80",
}


@pytest.mark.parametrize("alter", OTHERS.values(), ids=OTHERS)
def test_what_is_no_token_is_refused(check, token, alter):
    """
    Other cases, other spellings, two in one, too long ones and other formats are refused.
    """
    with pytest.raises(InvalidTicket):
        check(alter(token))


MAC = bytes(32)
BODY = bytes((1, 1, 1)) + b"a" + b"\1b" + bytes(8) + b"\1k"


MALFORMED = {
    "version 0": b"\0" + BODY[1:] + MAC,
    "version 2": b"\2" + BODY[1:] + MAC,
    "purpose 0": BODY[:1] + b"\0" + BODY[2:] + MAC,
    "purpose 5": BODY[:1] + b"\5" + BODY[2:] + MAC,
    "an empty job id": BODY[:2] + b"\0" + BODY[4:] + MAC,
    "a job id longer than the token": BODY[:2] + b"\xff" + BODY[3:] + MAC,
    "an upper-case job id": BODY.replace(b"a", b"A") + MAC,
    "a path for a job id": BODY.replace(b"a", b"/") + MAC,
    "a job id that is not ASCII": BODY.replace(b"a", b"\xe9") + MAC,
    "a dot for a link id": BODY.replace(b"b", b".") + MAC,
    "a NUL for a key id": BODY.replace(b"k", b"\0") + MAC,
    "an expiry past the last year": BODY.replace(bytes(8), b"\xff" * 8) + MAC,
    "a short MAC": BODY + MAC[:-1],
    "no MAC": BODY,
    "one byte": BODY[:1],
    "two bytes": BODY[:2],
    "ids cut off": BODY[:9],
}


@pytest.mark.parametrize("whole", MALFORMED.values(), ids=MALFORMED)
def test_malformed_claims_are_refused_before_any_key_is_asked(whole):
    """
    Unknown versions and purposes, ids that are none, impossible times and short MACs never reach a key.
    """
    parse(respell(BODY + MAC))

    with pytest.raises(InvalidTicket):
        check_ticket(respell(whole), job_id="a", purpose=Purpose.DOWNLOAD, verify=lambda *_: True, **PLACE)


@pytest.mark.parametrize(
    ("signer_of", "old", "new"),
    [
        (HmacSigner, partial(HmacKey, key_id="old", secret=bytes(32)), HmacKey(key_id="new", secret=b"n" * 32)),
        (Ed25519Signer, partial(Ed25519Key, seed=bytes(32)), Ed25519Key(seed=b"n" * 32)),
    ],
    ids=SIGNERS,
)
def test_a_retired_key_verifies_a_revoked_one_refuses(check, signer_of, old, new):
    """
    After a rotation links live on; after a revocation they end at once; a key nobody knows refuses.
    """
    token = issue_ticket(TICKET, sign=signer_of([old()]).sign, **PLACE)

    assert check(token, signer=signer_of([new, old(state=KeyState.RETIRED)])) == TICKET
    for refusing in (signer_of([new, old(state=KeyState.REVOKED)]), signer_of([new])):
        with pytest.raises(InvalidTicket):
            check(token, signer=refusing)


def test_only_the_key_decides(check, signer, token):
    """
    One somebody put together under a known key id is refused, one signed for a cursor, and one of the other kind.
    """
    size = len(parse(token).signature.value)
    made_up = Signature(key_id=signer.sign(b"").key_id, value=bytes(size))
    (other,) = set(SIGNERS.values()) - {signer}
    tokens = [spell(SignedTicket(ticket=TICKET, signature=made_up))]
    tokens += [issue_ticket(TICKET, sign=sign, **PLACE) for sign in (KEYS.cursors.sign, other.sign)]

    for each in tokens:
        with pytest.raises(InvalidTicket):
            check(each)


def test_messages_are_told_apart_wherever_their_parts_end():
    """
    Moving characters between realm and tenant makes another message.
    """
    assert message_to_sign(TICKET, tenant="bc", realm="a") != message_to_sign(TICKET, tenant="c", realm="ab")


def test_an_expiry_is_cut_to_whole_seconds_of_utc():
    """
    A ticket never lives longer than was asked, and says so in UTC.
    """
    zone = timezone(timedelta(hours=2))
    ticket = Ticket(
        job_id="a", purpose="open", link_id="b", expires_at=datetime(2026, 1, 2, 14, 0, 0, 999_999, zone)
    )

    assert ticket.expires_at.isoformat() == "2026-01-02T12:00:00+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"job_id": ""},
        {"job_id": "../x"},
        {"job_id": "A"},
        {"job_id": "a" * 64},
        {"link_id": "a\n"},
        {"purpose": "admin"},
        {"expires_at": UNTIL.replace(tzinfo=None)},
        {"expires_at": datetime(1969, 12, 31, tzinfo=UTC)},
    ],
    ids=str,
)
def test_a_ticket_that_could_not_be_spelled_is_not_made(wrong):
    """
    Ids outside the alphabet, unknown purposes, and expiries that are naive or before 1970 are refused.
    """
    claims = {"job_id": "a", "purpose": "open", "link_id": "b", "expires_at": UNTIL}

    with pytest.raises(ValueError, match=r"ticket|Purpose"):
        Ticket(**{**claims, **wrong})


def test_a_signer_whose_key_id_cannot_be_spelled_is_refused():
    """
    A key id outside the alphabet is found when issuing, not when a person clicks.
    """
    with pytest.raises(ValueError, match="an id in a ticket"):
        issue_ticket(TICKET, sign=lambda _: Signature(key_id="Key 1", value=MAC), **PLACE)
