"""
StreamPay's streams: an amount locked by a payer, which vests to a recipient by the second.
"""

from __future__ import annotations

from .catalog import Dataset, Invariant
from .streampay_fields import (
    ADDRESS,
    COURSE,
    DECIMAL,
    DERIVED,
    JSON,
    MONEY,
    OBSERVED,
    ON_LEDGER,
    PAYING,
    PERSONAL,
    PROVIDED,
    RECORD,
    RECORD_ID,
    RECORDING,
    TEXT,
    TIME,
    TIMESTAMP,
    UUID,
    WORDS,
    Facts,
)

_ARRANGED = Facts(category="financial", purpose=PAYING, keeping=RECORD)
_BOOKED = Facts(category="activity", purpose=RECORDING, keeping=RECORD)
_CONTACT = Facts(category="contact", purpose=PAYING, keeping=PERSONAL)
_PARTNER = Facts(category="identity", purpose=PAYING, keeping=PERSONAL)
_NETWORK = Facts(category="ledger", purpose=RECORDING, keeping=RECORD)

STREAMS = Dataset(
    name="streams",
    table="streams",
    key=["created_at", "id"],
    subject=["payer", "recipient"],
    as_of="created_at",
    state="status",
    highlights=["created_at", "status", "label", "total_amount", "token", "payer", "recipient"],
    invariants=[
        Invariant(
            name="escrow",
            left=[
                "cancellation_recipient_payout",
                "cancellation_sender_refund",
                "cancellation_already_released",
            ],
            right=["cancellation_total"],
            description="On cancellation, all that was locked went to the recipient or back to the payer.",
        )
    ],
    description="Streams the person pays or receives.",
    fields=[
        RECORD_ID("id", UUID, OBSERVED, "Identifier of the stream"),
        ADDRESS("payer", TEXT, PROVIDED, "Stellar address that pays"),
        ADDRESS("recipient", TEXT, PROVIDED, "Stellar address that receives"),
        COURSE("status", TEXT, OBSERVED, "draft, active, paused, ended, withdrawn, completed or cancelled"),
        MONEY("token", TEXT, PROVIDED, "Asset paid: XLM, CODE:ISSUER or a token contract"),
        # No asset: to add rates up would mean nothing.
        MONEY("rate_per_second", DECIMAL, PROVIDED, "Amount of the token that vests each second", scale=9),
        MONEY("total_amount", DECIMAL, PROVIDED, "Amount locked", asset="token", scale=9),
        MONEY("vested_amount", DECIMAL, DERIVED, "Amount vested so far", asset="token"),
        MONEY("released_amount", DECIMAL, OBSERVED, "Amount paid out so far", asset="token"),
        _ARRANGED("schedule", TEXT, PROVIDED, "How the amount vests over time"),
        TIME("start_time", TIMESTAMP, PROVIDED, "When vesting begins"),
        TIME("end_time", TIMESTAMP, PROVIDED, "When vesting ends; empty for open-ended streams"),
        TIME("last_settled_at", TIMESTAMP, OBSERVED, "When money was last settled"),
        TIME("paused_at", TIMESTAMP, OBSERVED, "When the stream was paused"),
        TIME("created_at", TIMESTAMP, OBSERVED, "When the stream was made"),
        _BOOKED("updated_at", TIMESTAMP, OBSERVED, "When the record was last changed"),
        _BOOKED("deleted_at", TIMESTAMP, OBSERVED, "When the stream was deleted from view"),
        WORDS("label", TEXT, PROVIDED, "Name the payer gave the stream"),
        WORDS("labels", JSON, PROVIDED, "Labels the payer gave the stream, as a list"),
        WORDS("memo", TEXT, PROVIDED, "Note the payer wrote", column="off_chain_memo"),
        _CONTACT("email", TEXT, PROVIDED, "E-mail address given with the stream"),
        _PARTNER("partner_id", TEXT, PROVIDED, "Identifier of a partner's customer"),
        WORDS("metadata", JSON, PROVIDED, "Further data that applications attached"),
        _NETWORK("chain_id", TEXT, OBSERVED, "Network the stream runs on"),
        ON_LEDGER("contract_address", TEXT, OBSERVED, "Escrow contract"),
        ON_LEDGER("transaction_hash", TEXT, OBSERVED, "Transaction that made the stream"),
        MONEY(
            "cancellation_recipient_payout",
            DECIMAL,
            OBSERVED,
            "On cancellation: paid to the recipient",
            asset="token",
        ),
        MONEY(
            "cancellation_sender_refund",
            DECIMAL,
            OBSERVED,
            "On cancellation: paid back to the payer",
            asset="token",
        ),
        MONEY("cancellation_total", DECIMAL, OBSERVED, "On cancellation: amount locked", asset="token"),
        MONEY(
            "cancellation_already_released",
            DECIMAL,
            OBSERVED,
            "On cancellation: paid out before",
            asset="token",
        ),
        ON_LEDGER(
            "cancellation_payout_transaction_hash", TEXT, OBSERVED, "On cancellation: transaction of the payout"
        ),
        ON_LEDGER(
            "cancellation_refund_transaction_hash", TEXT, OBSERVED, "On cancellation: transaction of the refund"
        ),
    ],
)
