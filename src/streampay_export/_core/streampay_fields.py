"""
What StreamPay's fields have in common: why they are held, for how long, and what erasure does to them.

Facts of its own inventory: what identifies a person is scrubbed within thirty days of a request, records of
payments are kept seven years for law and audit, and what stands on the public ledger nobody can erase.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from .field import Field, FieldType, LegalBasis, OnErasure, Origin, Retain, Scrub

TEXT, INTEGER, DECIMAL = FieldType.TEXT, FieldType.INTEGER, FieldType.DECIMAL
TIMESTAMP, UUID, JSON = FieldType.TIMESTAMP, FieldType.UUID, FieldType.JSON
PROVIDED, OBSERVED, DERIVED = Origin.PROVIDED, Origin.OBSERVED, Origin.DERIVED

COUNTERPARTY: Final = "counterparty"
"""Names the other side or, the ledger being public, lets anyone look it up: alone, or with another such field."""

PAYING = "To carry out payments as you agreed on them."
RECORDING = "To show you, and prove to others, what became of a payment."
TELLING = "To tell both sides what a payment is for."
SERVING = "To run your account."

_RECORDS = "Records of payments, which law and audit ask for (GDPR Art. 17(3)(b))"


@frozen(kw_only=True)
class Keeping:
    """
    For how long a field is held, in words, and what happens to it on erasure.
    """

    retention: str
    on_erasure: OnErasure


PERSONAL = Keeping(
    retention="While you have an account; scrubbed within thirty days of your asking for it.", on_erasure=Scrub()
)
RECORD = Keeping(
    retention="Seven years, for law and audit.",
    on_erasure=Retain(basis=_RECORDS, until="seven years after the payment"),
)
LEDGER = Keeping(
    retention="Here seven years, for law and audit; for ever on the public ledger, where nobody can erase it.",
    on_erasure=Retain(basis=_RECORDS, until="seven years after the payment; on the ledger it stays"),
)


@frozen(kw_only=True)
class Facts:
    """
    What is true of several fields at once; calling it makes one of them.
    """

    category: str
    purpose: str
    keeping: Keeping
    legal_basis: LegalBasis = LegalBasis.CONTRACT
    reveals: str = ""

    def __call__(self, name: str, kind: FieldType, origin: Origin, description: str, **more: Any) -> Field:
        """
        Return the field *name* of these facts. *more* is as for `Field`.
        """
        return Field(
            name=name,
            type=kind,
            origin=origin,
            description=description,
            category=self.category,
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            retention=self.keeping.retention,
            on_erasure=self.keeping.on_erasure,
            reveals=self.reveals,
            **more,
        )


ADDRESS = Facts(category="identity", purpose=PAYING, keeping=LEDGER, reveals=COUNTERPARTY)
RECORD_ID = Facts(category="financial", purpose=RECORDING, keeping=RECORD, reveals=COUNTERPARTY)
MONEY = Facts(category="financial", purpose=PAYING, keeping=LEDGER, reveals=COUNTERPARTY)
TIME = Facts(category="activity", purpose=RECORDING, keeping=LEDGER, reveals=COUNTERPARTY)
COURSE = Facts(category="financial", purpose=RECORDING, keeping=RECORD)
ON_LEDGER = Facts(category="ledger", purpose=RECORDING, keeping=LEDGER, reveals=COUNTERPARTY)
WORDS = Facts(category="content", purpose=TELLING, keeping=PERSONAL)
