"""
Rules in the words a person reads on the policy page, in `withheld.json` and in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from .generalising import band_names
from .rules import (
    AnyRule,
    Band,
    ByRow,
    Condition,
    Custom,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Pseudonymise,
    SimpleRule,
    SubjectIn,
    ValueIn,
    Withhold,
)

_MASKS: Mapping[MaskKind, str] = {
    MaskKind.EMAIL: "shown as its first letter and the domain's ending",
    MaskKind.NAME: "shown as its first letter",
    MaskKind.ADDRESS: "replaced by ***",
    MaskKind.TEXT: "replaced by ***",
}


def how(rule: AnyRule, names: Mapping[str, str]) -> str:
    """
    Return what the rule does to a value, as the end of the sentence "The value is ...".

    *names* are the fields' names by column: a person knows the files' names, not the table's.
    """
    if isinstance(rule, ByRow):
        where = _condition(rule.when, names.get(rule.when.column, rule.when.column))
        return f"{_simply(rule.then)} where {where}; {_simply(rule.otherwise)} everywhere else"
    return _simply(rule)


def _simply(rule: SimpleRule) -> str:
    match rule:
        case Keep():
            return "kept as it is"
        case Withhold():
            return "left out"
        case Mask(kind):
            return _MASKS[kind]
        case Pseudonymise():
            return "replaced by a code, the same for equal values in this copy and in no other"
        case Generalise(to):
            return f"reduced to its {to}"
        case Band():
            return f"given as a range: {', '.join(band_names(rule))}"
        case Custom(name=name):
            return f"altered by the rule {name}"
        case _:
            assert_never(rule)


def _condition(condition: Condition, name: str) -> str:
    match condition:
        case SubjectIn():
            return f"{name} is you"
        case ValueIn(values=values):
            return f"{name} is {' or '.join(values)}"
        case _:
            assert_never(condition)
