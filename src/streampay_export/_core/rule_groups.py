"""
Rules for several fields at once, as a policy lists them: what happens, why, and to which fields.

Each function returns a group, rules by field name; `Policy` takes groups in a list and refuses two rules for
one field. Any other rule makes a group with `ruled`; a mapping of `FieldRule`s is one too.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ..errors import InvalidPolicy
from .policy import FieldRule, FieldRules
from .rules import (
    AnyRule,
    Band,
    ByRow,
    Condition,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Period,
    Pseudonymise,
    SimpleRule,
    Withhold,
    rule_name,
)


def keep(reason: str, *fields: str) -> FieldRules:
    """
    Rule that these fields are kept as they are.
    """
    return ruled(Keep(), reason, *fields)


def withhold(reason: str, *fields: str) -> FieldRules:
    """
    Rule that these fields are left out.
    """
    return ruled(Withhold(), reason, *fields)


def mask(kind: MaskKind | str, reason: str, *fields: str) -> FieldRules:
    """
    Rule that these fields are masked.
    """
    return ruled(Mask(kind), reason, *fields)


def pseudonymise(reason: str, *fields: str) -> FieldRules:
    """
    Rule that a name made up for this one export stands in for each value of these fields.
    """
    return ruled(Pseudonymise(), reason, *fields)


def generalise(to: Period | str, reason: str, *fields: str) -> FieldRules:
    """
    Rule that of the instants or dates in these fields the day or month is left.
    """
    return ruled(Generalise(to), reason, *fields)


def band(bounds: Iterable[Decimal | int | str], reason: str, *fields: str) -> FieldRules:
    """
    Rule that for the amounts in these fields the band stands in which each lies.
    """
    return ruled(Band(bounds), reason, *fields)


def by_row(reason: str, *fields: str, when: Condition, then: SimpleRule, otherwise: SimpleRule) -> FieldRules:
    """
    Rule that these fields are under one rule in rows of which *when* is true, and under another elsewhere.
    """
    return ruled(ByRow(when=when, then=then, otherwise=otherwise), reason, *fields)


def ruled(rule: AnyRule, reason: str, *fields: str) -> FieldRules:
    """
    Put these fields under any one rule. Raises `InvalidPolicy` where there is no reason, or no field.
    """
    if not fields:
        raise InvalidPolicy(rule_name(rule), "give the reason first, then the fields it is for")
    return dict.fromkeys(fields, FieldRule(rule=rule, reason=reason))
