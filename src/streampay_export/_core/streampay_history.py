"""
StreamPay's payouts, and the events of its streams.
"""

from __future__ import annotations

from .catalog import Dataset, Owner
from .streampay_fields import (
    ADDRESS,
    COUNTERPARTY,
    COURSE,
    DECIMAL,
    DERIVED,
    INTEGER,
    MONEY,
    OBSERVED,
    ON_LEDGER,
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

_LOG = Facts(category="activity", purpose=RECORDING, keeping=RECORD)
_LOG_ID = Facts(category="activity", purpose=RECORDING, keeping=RECORD, reveals=COUNTERPARTY)

# Paged by when a payout was asked for: settled_at is NULL while it is pending, and NULL keys lose rows.
PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=["requested_at", "id"],
    subject=["wallet_address"],
    as_of="requested_at",
    direction="direction",
    state="state",
    highlights=["requested_at", "direction", "amount", "asset", "counterparty", "state"],
    description="Settlements, withdrawals, cancellation payouts and refunds, out and in; one record a side.",
    fields=[
        RECORD_ID("id", TEXT, OBSERVED, "Identifier of the record"),
        ADDRESS("wallet_address", TEXT, PROVIDED, "The person's address the record belongs to"),
        RECORD_ID("stream_id", UUID, OBSERVED, "Stream the money belongs to"),
        COURSE("kind", TEXT, OBSERVED, "settlement, withdrawal, cancellation_payout or refund"),
        COURSE("direction", TEXT, OBSERVED, "out or in, as the person sees it"),
        ADDRESS("counterparty", TEXT, OBSERVED, "Stellar address of the other side"),
        MONEY("asset", TEXT, OBSERVED, "Asset moved: XLM, CODE:ISSUER or a token contract"),
        MONEY("amount", DECIMAL, OBSERVED, "Amount moved", asset="asset"),
        MONEY("fee", DECIMAL, OBSERVED, "Fee taken, in the same asset", asset="asset"),
        COURSE("state", TEXT, OBSERVED, "pending, succeeded or failed"),
        _LOG("attempts", INTEGER, OBSERVED, "How often it was tried"),
        _LOG("failure_code", TEXT, OBSERVED, "Why it failed"),
        ON_LEDGER("settlement_transaction_hash", TEXT, OBSERVED, "Transaction that moved the money"),
        ON_LEDGER("confirmation_transaction_hash", TEXT, OBSERVED, "Transaction that confirmed it"),
        ON_LEDGER("ledger", INTEGER, OBSERVED, "Number of the ledger it is in"),
        TIME("requested_at", TIMESTAMP, OBSERVED, "When it was asked for"),
        TIME("settled_at", TIMESTAMP, OBSERVED, "When it was settled; empty while pending"),
    ],
)

# Paged by time, as a reader expects a log, and as ids need not grow; an event without a time is no event.
EVENTS = Dataset(
    name="events",
    table="events",
    key=["timestamp", "id"],
    owner=Owner(via="stream_id", table="streams", key="id", subject=["payer", "recipient"]),
    as_of="timestamp",
    highlights=["timestamp", "type", "description"],
    description="What happened to the person's streams.",
    fields=[
        _LOG_ID("id", TEXT, OBSERVED, "Identifier of the event"),
        _LOG("type", TEXT, OBSERVED, "What happened, such as stream.created"),
        _LOG_ID("stream_id", UUID, OBSERVED, "Stream it happened to"),
        TIME("timestamp", TIMESTAMP, OBSERVED, "When it happened"),
        WORDS("description", TEXT, DERIVED, "The event in words, as the product shows it"),
    ],
)
