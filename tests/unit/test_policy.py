"""
Policies: default deny, reasons for everything, and what may be said of a rule.
"""

import pytest

from streampay_export._core.catalog import Catalog, Dataset, Field, Origin
from streampay_export._core.policy import (
    NO_RULE,
    AlteredField,
    FieldRule,
    ListedField,
    Policies,
    Policy,
    listed_fields,
    withheld_fields,
)
from streampay_export._core.rule_words import how
from streampay_export._core.rules import Keep, Mask, MaskKind, Pseudonymise, Withhold, rule_name
from streampay_export.errors import InvalidPolicy, UnknownName

DATASET = Dataset(
    name="payouts",
    table="payouts",
    key=["id"],
    subject=["payer"],
    fields=[
        Field(name="id", type="integer", category="financial", origin=Origin.OBSERVED, description="Its number"),
        Field(name="payer", type="text"),
        Field(name="email", type="text"),
        Field(name="flag", type="boolean"),
        Field(name="novel", type="text"),
    ],
)
CATALOG = Catalog([DATASET])
HIDDEN = FieldRule(rule=Withhold(), reason="Watched for fraud.", disclose=False, basis="Art. 6 of some law")
POLICY = Policy(
    profile="self",
    rules={
        "payouts": {
            "email": FieldRule(rule=Mask("email"), reason="It may be another's."),
            "payer": FieldRule(rule=Pseudonymise(), reason="Tells the sides apart."),
            "id": FieldRule(rule=Keep(), reason="Your own payment."),
            "flag": HIDDEN,
        }
    },
)


def test_a_field_without_a_rule_is_withheld():
    """
    What nobody named is withheld, in datasets with rules and in those without.
    """
    assert NO_RULE == POLICY.rule("payouts", "novel") == POLICY.rule("elsewhere", "id")
    assert isinstance(NO_RULE.rule, Withhold)


def test_every_rule_has_a_reason():
    """
    A rule without a reason is refused, by the rule's name.
    """
    with pytest.raises(InvalidPolicy, match="keep: every rule needs a reason"):
        FieldRule(rule=Keep(), reason=" ")


@pytest.mark.parametrize(("rule", "basis"), [(Withhold(), ""), (Keep(), "Art. 6")], ids=["no basis", "kept"])
def test_silence_needs_a_withheld_field_and_a_legal_basis(rule, basis):
    """
    A rule may be hidden from the person only where it withholds, and with a legal basis.
    """
    with pytest.raises(InvalidPolicy, match="for withheld fields and needs a legal basis"):
        FieldRule(rule=rule, reason="because", disclose=False, basis=basis)


def altered(field, rule, reason):
    """
    What is told of a field of the dataset.
    """
    return AlteredField(dataset="payouts", field=field, rule=rule_name(rule), reason=reason, how=how(rule))


def test_the_person_learns_of_every_altered_field_that_may_be_told():
    """
    Withheld and altered fields come in catalog order with their reasons; one that must not be told does not.
    """
    assert (
        altered("payer", Pseudonymise(), "Tells the sides apart."),
        altered("email", Mask("email"), "It may be another's."),
        altered("novel", Withhold(), NO_RULE.reason),
    ) == withheld_fields(DATASET, POLICY)


def test_the_policy_page_lists_every_field_that_may_be_told():
    """
    The page lists kept fields too, with category, origin and description.
    """
    listed = listed_fields(DATASET, POLICY)
    assert ["id", "payer", "email", "novel"] == [each.name for each in listed]
    assert listed[0] == ListedField(
        name="id",
        rule="keep",
        reason="Your own payment.",
        category="financial",
        origin="observed",
        description="Its number",
        how="kept as it is",
    )
    assert "" == listed[1].origin


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"payments": {}}, "no dataset 'payments'; there are: payouts"),
        ({"payouts": {"amount": HIDDEN}}, "self: payouts.amount: there is no field 'amount'"),
        ({"payouts": {"flag": FieldRule(rule=Mask(), reason="x")}}, "a mask is for text, not for boolean"),
    ],
    ids=["dataset", "field", "mask"],
)
def test_a_policy_that_does_not_fit_its_catalog_is_refused(rules, problem):
    """
    A rule for what the catalog lacks, or a mask of a number, is refused, naming the place.
    """
    with pytest.raises(InvalidPolicy, match=problem):
        Policies.of(Policy(profile="self", rules=rules)).check(CATALOG)


def test_a_fitting_policy_passes():
    """
    A policy that fits is silent.
    """
    assert Policies.of(POLICY).check(CATALOG) is None
    assert MaskKind.EMAIL is POLICY.rule("payouts", "email").rule.kind


def test_profiles_are_found_by_name_and_have_one_policy():
    """
    A profile's policy is found by name; an unknown name and a profile with two policies are refused.
    """
    policies = Policies.of(POLICY, Policy(profile="support", rules={}))
    assert POLICY is policies.profile("self")
    with pytest.raises(UnknownName, match="no profile 'x'; there are: self, support"):
        policies.profile("x")
    with pytest.raises(InvalidPolicy, match="self: two policies have this profile"):
        Policies.of(POLICY, POLICY)
