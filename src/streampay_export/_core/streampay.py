"""
StreamPay's own history, as data: what its tables hold. Who may have what of it: `streampay_policies.py`.

Timestamps are stored without a time zone, in UTC. Soft-deleted rows are included: what is still held is
owed. `reveals = "counterparty"` tags what names the other side or, the ledger being public, lets anyone
look it up: addresses (the person's own too), hashes, identifiers, and exact amounts, assets and times.
"""

from __future__ import annotations

from .catalog import Catalog, Dataset
from .field import LegalBasis
from .streampay_fields import COUNTERPARTY, OBSERVED, PERSONAL, PROVIDED, SERVING, TEXT, TIMESTAMP, Facts
from .streampay_history import EVENTS, PAYOUTS
from .streampay_policies import (
    AUDITOR_POLICY,
    SELF_POLICY,
    STREAMPAY_POLICIES,
    SUPPORT_POLICY,
)
from .streampay_portability import PORTABILITY_POLICY, PORTABILITY_STRICT_POLICY
from .streampay_streams import STREAMS

__all__ = [
    "AUDITOR_POLICY",
    "PORTABILITY_POLICY",
    "PORTABILITY_STRICT_POLICY",
    "SELF_POLICY",
    "STREAMPAY",
    "STREAMPAY_POLICIES",
    "SUPPORT_POLICY",
]

_ADDRESS = Facts(category="identity", purpose=SERVING, keeping=PERSONAL, reveals=COUNTERPARTY)
_CONTACT = Facts(category="contact", purpose=SERVING, keeping=PERSONAL)
_SHOWN = Facts(category="identity", purpose="To show you to the people you pay, and who pay you.", keeping=PERSONAL)
_USE = Facts(category="activity", purpose=SERVING, keeping=PERSONAL)
_SAFETY = Facts(
    category="activity",
    purpose="To notice when somebody else uses your account.",
    keeping=PERSONAL,
    legal_basis=LegalBasis.LEGITIMATE_INTERESTS,
)

# One row a person, bounded by no as-of column: an account belongs to every window of an export.
ACCOUNT = Dataset(
    name="account",
    table="users",
    key=["wallet_address"],
    subject=["wallet_address"],
    highlights=["display_name", "email", "wallet_address", "created_at"],
    description="The person's account.",
    fields=[
        _ADDRESS("wallet_address", TEXT, PROVIDED, "Stellar address the person signs in with"),
        _CONTACT("email", TEXT, PROVIDED, "E-mail address"),
        _SHOWN("display_name", TEXT, PROVIDED, "Name shown to others"),
        _SHOWN("avatar_url", TEXT, PROVIDED, "Address of the profile picture"),
        _USE("created_at", TIMESTAMP, OBSERVED, "When the account was made"),
        _SAFETY("last_seen", TIMESTAMP, OBSERVED, "When the person was last signed in"),
    ],
)

STREAMPAY = Catalog([ACCOUNT, STREAMS, PAYOUTS, EVENTS], timezone="UTC")
