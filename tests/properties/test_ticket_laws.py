"""
Laws of tickets, for any claims.
"""

import base64
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.ticket import (
    LONGEST_TICKET,
    Purpose,
    Ticket,
    check_ticket,
    issue_ticket,
    message_to_sign,
    parse,
    spell,
)
from streampay_export.errors import InvalidTicket
from streampay_export.keys.memory import MemoryKeys

KEYS = MemoryKeys(b"laws")
SIGNER = KEYS.tickets
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=63)
TICKETS = st.builds(
    Ticket,
    job_id=NAMES,
    purpose=st.sampled_from(Purpose),
    link_id=NAMES,
    expires_at=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 — hypothesis wants it so
)
TEXTS = st.text(max_size=20)


def issue(ticket, tenant="default", realm="here"):
    """
    Issue a ticket.
    """
    return issue_ticket(ticket, tenant=tenant, realm=realm, sign=SIGNER.sign)


def check(token, ticket, tenant="default", realm="here"):
    """
    Check a token against what a ticket claims.
    """
    return check_ticket(
        token, job_id=ticket.job_id, purpose=ticket.purpose, tenant=tenant, realm=realm, verify=SIGNER.verify
    )


@given(TICKETS, TEXTS, TEXTS)
def test_what_is_issued_is_checked(ticket, tenant, realm):
    """
    Any claims come back from a token that is short enough, for any tenant and realm.
    """
    token = issue(ticket, tenant, realm)

    assert len(token) <= LONGEST_TICKET
    assert check(token, ticket, tenant, realm) == ticket
    assert spell(parse(token)) == token


@given(TICKETS, st.data())
def test_a_changed_token_is_refused(ticket, data):
    """
    Any one character replaced, removed or inserted makes it another token, which is refused.
    """
    token = issue(ticket)
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters())
    changed = {
        token[:at] + character + token[at + 1 :],
        token[:at] + token[at + 1 :],
        token[:at] + character + token[at:],
    } - {token}

    for other in changed:
        with pytest.raises(InvalidTicket):
            check(other, ticket)


@given(TICKETS, TICKETS)
def test_tickets_stand_for_themselves_alone(one, other):
    """
    A token passes for another ticket's job and purpose only where these are the same.
    """
    if (one.job_id, one.purpose) == (other.job_id, other.purpose):
        assert check(issue(one), other) == one
    else:
        with pytest.raises(InvalidTicket):
            check(issue(one), other)


@given(*[st.tuples(TICKETS, TEXTS, TEXTS)] * 2)
def test_messages_are_equal_only_for_equal_parts(one, other):
    """
    No two of (ticket, tenant, realm) are signed as the same bytes.
    """
    messages = [message_to_sign(ticket, tenant=tenant, realm=realm) for ticket, tenant, realm in (one, other)]

    assert (one == other) == (messages[0] == messages[1])


@given(st.text(max_size=500))
def test_any_text_is_parsed_or_refused(text):
    """
    Nothing but `InvalidTicket` comes out of what is no token.
    """
    with pytest.raises(InvalidTicket):
        parse(text)


@pytest.mark.promise
@pytest.mark.parametrize("signer", [SIGNER, KEYS.ed25519_tickets], ids=["hmac", "ed25519"])
def test_a_fuzzed_token_is_refused(signer):
    """
    100,000 tokens, changed at random in characters and in the bytes they spell: none passes, none breaks anything.
    """
    at_random = random.Random("tickets")
    ticket = Ticket(job_id="job", purpose=Purpose.OPEN, link_id="link", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    token = issue_ticket(ticket, tenant="default", realm="here", sign=signer.sign)
    whole = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    refused = 0
    for _ in range(100_000):
        other = bytearray(whole) if at_random.random() < 0.7 else bytearray(token.encode())
        spelled = len(other) == len(whole)
        for _ in range(at_random.randint(1, 4)):
            at = at_random.randrange(len(other) + 1)
            match at_random.randrange(3):
                case 0:
                    other[at : at + 1] = bytes([at_random.randrange(256)])
                case 1:
                    del other[at : at + at_random.randint(1, 8)]
                case _:
                    other[at:at] = at_random.randbytes(at_random.randint(1, 8))
        changed = base64.urlsafe_b64encode(other).rstrip(b"=").decode() if spelled else other.decode("latin-1")
        if changed == token:
            continue
        with pytest.raises(InvalidTicket):
            check_ticket(
                changed,
                job_id=ticket.job_id,
                purpose=ticket.purpose,
                tenant="default",
                realm="here",
                verify=signer.verify,
            )
        refused += 1

    assert refused > 99_000
