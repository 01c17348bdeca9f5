"""
One rule of one field as TOML has it: its name, its arguments, its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ._core.policy import FieldRule
from ._core.rules import (
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
    SubjectIn,
    ValueIn,
    Withhold,
)
from .errors import InvalidPolicy, listed
from .toml_table import TomlTable

AnyKnown = TypeVar("AnyKnown", SimpleRule, AnyRule)

# An argument of a rule, and the rule it belongs to.
_ARGUMENTS: Mapping[str, str] = {
    "as": "mask",
    "to": "generalise",
    "bands": "generalise",
    "when": "by_row",
    "then": "by_row",
    "otherwise": "by_row",
}


def read_field_rule(table: TomlTable) -> FieldRule | None:
    """
    Take a rule with its reason out of a field's table; `None` where it has none.
    """
    if "rule" not in table:
        for key in ("reason", "disclose", "basis", *_ARGUMENTS):
            if key in table:
                raise table.wrong(key, f"this belongs to a rule: add rule = one of {listed(list(_RULES))}")
        return None
    rule = _rule(table, _RULES)
    if "reason" not in table:
        raise table.wrong("reason", "every rule needs a reason that a person can read")
    try:
        return FieldRule(
            rule=rule,
            reason=table.text("reason"),
            disclose=table.flag("disclose", default=True),
            basis=table.optional_text("basis") or "",
        )
    except InvalidPolicy as error:
        raise table.wrong("disclose", error.problem) from None


def _rule(table: TomlTable, known: Mapping[str, Callable[[TomlTable], AnyKnown]]) -> AnyKnown:
    name = table.text("rule")
    for key, owner in _ARGUMENTS.items():
        if key in table and owner != name:
            raise table.wrong(key, f'this belongs to rule = "{owner}"')
    if name not in known:
        raise table.wrong("rule", f"one of {listed(list(known))} is expected")
    return known[name](table)


def _mask(table: TomlTable) -> Mask:
    return Mask(MaskKind(table.one_of("as", list(MaskKind)))) if "as" in table else Mask()


def _generalise(table: TomlTable) -> Generalise | Band:
    if ("to" in table) == ("bands" in table):
        raise table.wrong("to", 'give either to = "day" or "month", for instants, or bands = [..], for amounts')
    if "to" in table:
        return Generalise(Period(table.one_of("to", list(Period))))
    bands = table.raw("bands")
    right = 'rising numbers are expected, whole or as texts, such as [10, 100] or ["0.5", "1"]'
    if not isinstance(bands, list) or not all(isinstance(each, str) or type(each) is int for each in bands):
        raise table.wrong("bands", right)
    try:
        return Band(bands)
    except InvalidPolicy:
        raise table.wrong("bands", right) from None


def _by_row(table: TomlTable) -> ByRow:
    when = table.table("when")
    condition = _condition(when)
    when.finish()
    then, otherwise = _branch(table, "then"), _branch(table, "otherwise")
    try:
        return ByRow(when=condition, then=then, otherwise=otherwise)
    except InvalidPolicy as error:
        raise table.wrong("otherwise", error.problem) from None


def _condition(when: TomlTable) -> Condition:
    column = when.text("column")
    if ("is" in when) == ("in" in when):
        raise when.wrong("is", 'give either is = "subject", or in = ["out"]: the texts the column holds then')
    if "in" in when:
        return ValueIn(column=column, values=when.texts("in"))
    if when.text("is") != "subject":
        raise when.wrong("is", '"subject" is expected; for other values: in = ["out"]')
    return SubjectIn(column=column)


def _branch(table: TomlTable, key: str) -> SimpleRule:
    branch = table.table(key)
    rule = _rule(branch, _SIMPLE_RULES)
    branch.finish()
    return rule


_SIMPLE_RULES: Mapping[str, Callable[[TomlTable], SimpleRule]] = {
    "keep": lambda _: Keep(),
    "withhold": lambda _: Withhold(),
    "mask": _mask,
    "pseudonymise": lambda _: Pseudonymise(),
    "generalise": _generalise,
}
_RULES: Mapping[str, Callable[[TomlTable], AnyRule]] = {**_SIMPLE_RULES, "by_row": _by_row}
