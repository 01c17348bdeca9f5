"""
StreamPay's fields by what they are, as policies rule over them together.
"""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = ("wallet_address", "email", "display_name", "avatar_url", "created_at", "last_seen")

STREAM_SIDES: Final = ("payer", "recipient")
STREAM_TERMS: Final = ("token", "rate_per_second", "total_amount", "schedule", "start_time", "end_time")
STREAM_COURSE: Final = (
    "status",
    "released_amount",
    "last_settled_at",
    "paused_at",
    "created_at",
    "updated_at",
    "deleted_at",
)
CANCELLATION: Final = (
    "cancellation_recipient_payout",
    "cancellation_sender_refund",
    "cancellation_total",
    "cancellation_already_released",
)
STREAM_HASHES: Final = (
    "transaction_hash",
    "cancellation_payout_transaction_hash",
    "cancellation_refund_transaction_hash",
)
STREAM_WORDS: Final = ("label", "labels", "memo")
STREAM_CONTACTS: Final = ("email", "partner_id")

PAYOUT_IDS: Final = ("id", "stream_id")
PAYOUT_SIDES: Final = ("wallet_address", "counterparty")
PAYOUT_MONEY: Final = ("asset", "amount", "fee")
PAYOUT_COURSE: Final = (
    "kind",
    "direction",
    "state",
    "attempts",
    "failure_code",
    "requested_at",
    "settled_at",
)
PAYOUT_HASHES: Final = ("settlement_transaction_hash", "confirmation_transaction_hash")

EVENT_IDS: Final = ("id", "stream_id")
EVENT_FACTS: Final = ("type", "timestamp")

UNCLASSIFIED: Final = "Applications may have put anything here, also about others; left out until it is classified."
LOOKED_UP: Final = "The ledger is public: with this the other side's address can be looked up."
