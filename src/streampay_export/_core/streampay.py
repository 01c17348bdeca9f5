"""
StreamPay's own history, as data: what its tables hold. Who may have what of it: `streampay_policies.py`.

Timestamps are stored without a time zone, in UTC. Soft-deleted rows are included: what is still held is
owed. `reveals = "counterparty"` tags what names the other side or, the ledger being public, lets anyone
look it up; an exact amount with an exact time can do so too, and is not tagged.
"""

from __future__ import annotations

from typing import Any

from .catalog import Catalog, Dataset, Field, FieldType, Origin, Owner
from .streampay_policies import (
    AUDITOR_POLICY,
    PORTABILITY_POLICY,
    SELF_POLICY,
    STREAMPAY_POLICIES,
    SUPPORT_POLICY,
)

__all__ = [
    "AUDITOR_POLICY",
    "PORTABILITY_POLICY",
    "SELF_POLICY",
    "STREAMPAY",
    "STREAMPAY_POLICIES",
    "SUPPORT_POLICY",
]

TEXT, INTEGER, DECIMAL = FieldType.TEXT, FieldType.INTEGER, FieldType.DECIMAL
TIMESTAMP, UUID, JSON = FieldType.TIMESTAMP, FieldType.UUID, FieldType.JSON
PROVIDED, OBSERVED, DERIVED = Origin.PROVIDED, Origin.OBSERVED, Origin.DERIVED
COUNTERPARTY = "counterparty"


def _field(name: str, kind: FieldType, category: str, origin: Origin, description: str, **more: Any) -> Field:
    return Field(name=name, type=kind, category=category, origin=origin, description=description, **more)


# One row a person, bounded by no as-of column: an account belongs to every window of an export.
ACCOUNT = Dataset(
    name="account",
    table="users",
    key=["wallet_address"],
    subject=["wallet_address"],
    description="The person's account.",
    fields=[
        _field("wallet_address", TEXT, "identity", PROVIDED, "Stellar address the person signs in with"),
        _field("email", TEXT, "contact", PROVIDED, "E-mail address"),
        _field("display_name", TEXT, "identity", PROVIDED, "Name shown to others"),
        _field("avatar_url", TEXT, "identity", PROVIDED, "Address of the profile picture"),
        _field("created_at", TIMESTAMP, "activity", OBSERVED, "When the account was made"),
        _field("last_seen", TIMESTAMP, "activity", OBSERVED, "When the person was last signed in"),
    ],
)

STREAMS = Dataset(
    name="streams",
    table="streams",
    key=["created_at", "id"],
    subject=["payer", "recipient"],
    as_of="created_at",
    description="Streams the person pays or receives.",
    fields=[
        _field("id", UUID, "financial", OBSERVED, "Identifier of the stream"),
        _field("payer", TEXT, "identity", PROVIDED, "Stellar address that pays", reveals=COUNTERPARTY),
        _field("recipient", TEXT, "identity", PROVIDED, "Stellar address that receives", reveals=COUNTERPARTY),
        _field(
            "status",
            TEXT,
            "financial",
            OBSERVED,
            "draft, active, paused, ended, withdrawn, completed or cancelled",
        ),
        _field("token", TEXT, "financial", PROVIDED, "Asset paid: XLM, CODE:ISSUER or a token contract"),
        _field(
            "rate_per_second",
            DECIMAL,
            "financial",
            PROVIDED,
            "Amount that vests each second",
            asset="token",
            scale=9,
        ),
        _field("total_amount", DECIMAL, "financial", PROVIDED, "Amount locked", asset="token", scale=9),
        _field("vested_amount", DECIMAL, "financial", DERIVED, "Amount vested so far", asset="token"),
        _field("released_amount", DECIMAL, "financial", OBSERVED, "Amount paid out so far", asset="token"),
        _field("schedule", TEXT, "financial", PROVIDED, "How the amount vests over time"),
        _field("start_time", TIMESTAMP, "financial", PROVIDED, "When vesting begins"),
        _field("end_time", TIMESTAMP, "financial", PROVIDED, "When vesting ends; empty for open-ended streams"),
        _field("last_settled_at", TIMESTAMP, "activity", OBSERVED, "When money was last settled"),
        _field("paused_at", TIMESTAMP, "activity", OBSERVED, "When the stream was paused"),
        _field("created_at", TIMESTAMP, "activity", OBSERVED, "When the stream was made"),
        _field("updated_at", TIMESTAMP, "activity", OBSERVED, "When the record was last changed"),
        _field("deleted_at", TIMESTAMP, "activity", OBSERVED, "When the stream was deleted from view"),
        _field("label", TEXT, "content", PROVIDED, "Name the payer gave the stream"),
        _field("labels", JSON, "content", PROVIDED, "Labels the payer gave the stream, as a list"),
        _field("memo", TEXT, "content", PROVIDED, "Note the payer wrote", column="off_chain_memo"),
        _field("email", TEXT, "contact", PROVIDED, "E-mail address given with the stream"),
        _field("partner_id", TEXT, "identity", PROVIDED, "Identifier of a partner's customer"),
        _field("metadata", JSON, "content", PROVIDED, "Further data that applications attached"),
        _field("chain_id", TEXT, "ledger", OBSERVED, "Network the stream runs on"),
        _field("contract_address", TEXT, "ledger", OBSERVED, "Escrow contract", reveals=COUNTERPARTY),
        _field(
            "transaction_hash", TEXT, "ledger", OBSERVED, "Transaction that made the stream", reveals=COUNTERPARTY
        ),
        _field(
            "cancellation_recipient_payout",
            DECIMAL,
            "financial",
            OBSERVED,
            "On cancellation: paid to the recipient",
            asset="token",
        ),
        _field(
            "cancellation_sender_refund",
            DECIMAL,
            "financial",
            OBSERVED,
            "On cancellation: paid back to the payer",
            asset="token",
        ),
        _field(
            "cancellation_total", DECIMAL, "financial", OBSERVED, "On cancellation: amount locked", asset="token"
        ),
        _field(
            "cancellation_already_released",
            DECIMAL,
            "financial",
            OBSERVED,
            "On cancellation: paid out before",
            asset="token",
        ),
        _field(
            "cancellation_payout_transaction_hash",
            TEXT,
            "ledger",
            OBSERVED,
            "On cancellation: transaction of the payout",
            reveals=COUNTERPARTY,
        ),
        _field(
            "cancellation_refund_transaction_hash",
            TEXT,
            "ledger",
            OBSERVED,
            "On cancellation: transaction of the refund",
            reveals=COUNTERPARTY,
        ),
    ],
)

# Paged by when a payout was asked for: settled_at is NULL while it is pending, and NULL keys lose rows.
PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=["requested_at", "id"],
    subject=["wallet_address"],
    as_of="requested_at",
    direction="direction",
    description="Settlements, withdrawals, cancellation payouts and refunds, out and in; one record a side.",
    fields=[
        _field("id", TEXT, "financial", OBSERVED, "Identifier of the record"),
        _field("wallet_address", TEXT, "identity", PROVIDED, "The person's address the record belongs to"),
        _field("stream_id", UUID, "financial", OBSERVED, "Stream the money belongs to"),
        _field("kind", TEXT, "financial", OBSERVED, "settlement, withdrawal, cancellation_payout or refund"),
        _field("direction", TEXT, "financial", OBSERVED, "out or in, as the person sees it"),
        _field(
            "counterparty", TEXT, "identity", OBSERVED, "Stellar address of the other side", reveals=COUNTERPARTY
        ),
        _field("asset", TEXT, "financial", OBSERVED, "Asset moved: XLM, CODE:ISSUER or a token contract"),
        _field("amount", DECIMAL, "financial", OBSERVED, "Amount moved", asset="asset"),
        _field("fee", DECIMAL, "financial", OBSERVED, "Fee taken, in the same asset", asset="asset"),
        _field("state", TEXT, "financial", OBSERVED, "pending, succeeded or failed"),
        _field("attempts", INTEGER, "activity", OBSERVED, "How often it was tried"),
        _field("failure_code", TEXT, "activity", OBSERVED, "Why it failed"),
        _field(
            "settlement_transaction_hash",
            TEXT,
            "ledger",
            OBSERVED,
            "Transaction that moved the money",
            reveals=COUNTERPARTY,
        ),
        _field(
            "confirmation_transaction_hash",
            TEXT,
            "ledger",
            OBSERVED,
            "Transaction that confirmed it",
            reveals=COUNTERPARTY,
        ),
        _field("ledger", INTEGER, "ledger", OBSERVED, "Number of the ledger it is in", reveals=COUNTERPARTY),
        _field("requested_at", TIMESTAMP, "activity", OBSERVED, "When it was asked for"),
        _field("settled_at", TIMESTAMP, "activity", OBSERVED, "When it was settled; empty while pending"),
    ],
)

# Paged by time, as a reader expects a log, and as ids need not grow; an event without a time is no event.
EVENTS = Dataset(
    name="events",
    table="events",
    key=["timestamp", "id"],
    owner=Owner(via="stream_id", table="streams", key="id", subject=["payer", "recipient"]),
    as_of="timestamp",
    description="What happened to the person's streams.",
    fields=[
        _field("id", TEXT, "activity", OBSERVED, "Identifier of the event"),
        _field("type", TEXT, "activity", OBSERVED, "What happened, such as stream.created"),
        _field("stream_id", UUID, "activity", OBSERVED, "Stream it happened to"),
        _field("timestamp", TIMESTAMP, "activity", OBSERVED, "When it happened"),
        _field("description", TEXT, "content", DERIVED, "The event in words, as the product shows it"),
    ],
)

STREAMPAY = Catalog([ACCOUNT, STREAMS, PAYOUTS, EVENTS], timezone="UTC")
