"""
Policies: default deny, reasons for everything, and what may be said of a rule.
"""

import pytest
from attrs import evolve

from streampay_export import keep, mask, ruled, withhold
from streampay_export._core.catalog import Catalog, Dataset, Field, Origin
from streampay_export._core.policy import NO_RULE, FieldRule, Policies, Policy
from streampay_export._core.policy_listing import AlteredField, ListedField, listed_fields, withheld_fields
from streampay_export._core.rule_words import how
from streampay_export._core.rules import (
    Band,
    ByRow,
    Generalise,
    Keep,
    Mask,
    MaskKind,
    Pseudonymise,
    ValueIn,
    Withhold,
    rule_name,
)
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
        Field(name="flag", type="boolean", column="is_flagged"),
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
    return AlteredField(dataset="payouts", field=field, rule=rule_name(rule), reason=reason, how=how(rule, {}))


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


KEPT = FieldRule(rule=Keep(), reason="x")
FLAGGED = ByRow(when=ValueIn(column="is_flagged", values=["true"]), then=Keep(), otherwise=Mask())
MISFITS = {
    "dataset": ({"payments": {}}, "policy, self: no dataset 'payments'; there are: payouts"),
    "field": ({"payouts": {"amount": KEPT}}, "policy, self: payouts.amount: there is no field 'amount'"),
    "mask": ({"payouts": ruled(Mask(), "x", "flag")}, "self: payouts.flag: a mask is for text, not for boolean"),
    "period": ({"payouts": ruled(Generalise("day"), "x", "email")}, "payouts.email: text cannot be generalised"),
    "bands": ({"payouts": ruled(Band([1]), "x", "flag")}, "payouts.flag: bands are for amounts, not for boolean"),
    "one branch": ({"payouts": ruled(FLAGGED, "x", "id")}, "payouts.id: a mask is for text, not for integer"),
    "withheld key": ({"payouts": ruled(Withhold(), "x", "id")}, "payouts.id: it is part of the key, by which rows"),
    "key withheld in some rows": (
        {"payouts": ruled(evolve(FLAGGED, otherwise=Withhold()), "x", "id")},
        "payouts.id: it is part of the key",
    ),
    "what may not be told": (
        {"payouts": {"flag": HIDDEN, **ruled(FLAGGED, "x", "email")}},
        "payouts.email: it depends on flag, of which this profile may not learn",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_policy_that_does_not_fit_its_catalog_is_refused(misfit):
    """
    A rule for what the catalog lacks or for another type, a withheld key, a rule that would tell of what may not
    be told: each is refused by its full name.
    """
    rules, problem = MISFITS[misfit]
    policies = Policies.of(Policy(profile="self", rules=rules))

    with pytest.raises(InvalidPolicy, match=problem):
        policies.check(CATALOG)


@pytest.mark.parametrize(
    ("rules", "where"),
    [({"id": Keep()}, "payouts.id: a rule stands"), ([{"id": "keep"}], "payouts.id: a rule stands")]
    + [(given, "payouts: rules are groups") for given in (KEPT, [KEPT], "id", None)],
    ids=["rule", "name", "entry", "entries", "text", "nothing"],
)
def test_rules_of_another_shape_are_refused(rules, where):
    """
    A rule without its reason, or without its field, is refused when the policy is built.
    """
    with pytest.raises(InvalidPolicy, match=f"policy, {where}"):
        Policy(profile="self", rules={"payouts": rules})


def test_a_key_without_a_rule_is_not_refused():
    """
    A key that nobody named is not exported, and pages are in its order all the same.
    """
    policy = Policy(profile="self", rules={"payouts": ruled(FLAGGED, "x", "email")})
    assert policy.check(CATALOG) is None


def test_a_person_reads_the_names_of_fields():
    """
    What a rule depends on is called as the files call it, not as the table does.
    """
    policy = Policy(profile="self", rules={"payouts": ruled(FLAGGED, "x", "email")})
    said = {each.field: each.how for each in withheld_fields(DATASET, policy)}
    assert "kept as it is where flag is true; replaced by *** everywhere else" == said["email"]


def test_rules_come_in_groups():
    """
    A dataset's rules are one mapping, or several that are taken together.
    """
    groups = [keep("Yours.", "id", "payer"), mask("email", "May be another's.", "email"), {}]
    together = Policy(profile="self", rules={"payouts": groups})
    assert Policy(profile="self", rules={"payouts": {**groups[0], **groups[1]}}) == together


def test_two_rules_for_one_field_are_refused():
    """
    Where two groups name one field neither wins: it is refused when built, by its full name.
    """
    with pytest.raises(InvalidPolicy, match=r"policy, payouts\.payer: two groups have a rule for this field"):
        Policy(profile="self", rules={"payouts": [keep("x", "id", "payer"), withhold("x", "payer")]})


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
