"""
StreamPay's catalog and policies: complete, consistent, and as protective as they say.
"""

import pytest

from streampay_export._core.catalog import FieldType, Origin
from streampay_export._core.cut import compile_cut
from streampay_export._core.policy import NO_RULE
from streampay_export._core.rules import Keep, Mask, Withhold
from streampay_export._core.streampay import (
    AUDITOR_POLICY,
    PORTABILITY_POLICY,
    SELF_POLICY,
    STREAMPAY,
    STREAMPAY_POLICIES,
    SUPPORT_POLICY,
)

PROFILES = ["self", "portability", "support", "auditor"]
EVERY = [(dataset, field) for dataset in STREAMPAY.datasets for field in dataset.fields]


def rule(policy, dataset, field):
    """
    What a policy does with a field.
    """
    return policy.rule(dataset, field).rule


def test_the_catalog_has_four_datasets_in_utc():
    """
    Account, streams, payouts and events, with timestamps that are in UTC where they carry no zone.
    """
    assert ("account", "streams", "payouts", "events") == STREAMPAY.names
    assert "UTC" == STREAMPAY.timezone


def test_every_field_is_described():
    """
    Each field has a description, a category and an origin, as the policy page shows them.
    """
    assert [] == [f.name for _, f in EVERY if not (f.description and f.category and f.origin)]


def test_every_amount_has_its_asset():
    """
    Every decimal is an amount of an asset that is a field of the same dataset.
    """
    amounts = [(d, f) for d, f in EVERY if f.type is FieldType.DECIMAL]
    assert 10 == len(amounts)
    assert all(dataset.field_named(field.asset).type is FieldType.TEXT for dataset, field in amounts)


def test_pages_are_in_the_order_of_columns_that_are_never_null():
    """
    Payouts are paged by when they were asked for: settled_at is NULL while they are pending.
    """
    assert ("requested_at", "id") == STREAMPAY.dataset("payouts").key
    assert ("created_at", "id") == STREAMPAY.dataset("streams").key
    assert ("timestamp", "id") == STREAMPAY.dataset("events").key
    assert ("wallet_address",) == STREAMPAY.dataset("account").key


def test_both_directions_belong_to_the_person():
    """
    Streams and their events are the payer's and the recipient's alike; nothing deleted is left out.
    """
    both = ("payer", "recipient")
    assert both == STREAMPAY.dataset("streams").subject == STREAMPAY.dataset("events").owner.subject
    assert [None] * 4 == [dataset.omit for dataset in STREAMPAY.datasets]
    assert isinstance(rule(SELF_POLICY, "streams", "deleted_at"), Keep)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_field_has_a_rule_written_for_it(profile):
    """
    No field is withheld for want of a rule: each profile says of each field what and why.
    """
    policy = STREAMPAY_POLICIES.profile(profile)
    assert [] == [f.name for d, f in EVERY if policy.rule(d.name, f.name) is NO_RULE]
    assert policy.check(STREAMPAY) is None
    assert policy.description


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dataset", STREAMPAY.names)
def test_every_profile_gets_a_cut_of_every_dataset(profile, dataset):
    """
    Each profile's cut compiles, and withheld columns are read by none.
    """
    policy = STREAMPAY_POLICIES.profile(profile)
    described = STREAMPAY.dataset(dataset)
    cut = compile_cut(described, policy, timezone="UTC", pseudonym_key=b"k" * 32, owners=())
    withheld = {f.column for f in described.fields if isinstance(rule(policy, dataset, f.name), Withhold)}
    assert cut.fields
    assert set() == withheld & {column.name for column in cut.selection.columns}


def test_a_person_receives_all_of_their_own():
    """
    For oneself only the other side's e-mail and partner id are masked and the unclassified is withheld.
    """
    altered = {(d.name, f.name): rule(SELF_POLICY, d.name, f.name) for d, f in EVERY}
    altered = {place: each for place, each in altered.items() if not isinstance(each, Keep)}
    assert {("streams", "email"), ("streams", "partner_id"), ("streams", "metadata")} == set(altered)
    assert isinstance(altered["streams", "email"], Mask)
    assert isinstance(altered["streams", "metadata"], Withhold)


def test_nothing_derived_is_portable():
    """
    Portability covers what was provided or observed, and nothing StreamPay worked out (GDPR Art. 20).
    """
    derived = [(d.name, f.name) for d, f in EVERY if f.origin is Origin.DERIVED]
    assert [("streams", "vested_amount"), ("events", "description")] == derived
    assert all(isinstance(rule(PORTABILITY_POLICY, *place), Withhold) for place in derived)


@pytest.mark.parametrize("policy", [SUPPORT_POLICY, AUDITOR_POLICY], ids=["support", "auditor"])
def test_profiles_that_hide_counterparties_hide_all_that_reveals_them(policy):
    """
    Where the sides are pseudonyms, no hash, contract or ledger number lets anyone look them up.
    """
    revealing = [(d.name, f.name) for d, f in EVERY if f.reveals == "counterparty"]
    assert 10 == len(revealing)
    assert [] == [place for place in revealing if isinstance(rule(policy, *place), Keep)]


@pytest.mark.parametrize("policy", [SUPPORT_POLICY, AUDITOR_POLICY], ids=["support", "auditor"])
def test_staff_read_no_contact_data_and_no_free_text(policy):
    """
    Neither support nor auditors see an address, a name or what people wrote to each other.
    """
    private = [(d.name, f.name) for d, f in EVERY if f.category in {"contact", "content", "identity"}]
    assert [] == [place for place in private if isinstance(rule(policy, *place), Keep)]
