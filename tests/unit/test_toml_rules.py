"""One rule in TOML: every rule and argument there is, and each mistake by its full name."""

import tomllib
from typing import Any

import pytest

from streampay_export._core.policy import FieldRule
from streampay_export._core.rules import (
    Band,
    ByRow,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Period,
    Pseudonymise,
    SubjectIn,
    ValueIn,
    Withhold,
)
from streampay_export.errors import InvalidConfiguration
from streampay_export.toml_rules import read_field_rule
from streampay_export.toml_table import TomlTable

PLACE = "datasets.d.fields.f"
MINE = 'when = {column = "author", is = "subject"}\n'
BRANCHES = 'then = {rule = "keep"}\notherwise = {rule = "mask", as = "name"}\n'


def read(text: str) -> FieldRule | None:
    """Read a field's table of which nothing is left over."""
    table = TomlTable(tomllib.loads(text), PLACE)
    rule = read_field_rule(table)
    table.finish()
    return rule


def problem(text: str) -> InvalidConfiguration:
    """Return the mistake that is found."""
    with pytest.raises(InvalidConfiguration) as caught:
        read(text)
    assert caught.value.__cause__ is None
    return caught.value


RULES: dict[str, Any] = {
    'rule = "keep"': Keep(),
    'rule = "withhold"': Withhold(),
    'rule = "pseudonymise"': Pseudonymise(),
    'rule = "mask"': Mask(MaskKind.TEXT),
    'rule = "mask"\nas = "address"': Mask(MaskKind.ADDRESS),
    'rule = "generalise"\nto = "day"': Generalise(Period.DAY),
    'rule = "generalise"\nto = "month"': Generalise(Period.MONTH),
    'rule = "generalise"\nbands = [-10, "0.5", 100]': Band([-10, "0.5", 100]),
    'rule = "by_row"\n' + MINE + BRANCHES: ByRow(
        when=SubjectIn(column="author"), then=Keep(), otherwise=Mask(MaskKind.NAME)
    ),
    'rule = "by_row"\nwhen = {column = "way", in = ["out", "self"]}\nthen = {rule = "generalise", to = "day"}\n'
    'otherwise = {rule = "withhold"}': ByRow(
        when=ValueIn(column="way", values=["out", "self"]), then=Generalise(Period.DAY), otherwise=Withhold()
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", RULES)
def test_every_rule_can_be_written(text: str) -> None:
    """A rule in TOML is the value that Python would build."""
    assert FieldRule(rule=RULES[text], reason="Because.") == read(text + '\nreason = "Because."')


def test_silence() -> None:
    """What may not be told has a basis; without a rule there is none to speak of."""
    text = 'rule = "withhold"\nreason = "Watched."\ndisclose = false\nbasis = "AML act"'
    assert FieldRule(rule=Withhold(), reason="Watched.", disclose=False, basis="AML act") == read(text)
    assert read("") is None


MISTAKES = {
    "unknown rule": ('rule = "kep"', "rule", "one of keep, withhold, mask, pseudonymise, generalise, by_row"),
    "blank rule": ('rule = " "', "rule", "a non-empty text is required"),
    "rule of another kind": ("rule = 3", "rule", "a text is expected"),
    "no reason": ('rule = "keep"', "reason", "every rule needs a reason that a person can read"),
    "blank reason": ('rule = "keep"\nreason = " "', "reason", "a non-empty text is required"),
    "reason without a rule": ('reason = "x"', "reason", "this belongs to a rule: add rule = one of keep, withhold"),
    "silence without a rule": ("disclose = false", "disclose", "this belongs to a rule"),
    "basis without a rule": ('basis = "x"', "basis", "this belongs to a rule"),
    "argument without a rule": ('to = "day"', "to", "this belongs to a rule"),
    "silence without a basis": (
        'rule = "withhold"\nreason = "x"\ndisclose = false', "disclose", "needs a legal basis"
    ),
    "silence of what is kept": (
        'rule = "keep"\nreason = "x"\ndisclose = false\nbasis = "y"', "disclose", "is for withheld fields"
    ),
    "unknown mask": ('rule = "mask"\nas = "phone"', "as", "one of email, address, name, text is expected"),
    "mask's argument": ('rule = "keep"\nas = "name"', "as", 'this belongs to rule = "mask"'),
    "period's argument": ('rule = "keep"\nto = "day"', "to", 'this belongs to rule = "generalise"'),
    "bands' argument": ('rule = "mask"\nbands = [1]', "bands", 'this belongs to rule = "generalise"'),
    "condition's argument": ('rule = "keep"\n' + MINE, "when", 'this belongs to rule = "by_row"'),
    "branch's argument": ('rule = "keep"\nthen = {rule = "keep"}', "then", 'this belongs to rule = "by_row"'),
    "neither period nor bands": ('rule = "generalise"', "to", 'give either to = "day" or "month"'),
    "period and bands": ('rule = "generalise"\nto = "day"\nbands = [1]', "to", "give either to"),
    "unknown period": ('rule = "generalise"\nto = "year"', "to", "one of day, month is expected"),
    "no bands": ('rule = "generalise"\nbands = []', "bands", "rising numbers are expected"),
    "falling bands": ('rule = "generalise"\nbands = [2, 1]', "bands", "rising numbers are expected"),
    "bands of floats": ('rule = "generalise"\nbands = [0.5]', "bands", "whole or as texts"),
    "bands of NaN": ('rule = "generalise"\nbands = ["NaN"]', "bands", "rising numbers are expected"),
    "bands of booleans": ('rule = "generalise"\nbands = [true]', "bands", "rising numbers are expected"),
    "bands of words": ('rule = "generalise"\nbands = ["ten"]', "bands", "rising numbers are expected"),
    "one number as bands": ('rule = "generalise"\nbands = 10', "bands", "rising numbers are expected"),
    "no condition": ('rule = "by_row"\n' + BRANCHES, "when.column", "a text is required"),
    "condition of another kind": ('rule = "by_row"\nwhen = "mine"\n' + BRANCHES, "when", "a table is expected"),
    "condition without is or in": (
        'rule = "by_row"\nwhen = {column = "a"}\n' + BRANCHES, "when.is", 'give either is = "subject", or in ='
    ),
    "condition with is and in": (
        'rule = "by_row"\nwhen = {column = "a", is = "subject", in = ["x"]}\n' + BRANCHES, "when.is", "give either"
    ),
    "condition on somebody": (
        'rule = "by_row"\nwhen = {column = "a", is = "payer"}\n' + BRANCHES, "when.is", '"subject" is expected'
    ),
    "condition on nothing": (
        'rule = "by_row"\nwhen = {column = "a", in = []}\n' + BRANCHES, "when.in", "a list of one or more texts"
    ),
    "condition's spelling": (
        'rule = "by_row"\nwhen = {colum = "a", is = "subject"}\n' + BRANCHES, "when.column", "a text is required"
    ),
    "more in a condition": (
        'rule = "by_row"\nwhen = {column = "a", is = "subject", not = true}\n' + BRANCHES, "when.not", "no such key"
    ),
    "no branches": ('rule = "by_row"\n' + MINE, "then.rule", "a text is required"),
    "one branch": ('rule = "by_row"\n' + MINE + 'then = {rule = "keep"}', "otherwise.rule", "a text is required"),
    "rows in rows": (
        'rule = "by_row"\n' + MINE + 'then = {rule = "by_row"}\notherwise = {rule = "keep"}',
        "then.rule",
        "one of keep, withhold, mask, pseudonymise, generalise is expected",
    ),
    "a branch's argument": (
        'rule = "by_row"\n' + MINE + 'then = {rule = "keep", as = "name"}\notherwise = {rule = "mask"}',
        "then.as",
        'this belongs to rule = "mask"',
    ),
    "a branch's reason": (
        'rule = "by_row"\n' + MINE + 'then = {rule = "keep", reason = "x"}\notherwise = {rule = "mask"}',
        "then.reason",
        "there is no such key",
    ),
    "both branches the same": (
        'rule = "by_row"\n' + MINE + 'then = {rule = "keep"}\notherwise = {rule = "keep"}',
        "otherwise",
        "both rules are the same",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str) -> None:
    """A mistake names the key in full and says what would be right."""
    text, key, says = MISTAKES[mistake]
    error = problem(text)
    assert f"{PLACE}.{key}" == error.key
    assert says in error.problem


def test_two_rules_for_one_field_are_no_toml() -> None:
    """TOML itself has no key twice."""
    with pytest.raises(tomllib.TOMLDecodeError, match="Cannot overwrite a value"):
        tomllib.loads('rule = "keep"\nreason = "x"\nrule = "withhold"')
