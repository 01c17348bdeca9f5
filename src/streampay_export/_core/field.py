"""
One typed column of a dataset, and what a policy page says of it besides its rule.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TypeAlias

from attrs import field, frozen
from attrs.converters import optional

from ..errors import InvalidCatalog, quoted

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")


class FieldType(StrEnum):
    """
    The types a field can have; how each is written is decided in `canonical.py`.
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    DATE = "date"
    UUID = "uuid"
    JSON = "json"


class Origin(StrEnum):
    """
    Where a field's data comes from, which decides on portability (GDPR Art. 20).
    """

    PROVIDED = "provided"
    OBSERVED = "observed"
    DERIVED = "derived"


class LegalBasis(StrEnum):
    """
    Why processing is lawful (GDPR Art. 6(1)(a)-(f)); consent and contract make a field portable (Art. 20(1)).
    """

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


@frozen
class Scrub:
    """
    On erasure the value is removed.
    """


@frozen(kw_only=True)
class Retain:
    """
    On erasure the value stays, on a legal *basis* and *until* an end, both in words (GDPR Art. 17(3)).
    """

    basis: str
    until: str

    def __attrs_post_init__(self) -> None:
        if not self.basis.strip() or not self.until.strip():
            raise InvalidCatalog("on_erasure", "what is retained has a basis and an end: say both")


OnErasure: TypeAlias = Scrub | Retain


@frozen
class Constant:
    """
    A value that is the same in every row, where a column's name could stand: `{const = "XLM"}`.
    """

    const: str


@frozen(kw_only=True)
class Field:
    """
    One typed column of a dataset.

    *asset* names the field with the amount's asset, or is a `Constant`. *scale* is the exact number
    of decimal digits. *unit* (`s`, `ms`, `us`) says how an integer counts a timestamp since
    1970-01-01 UTC. *reveals* tags what the value lets others look up, such as `counterparty`.

    For the policy page: *category* of personal data, *origin*, *legal_basis*, *purpose*, *retention* (how
    long it is kept and why, in words), and what happens to it *on_erasure*.
    """

    name: str
    type: FieldType = field(converter=FieldType)
    column: str = ""
    asset: str | Constant | None = None
    scale: int | None = None
    unit: str | None = None
    description: str = ""
    category: str = ""
    origin: Origin | None = field(default=None, converter=optional(Origin))
    legal_basis: LegalBasis | None = field(default=None, converter=optional(LegalBasis))
    purpose: str = ""
    retention: str = ""
    on_erasure: OnErasure | None = None
    reveals: str = ""

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name):
            raise InvalidCatalog(quoted(self.name), "a name is a letter, then letters, digits or _, 63 at most")
        if not self.column:
            object.__setattr__(self, "column", self.name)
        if (self.asset is not None or self.scale is not None) and self.type is not FieldType.DECIMAL:
            raise InvalidCatalog(self.name, "asset and scale belong to fields of type decimal")
        if self.scale is not None and not 0 <= self.scale <= 38:
            raise InvalidCatalog(self.name, "scale is a number of digits, 0 to 38")
        if self.unit is not None and (self.type is not FieldType.TIMESTAMP or self.unit not in {"s", "ms", "us"}):
            raise InvalidCatalog(self.name, "unit is s, ms or us, and belongs to fields of type timestamp")

    @property
    def portable(self) -> bool:
        """
        Whether the field belongs in a portability copy: provided or observed, under consent or contract.
        """
        return self.origin in {Origin.PROVIDED, Origin.OBSERVED} and self.legal_basis in {
            LegalBasis.CONSENT,
            LegalBasis.CONTRACT,
        }
