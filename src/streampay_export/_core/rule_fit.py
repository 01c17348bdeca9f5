"""
Which rules fit which types, and of which type a field's texts are once its rule has been at them.
"""

from __future__ import annotations

from typing import assert_never

from .field import FieldType
from .rules import (
    AnyRule,
    Band,
    Custom,
    Generalise,
    Keep,
    Mask,
    Period,
    Pseudonymise,
    SimpleRule,
    Withhold,
    branches,
)

# A mask of a number or a time would read as a number or a time that is wrong.
_MASKABLE = frozenset({FieldType.TEXT, FieldType.JSON, FieldType.UUID})
_AMOUNTS = frozenset({FieldType.DECIMAL, FieldType.INTEGER})
_LESS_EXACT = frozenset(
    {
        (FieldType.TIMESTAMP, Period.DAY),
        (FieldType.TIMESTAMP, Period.MONTH),
        (FieldType.DATE, Period.MONTH),
    }
)


def misfit(rule: AnyRule, kind: FieldType) -> str:
    """
    Return why the rule does not fit fields of this type; empty where it does.
    """
    for simple in branches(rule):
        match simple:
            case Mask() if kind not in _MASKABLE:
                return f"a mask is for text, not for {kind}; withhold or pseudonymise it"
            case Generalise(to=to) if (kind, to) not in _LESS_EXACT:
                return f"{kind} cannot be generalised to {to}: instants can, to day or month, and dates to month"
            case Band() if kind not in _AMOUNTS:
                return f"bands are for amounts, not for {kind}"
            case _:
                continue
    return ""


def type_after(rule: AnyRule, kind: FieldType) -> FieldType:
    """
    Return the type that a field's texts have once the rule has been at them.
    """
    after = {_simple_type_after(simple, kind) for simple in branches(rule) if not isinstance(simple, Withhold)}
    return after.pop() if len(after) == 1 else FieldType.TEXT


def _simple_type_after(rule: SimpleRule, kind: FieldType) -> FieldType:
    match rule:
        case Keep():
            return kind
        case Generalise(to=Period.DAY):
            return FieldType.DATE
        case Withhold() | Mask() | Pseudonymise() | Generalise() | Band() | Custom():
            return FieldType.TEXT
        case _:
            assert_never(rule)
