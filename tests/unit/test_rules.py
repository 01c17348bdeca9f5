"""
Rules are valid once built: what each refuses, which types it fits, what it is called and said to do.
"""

from decimal import Decimal

import pytest

from streampay_export import band, by_row, generalise, keep, mask, pseudonymise, ruled, withhold
from streampay_export._core.field import FieldType
from streampay_export._core.generalising import band_names, banded, period
from streampay_export._core.policy import FieldRule
from streampay_export._core.rule_fit import misfit, type_after
from streampay_export._core.rule_words import how
from streampay_export._core.rules import (
    Band,
    ByRow,
    Custom,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Period,
    Pseudonymise,
    SubjectIn,
    ValueIn,
    Withhold,
    rule_name,
)
from streampay_export.errors import InvalidPolicy

MINE = SubjectIn(column="author")
OUT = ValueIn(column="way", values=["out", "self"])
LOWERED = Custom("lowered", str.lower)


def by_rows(then, otherwise, when=MINE):
    """
    A rule that looks at the row.
    """
    return ByRow(when=when, then=then, otherwise=otherwise)


MISTAKES = {
    "unknown mask": (lambda: Mask("phone"), "mask: there is no kind 'phone'; there are: email, address, name"),
    "unknown period": (lambda: Generalise("year"), "generalise: there is no period 'year'; there are: day, month"),
    "no bands": (lambda: Band([]), "generalise: bands are one or more numbers, each larger"),
    "bands that fall": (lambda: Band([10, 1]), "each larger than the one before"),
    "bands that stay": (lambda: Band([1, "1.0"]), "each larger than the one before"),
    "one text as bands": (lambda: Band("12"), "bands are one or more numbers"),
    "bands of floats": (lambda: Band([0.1]), "a whole number, a Decimal or a text"),
    "bands of booleans": (lambda: Band([True]), "a whole number, a Decimal or a text"),
    "bands of words": (lambda: Band(["ten"]), "a whole number, a Decimal or a text"),
    "bands of NaN": (lambda: Band([Decimal("NaN")]), "a whole number, a Decimal or a text"),
    "bands without end": (lambda: Band([1, "Infinity"]), "a whole number, a Decimal or a text"),
    "bands of a million digits": (lambda: Band(["1e1000000"]), "a whole number, a Decimal or a text"),
    "a built-in's name": (lambda: Custom("keep", str), "'keep': a rule of your own has a name of its own"),
    "a built-in's name in capitals": (lambda: Custom("By_Row", str), "'By_Row': a rule of your own"),
    "no name": (lambda: Custom("", str), "'': a rule of your own has a name"),
    "a name with markup": (lambda: Custom("<b>", str), "'<b>': a rule of your own has a name"),
    "no function": (lambda: Custom("upper", "upper"), "custom: replace is a function"),
    "a condition without a column": (lambda: SubjectIn(column=" "), "by_row: a condition names the column"),
    "a condition on a number": (lambda: ValueIn(column=1, values=["x"]), "by_row: a condition names the column"),
    "no values": (lambda: ValueIn(column="kind", values=[]), "by_row: what a column may hold is a list of texts"),
    "one text as values": (lambda: ValueIn(column="kind", values="out"), "is a list of texts, also where there is"),
    "values of numbers": (lambda: ValueIn(column="kind", values=[1]), "by_row: what a column may hold"),
    "an empty value": (lambda: ValueIn(column="kind", values=[""]), "by_row: what a column may hold"),
    "no condition": (lambda: by_rows(Keep(), Mask(), when="author"), "by_row: when is a condition"),
    "rows in rows": (
        lambda: by_rows(by_rows(Keep(), Mask()), Mask()), "by_row: then is one of the other rules"
    ),
    "rows elsewhere in rows": (
        lambda: by_rows(Mask(), by_rows(Keep(), Mask())), "by_row: otherwise is one of the other rules"
    ),
    "one rule twice": (lambda: by_rows(Mask(), Mask()), "by_row: both rules are the same"),
    "withheld everywhere": (lambda: by_rows(Withhold(), Withhold()), "by_row: both rules are the same"),
    "a class for a rule": (lambda: FieldRule(rule=Keep, reason="x"), "policy: a rule is a value such as Keep()"),
    "a name for a rule": (lambda: FieldRule(rule="keep", reason="x"), "policy: a rule is a value"),
    "no reason": (lambda: FieldRule(rule=LOWERED, reason=None), "lowered: every rule needs a reason"),
    "a blank reason": (lambda: FieldRule(rule=Keep(), reason="\t"), "keep: every rule needs a reason"),
    "a blank reason in a group": (lambda: mask("text", " ", "memo"), "mask: every rule needs a reason"),
    "a group without fields": (lambda: keep("payer"), "keep: give the reason first, then the fields"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_rule_is_refused_when_it_is_built(mistake):
    """
    Each names the rule and says what would be right.
    """
    build, says = MISTAKES[mistake]

    with pytest.raises(InvalidPolicy) as refused:
        build()

    assert f"policy, {says}" in str(refused.value) or says in refused.value.problem


def test_bounds_are_taken_exactly():
    """
    Whole numbers, decimals and texts are bounds to the last digit; zero has no sign.
    """
    assert (Decimal(-10), Decimal(0), Decimal("0.0000001"), Decimal(2**127)) == Band(
        iter([-10, Decimal("-0"), "0.0000001", 2**127])
    ).bounds
    assert ("under 0", "0 or more") == band_names(Band(["-0.00"]))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("-10.01", "under -10"),
        ("-10", "-10 to under 0"),
        ("-0.0000001", "-10 to under 0"),
        ("0", "0 to under 1000"),
        ("0.00", "0 to under 1000"),
        ("999." + "9" * 60, "0 to under 1000"),
        ("1000", "1000 or more"),
        ("9" * 5000, "1000 or more"),
        ("1000 or more", "1000 or more"),
        ("1E5", "***"),
        ("+5", "***"),
        ("NaN", "***"),
        ("Infinity", "***"),
        ("1_0", "***"),
        ("٣", "***"),
        ("", "***"),
    ],
)
def test_an_amount_lies_in_one_band(amount, expected):
    """
    Each bound is the least amount of its band; what is no plain decimal is hidden.
    """
    assert expected == banded(Band([-10, 0, "1E+3"]))(amount)


@pytest.mark.parametrize(
    ("text", "day", "month"),
    [
        ("2026-01-31T23:59:59.999999Z", "2026-01-31", "2026-01"),
        ("0001-01-01T00:00:00.000000Z", "0001-01-01", "0001-01"),
        ("9999-12-31", "9999-12-31", "9999-12"),
        ("", "", ""),
    ],
)
def test_of_an_instant_its_day_or_month_is_left(text, day, month):
    """
    In UTC, as canonical text has it, for the first and the last year there is.
    """
    assert (day, month) == (period(Period.DAY)(text), period(Period.MONTH)(text))


RULES = [
    (Keep(), set(FieldType)),
    (Withhold(), set(FieldType)),
    (Pseudonymise(), set(FieldType)),
    (LOWERED, set(FieldType)),
    (Mask(), {"text", "json", "uuid"}),
    (Generalise("day"), {"timestamp"}),
    (Generalise("month"), {"timestamp", "date"}),
    (Band([1]), {"decimal", "integer"}),
    (by_rows(Keep(), Mask()), {"text", "json", "uuid"}),
    (by_rows(Band([1]), Keep()), {"decimal", "integer"}),
    (by_rows(Generalise("day"), Withhold()), {"timestamp"}),
]


@pytest.mark.parametrize(("rule", "types"), RULES, ids=lambda each: "" if isinstance(each, set) else str(each))
def test_a_rule_fits_some_types(rule, types):
    """
    What does not fit is told why; a rule that looks at the row fits where both its rules do.
    """
    assert types == {kind for kind in FieldType if misfit(rule, kind) == ""}


@pytest.mark.parametrize(
    ("rule", "kind", "expected"),
    [
        (Keep(), "decimal", "decimal"),
        (Generalise("day"), "timestamp", "date"),
        (Generalise("month"), "date", "text"),
        (Band([1]), "integer", "text"),
        (LOWERED, "integer", "text"),
        (by_rows(Keep(), Withhold()), "decimal", "decimal"),
        (by_rows(Withhold(), Generalise("day")), "timestamp", "date"),
        (by_rows(Keep(), Generalise("day")), "timestamp", "text"),
        (by_rows(Keep(), Mask()), "text", "text"),
    ],
    ids=str,
)
def test_a_rule_may_change_the_type(rule, kind, expected):
    """
    A day is a date; what reads in two ways is text; where a row withholds, the type stays.
    """
    assert expected == type_after(rule, FieldType(kind))


@pytest.mark.parametrize(
    ("rule", "name", "words"),
    [
        (Keep(), "keep", "kept as it is"),
        (Withhold(), "withhold", "left out"),
        (Mask(MaskKind.NAME), "mask", "shown as its first letter"),
        (Generalise("month"), "generalise", "reduced to its month"),
        (Band([1, 5]), "generalise", "given as a range: under 1, 1 to under 5, 5 or more"),
        (LOWERED, "lowered", "altered by the rule lowered"),
        (by_rows(Keep(), Mask()), "by_row", "kept as it is where author is you; replaced by *** everywhere else"),
        (
            by_rows(Withhold(), Keep(), when=OUT),
            "by_row",
            "left out where direction is out or self; kept as it is everywhere else",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_rule_has_a_name_and_words(rule, name, words):
    """
    What the policy page and `withheld.json` say of it; a column is called as the field that maps it.
    """
    assert (name, words) == (rule_name(rule), how(rule, {"way": "direction"}))


def test_groups_put_several_fields_under_one_rule():
    """
    Each function names a rule, a reason and fields; `ruled` takes any rule.
    """
    expected = {
        Keep(): keep("Because.", "a", "b"),
        Withhold(): withhold("Because.", "a", "b"),
        Mask(MaskKind.EMAIL): mask("email", "Because.", "a", "b"),
        Pseudonymise(): pseudonymise("Because.", "a", "b"),
        Generalise(Period.DAY): generalise("day", "Because.", "a", "b"),
        Band([1]): band([1], "Because.", "a", "b"),
        by_rows(Keep(), Mask()): by_row("Because.", "a", "b", when=MINE, then=Keep(), otherwise=Mask()),
        LOWERED: ruled(LOWERED, "Because.", "a", "b"),
    }
    for rule, group in expected.items():
        assert dict.fromkeys(["a", "b"], FieldRule(rule=rule, reason="Because.")) == group
