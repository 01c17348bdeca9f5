"""
Who may have what of StreamPay's history, and why: four profiles, as data.

Rules do not look at the row yet, so where a field may be either side's the other side is protected.
"""

from __future__ import annotations

from .policy import Policies, Policy
from .rule_groups import keep, mask, pseudonymise, withhold
from .rules import MaskKind

STREAM_TERMS = ("token", "rate_per_second", "total_amount", "schedule", "start_time", "end_time")
STREAM_COURSE = (
    "id",
    "status",
    "released_amount",
    "last_settled_at",
    "paused_at",
    "created_at",
    "updated_at",
    "deleted_at",
)
STREAM_HASHES = (
    "transaction_hash",
    "cancellation_payout_transaction_hash",
    "cancellation_refund_transaction_hash",
)
CANCELLATION = (
    "cancellation_recipient_payout",
    "cancellation_sender_refund",
    "cancellation_total",
    "cancellation_already_released",
)
PAYOUT_MONEY = ("asset", "amount", "fee")
PAYOUT_COURSE = (
    "id",
    "stream_id",
    "kind",
    "direction",
    "state",
    "attempts",
    "failure_code",
    "requested_at",
    "settled_at",
)
PAYOUT_HASHES = ("settlement_transaction_hash", "confirmation_transaction_hash")
EVENT_FACTS = ("id", "type", "stream_id", "timestamp")

UNCLASSIFIED = "Applications may have put anything here, also about others; left out until it is classified."
LOOKED_UP = "The ledger is public: with this the other side's address can be looked up."

SELF_POLICY = Policy(
    profile="self",
    description="A copy of your own history: everything, but for what is only other people's.",
    rules={
        "account": keep(
            "Your own account.", "wallet_address", "email", "display_name", "avatar_url", "created_at", "last_seen"
        ),
        "streams": [
            keep("Names both sides of your own transaction, as a bank statement does.", "payer", "recipient"),
            keep("The terms of your own stream.", *STREAM_TERMS),
            keep("What became of your own stream.", *STREAM_COURSE, "vested_amount", *CANCELLATION),
            keep("Text the product showed to you, or that you wrote.", "label", "labels", "memo"),
            keep("Where your stream stands on the public ledger.", "chain_id", "contract_address", *STREAM_HASHES),
            mask(
                MaskKind.EMAIL,
                "It may be the other side's; your own address is in your account.",
                "email",
            ),
            mask(MaskKind.TEXT, "It may identify the other side at a partner.", "partner_id"),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            keep("Your own payment, out or in.", *PAYOUT_COURSE, *PAYOUT_MONEY, "wallet_address"),
            keep("Names the other side of your own payment, as a bank statement does.", "counterparty"),
            keep("Where your payment stands on the public ledger.", *PAYOUT_HASHES, "ledger"),
        ],
        "events": keep("What happened to your own stream.", *EVENT_FACTS, "description"),
    },
)

PORTABILITY_POLICY = Policy(
    profile="portability",
    description="What you provided or what was observed of you, to take to another service (GDPR Art. 20).",
    rules={
        "account": keep(
            "You provided it, or it was observed as you used your account.",
            "wallet_address",
            "email",
            "display_name",
            "avatar_url",
            "created_at",
            "last_seen",
        ),
        "streams": [
            keep("Without both sides your transaction could not be used elsewhere.", "payer", "recipient"),
            keep("The terms your stream was made with.", *STREAM_TERMS),
            keep("Observed as your stream ran.", *STREAM_COURSE, *CANCELLATION),
            keep("Observed on the public ledger.", "chain_id", "contract_address", *STREAM_HASHES),
            withhold("Calculated by StreamPay, neither provided by you nor observed.", "vested_amount"),
            withhold(
                "Written by the payer, who may be someone else; it is in the copy for yourself.",
                "label",
                "labels",
                "memo",
            ),
            withhold("It may be the other side's.", "email", "partner_id"),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            keep("Observed as your payment was made.", *PAYOUT_COURSE, *PAYOUT_MONEY, "wallet_address"),
            keep("Without the other side your payment could not be used elsewhere.", "counterparty"),
            keep("Observed on the public ledger.", *PAYOUT_HASHES, "ledger"),
        ],
        "events": [
            keep("Observed as your stream ran.", *EVENT_FACTS),
            withhold("Worded by StreamPay, neither provided by you nor observed.", "description"),
        ],
    },
)

SUPPORT_POLICY = Policy(
    profile="support",
    description="What support needs to answer a question about a payment, without learning who paid whom.",
    rules={
        "account": [
            pseudonymise("Shows which side of a payment the person is, and no more.", "wallet_address"),
            mask(MaskKind.EMAIL, "Enough to confirm an address the person names.", "email"),
            mask(MaskKind.NAME, "Enough to confirm a name the person gives.", "display_name"),
            keep("Tells how old the account is.", "created_at"),
            withhold("Not needed to answer a question about a payment.", "avatar_url", "last_seen"),
        ],
        "streams": [
            pseudonymise("Tells the sides apart without naming them.", "payer", "recipient"),
            keep("Needed to explain what a stream pays.", *STREAM_TERMS, "vested_amount", *CANCELLATION),
            keep("Needed to explain what became of a stream.", *STREAM_COURSE, "chain_id"),
            withhold(LOOKED_UP, "contract_address", *STREAM_HASHES),
            withhold("Written for the two sides, not for support.", "label", "labels", "memo"),
            withhold("Not needed to answer a question about a payment.", "email", "partner_id"),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            pseudonymise("Tells the sides apart without naming them.", "wallet_address", "counterparty"),
            keep("Needed to explain what became of a payment.", *PAYOUT_COURSE, *PAYOUT_MONEY),
            withhold(LOOKED_UP, *PAYOUT_HASHES, "ledger"),
        ],
        "events": [
            keep("Needed to explain what happened, and when.", *EVENT_FACTS),
            withhold("May name the other side.", "description"),
        ],
    },
)

AUDITOR_POLICY = Policy(
    profile="auditor",
    description="What shows that amounts and times are complete and add up, without showing whose they are.",
    rules={
        "account": [
            pseudonymise("Ties an account to its payments without naming it.", "wallet_address"),
            keep("Shows since when there is a history.", "created_at"),
            withhold(
                "Says who somebody is, which no total needs.", "email", "display_name", "avatar_url", "last_seen"
            ),
        ],
        "streams": [
            pseudonymise("Tells the sides apart without naming them.", "payer", "recipient"),
            pseudonymise("Ties records to one transaction without letting it be looked up.", *STREAM_HASHES),
            keep("Needed to recalculate amounts.", *STREAM_TERMS, "vested_amount", *CANCELLATION),
            keep("Needed to see that the record is complete.", *STREAM_COURSE, "chain_id"),
            withhold(LOOKED_UP, "contract_address"),
            withhold("Written for the two sides; no total needs it.", "label", "labels", "memo"),
            withhold("Says who somebody is, which no total needs.", "email", "partner_id"),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            pseudonymise("Tells the sides apart without naming them.", "wallet_address", "counterparty"),
            pseudonymise("Ties records to one transaction without letting it be looked up.", *PAYOUT_HASHES),
            keep("Needed to add up what moved, and when.", *PAYOUT_COURSE, *PAYOUT_MONEY),
            withhold(LOOKED_UP, "ledger"),
        ],
        "events": [
            keep("Needed to see that the record is complete.", *EVENT_FACTS),
            withhold("May name the other side.", "description"),
        ],
    },
)

STREAMPAY_POLICIES = Policies.of(SELF_POLICY, PORTABILITY_POLICY, SUPPORT_POLICY, AUDITOR_POLICY)
