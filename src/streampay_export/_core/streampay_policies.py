"""
Who may have what of StreamPay's history, and why: five profiles, as data.

Here stand the copies for oneself, for support and for auditors; for portability: `streampay_portability.py`.
"""

from __future__ import annotations

from .policy import Policies, Policy
from .rule_groups import keep, mask, pseudonymise, withhold
from .rules import MaskKind
from .streampay_groups import (
    ACCOUNT,
    CANCELLATION,
    EVENT_FACTS,
    EVENT_IDS,
    LOOKED_UP,
    PAYOUT_COURSE,
    PAYOUT_HASHES,
    PAYOUT_IDS,
    PAYOUT_MONEY,
    PAYOUT_SIDES,
    STREAM_CONTACTS,
    STREAM_COURSE,
    STREAM_HASHES,
    STREAM_SIDES,
    STREAM_TERMS,
    STREAM_WORDS,
    UNCLASSIFIED,
)
from .streampay_portability import PORTABILITY_POLICY, PORTABILITY_STRICT_POLICY

SELF_POLICY = Policy(
    profile="self",
    description="A copy of your own history: everything, but for what is only other people's.",
    rules={
        "account": keep("Your own account.", *ACCOUNT),
        "streams": [
            keep("Names both sides of your own transaction, as a bank statement does.", *STREAM_SIDES),
            keep("The terms of your own stream.", *STREAM_TERMS),
            keep("What became of your own stream.", "id", *STREAM_COURSE, "vested_amount", *CANCELLATION),
            keep("Text the product showed to you, or that you wrote.", *STREAM_WORDS),
            keep("Where your stream stands on the public ledger.", "chain_id", "contract_address", *STREAM_HASHES),
            mask(MaskKind.EMAIL, "It may be the other side's; your own address is in your account.", "email"),
            mask(MaskKind.TEXT, "It may identify the other side at a partner.", "partner_id"),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            keep("Your own payment, out or in.", *PAYOUT_IDS, *PAYOUT_COURSE, *PAYOUT_MONEY, "wallet_address"),
            keep("Names the other side of your own payment, as a bank statement does.", "counterparty"),
            keep("Where your payment stands on the public ledger.", *PAYOUT_HASHES, "ledger"),
        ],
        "events": keep("What happened to your own stream.", *EVENT_IDS, *EVENT_FACTS, "description"),
    },
)

SUPPORT_POLICY = Policy(
    profile="support",
    description=(
        "What support needs to answer a question about a payment. It names neither side; amounts and times are "
        "exact, and with them the public ledger can still be searched."
    ),
    rules={
        "account": [
            pseudonymise("Shows which side of a payment the person is, and no more.", "wallet_address"),
            mask(MaskKind.EMAIL, "Enough to confirm an address the person names.", "email"),
            mask(MaskKind.NAME, "Enough to confirm a name the person gives.", "display_name"),
            keep("Tells how old the account is.", "created_at"),
            withhold("Not needed to answer a question about a payment.", "avatar_url", "last_seen"),
        ],
        "streams": [
            keep("Finds the record that a question is about.", "id"),
            pseudonymise("Tells the sides apart without naming them.", *STREAM_SIDES),
            keep("Needed to explain what a stream pays.", *STREAM_TERMS, "vested_amount", *CANCELLATION),
            keep("Needed to explain what became of a stream.", *STREAM_COURSE, "chain_id"),
            withhold(LOOKED_UP, "contract_address", *STREAM_HASHES),
            withhold("Written for the two sides, not for support.", *STREAM_WORDS),
            withhold("Not needed to answer a question about a payment.", *STREAM_CONTACTS),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            keep("Finds the record that a question is about.", *PAYOUT_IDS),
            pseudonymise("Tells the sides apart without naming them.", *PAYOUT_SIDES),
            keep("Needed to explain what became of a payment.", *PAYOUT_COURSE, *PAYOUT_MONEY),
            withhold(LOOKED_UP, *PAYOUT_HASHES, "ledger"),
        ],
        "events": [
            keep("Finds the record that a question is about.", *EVENT_IDS),
            keep("Needed to explain what happened, and when.", *EVENT_FACTS),
            withhold("May name the other side.", "description"),
        ],
    },
)

_TIED = "Ties records together without letting anything be looked up."

AUDITOR_POLICY = Policy(
    profile="auditor",
    description=(
        "What shows that amounts and times are complete and add up. It names nobody; amounts and times are exact, "
        "and with them the public ledger can still be searched."
    ),
    rules={
        "account": [
            pseudonymise("Ties an account to its payments without naming it.", "wallet_address"),
            keep("Shows since when there is a history.", "created_at"),
            withhold(
                "Says who somebody is, which no total needs.", "email", "display_name", "avatar_url", "last_seen"
            ),
        ],
        "streams": [
            pseudonymise("Tells the sides apart without naming them.", *STREAM_SIDES),
            pseudonymise(_TIED, "id", *STREAM_HASHES),
            keep("Needed to recalculate amounts.", *STREAM_TERMS, "vested_amount", *CANCELLATION),
            keep("Needed to see that the record is complete.", *STREAM_COURSE, "chain_id"),
            withhold(LOOKED_UP, "contract_address"),
            withhold("Written for the two sides; no total needs it.", *STREAM_WORDS),
            withhold("Says who somebody is, which no total needs.", *STREAM_CONTACTS),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            pseudonymise("Tells the sides apart without naming them.", *PAYOUT_SIDES),
            pseudonymise(_TIED, *PAYOUT_IDS, *PAYOUT_HASHES),
            keep("Needed to add up what moved, and when.", *PAYOUT_COURSE, *PAYOUT_MONEY),
            withhold(LOOKED_UP, "ledger"),
        ],
        "events": [
            pseudonymise(_TIED, *EVENT_IDS),
            keep("Needed to see that the record is complete.", *EVENT_FACTS),
            withhold("May name the other side.", "description"),
        ],
    },
)

STREAMPAY_POLICIES = Policies.of(
    SELF_POLICY, PORTABILITY_POLICY, PORTABILITY_STRICT_POLICY, SUPPORT_POLICY, AUDITOR_POLICY
)
