"""
StreamPay's catalog and policies: complete, consistent, and as protective as they say.
"""

import pytest
from attrs import evolve

from streampay_export._core.catalog import FieldType, Retain, Scrub
from streampay_export._core.cut import compile_cut
from streampay_export._core.policy import NO_RULE, Policy
from streampay_export._core.rule_groups import withhold
from streampay_export._core.rules import (
    Band,
    ByRow,
    Generalise,
    Keep,
    Mask,
    Period,
    Pseudonymise,
    SubjectIn,
    ValueIn,
    Withhold,
    branches,
)
from streampay_export._core.streampay import (
    AUDITOR_POLICY,
    PORTABILITY_POLICY,
    PORTABILITY_STRICT_POLICY,
    SELF_POLICY,
    STREAMPAY,
    STREAMPAY_POLICIES,
    SUPPORT_POLICY,
)

PROFILES = ["self", "portability", "portability_strict", "support", "auditor"]
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
    Each field has all that the policy document says of a field.
    """
    said = ("description", "category", "origin", "legal_basis", "purpose", "retention", "on_erasure")
    assert [] == [f.name for _, f in EVERY if not all(getattr(f, fact) for fact in said)]


def test_every_amount_has_its_asset():
    """
    Every decimal but a rate is an amount of an asset that is a field of the same dataset, and is added up.
    """
    amounts = [(d, f) for d, f in EVERY if f.type is FieldType.DECIMAL and f.name != "rate_per_second"]
    assert 9 == len(amounts)
    assert STREAMPAY.dataset("streams").field_named("rate_per_second").asset is None
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
    Each profile's cut compiles, and withheld columns are read by none, but for those that say whose a row is.
    """
    policy = STREAMPAY_POLICIES.profile(profile)
    described = STREAMPAY.dataset(dataset)
    cut = compile_cut(described, policy, timezone="UTC", pseudonym_key=b"k" * 32, owners=())
    withheld = {f.column for f in described.fields if isinstance(rule(policy, dataset, f.name), Withhold)}
    assert cut.fields
    assert withheld & set(described.subject) == withheld & {column.name for column in cut.selection.columns}


def test_a_person_receives_all_of_their_own():
    """
    For oneself only the other side's e-mail and partner id are masked and the unclassified is withheld.
    """
    altered = {(d.name, f.name): rule(SELF_POLICY, d.name, f.name) for d, f in EVERY}
    altered = {place: each for place, each in altered.items() if not isinstance(each, Keep)}
    assert {("streams", "email"), ("streams", "partner_id"), ("streams", "metadata")} == set(altered)
    assert isinstance(altered["streams", "email"], Mask)
    assert isinstance(altered["streams", "metadata"], Withhold)


def kept(policy):
    """
    The fields of which a policy gives some rows their values as they are.
    """
    return {(d.name, f.name) for d, f in EVERY if Keep() in branches(rule(policy, d.name, f.name))}


PORTABLE = {(d.name, f.name) for d, f in EVERY if f.portable}


def test_portability_is_what_was_provided_or_observed_under_consent_or_contract():
    """
    Nothing that is not portable is kept, and what is portable is kept but for what may be others' (GDPR Art. 20).
    """
    left_out = {("streams", "email"), ("streams", "partner_id"), ("streams", "metadata")}
    assert PORTABLE - left_out == kept(PORTABILITY_POLICY)
    not_portable = {(d.name, f.name) for d, f in EVERY} - PORTABLE
    assert {("account", "last_seen"), ("streams", "vested_amount"), ("events", "description")} == not_portable


def test_the_strict_variant_keeps_nothing_more():
    """
    What is kept in the strict variant is kept in the other one.
    """
    assert kept(PORTABILITY_STRICT_POLICY) < kept(PORTABILITY_POLICY)


@pytest.mark.parametrize("field", ["label", "labels", "memo"])
def test_what_the_payer_wrote_is_portable_for_the_payer(field):
    """
    The payer is the author of label and memo: it is theirs to take along, and not the recipient's.
    """
    expected = ByRow(when=SubjectIn(column="payer"), then=Keep(), otherwise=Withhold())
    assert expected == rule(PORTABILITY_POLICY, "streams", field)
    assert Keep() == rule(SELF_POLICY, "streams", field)
    assert Withhold() == rule(PORTABILITY_STRICT_POLICY, "streams", field)


REVEALING = {(d.name, f.name) for d, f in EVERY if f.reveals == "counterparty"}


def test_everything_that_leads_to_the_other_side_is_tagged():
    """
    Addresses, hashes, identifiers, and exact amounts, assets and times of what the public ledger shows.
    """
    exact = {FieldType.DECIMAL, FieldType.UUID, FieldType.TIMESTAMP}
    untagged = {(d.name, f.name) for d, f in EVERY if f.type in exact} - REVEALING
    off_the_ledger = {("account", "created_at"), ("account", "last_seen")}
    assert off_the_ledger | {("streams", "updated_at"), ("streams", "deleted_at")} == untagged
    of_ledger = {(d.name, f.name) for d, f in EVERY if f.category == "ledger"} - {("streams", "chain_id")}
    assert of_ledger < REVEALING
    assert {("account", "wallet_address"), ("streams", "token"), ("payouts", "counterparty")} < REVEALING
    assert {(d.name, f.name) for d, f in EVERY if f.name == "id"} < REVEALING


def test_the_strict_variant_keeps_nothing_that_leads_to_the_other_side():
    """
    Of what is tagged only the commonest asset is shown; addresses and identifiers are codes or left out.
    """
    assert {("streams", "token"), ("payouts", "asset")} == kept(PORTABILITY_STRICT_POLICY) & REVEALING
    xlm = ByRow(when=ValueIn(column="asset", values=["XLM"]), then=Keep(), otherwise=Withhold())
    assert xlm == rule(PORTABILITY_STRICT_POLICY, "payouts", "asset")
    named = [(d.name, f.name) for d, f in EVERY if f.name.endswith(("id", "address", "hash", "counterparty"))]
    rules = {place: rule(PORTABILITY_STRICT_POLICY, *place) for place in named if place != ("streams", "chain_id")}
    keys = {(d.name, "id") for d in STREAMPAY.datasets[1:]} | {("account", "wallet_address")}
    assert keys == {place for place, each in rules.items() if each == Pseudonymise()}
    assert {Withhold()} == {each for place, each in rules.items() if place not in keys}


def test_a_row_of_the_strict_variant_has_one_amount_and_one_time():
    """
    Several amounts or times of one row are a join together, however coarse each is.
    """
    for dataset in STREAMPAY.datasets:
        rules = [rule(PORTABILITY_STRICT_POLICY, dataset.name, f.name) for f in dataset.fields]
        assert 1 == sum(isinstance(each, Generalise) for each in rules)
        assert sum(isinstance(each, Band) for each in rules) <= 1
        assert {Period.MONTH} == {each.to for each in rules if isinstance(each, Generalise)}


@pytest.mark.parametrize("policy", [SUPPORT_POLICY, AUDITOR_POLICY], ids=["support", "auditor"])
def test_staff_are_not_told_who_paid_whom(policy):
    """
    Of what leads to the other side staff see exact amounts, assets and times, and support its identifiers.
    """
    shown = kept(policy) & REVEALING
    exact = {(d.name, f.name) for d, f in EVERY if f.type in {FieldType.DECIMAL, FieldType.TIMESTAMP}}
    assets = {("streams", "token"), ("payouts", "asset")}
    ids = {(d.name, f.name) for d, f in EVERY if f.name in {"id", "stream_id"}}
    assert (ids if policy is SUPPORT_POLICY else set()) == shown - exact - assets
    assert "public ledger can still be searched" in policy.description


@pytest.mark.parametrize("policy", [SUPPORT_POLICY, AUDITOR_POLICY], ids=["support", "auditor"])
def test_staff_read_no_contact_data_and_no_free_text(policy):
    """
    Neither support nor auditors see an address, a name or what people wrote to each other.
    """
    private = {(d.name, f.name) for d, f in EVERY if f.category in {"contact", "content", "identity"}}
    assert set() == private & kept(policy)


def test_only_a_copy_that_has_the_persons_address_says_whose_it_is():
    """
    Where every column that names the person is a code, a mask or left out, so is their name in the report.
    """
    naming = {name for name in PROFILES if STREAMPAY_POLICIES.profile(name).names_subject(STREAMPAY)}
    assert {"self", "portability"} == naming
    assert Policy(profile="self", rules={}).names_subject(STREAMPAY)


def test_what_identifies_a_person_is_scrubbed_and_records_are_retained():
    """
    StreamPay's own inventory: these are scrubbed on erasure, and all else is kept for seven years.
    """
    scrubbed = {(d.name, f.name) for d, f in EVERY if f.on_erasure == Scrub()}
    on_streams = {("streams", name) for name in ("email", "partner_id", "label", "labels", "memo", "metadata")}
    account = {("account", f.name) for f in STREAMPAY.dataset("account").fields}
    assert on_streams | account | {("events", "description")} == scrubbed
    assert all(isinstance(f.on_erasure, Retain) for d, f in EVERY if (d.name, f.name) not in scrubbed)
    assert all("seven years" in f.retention.lower() for d, f in EVERY if isinstance(f.on_erasure, Retain))


def test_the_escrow_adds_up():
    """
    What a cancellation pays out, back, and has paid before is what was locked.
    """
    [escrow] = STREAMPAY.dataset("streams").invariants
    paid = {"cancellation_recipient_payout", "cancellation_sender_refund", "cancellation_already_released"}
    assert paid == set(escrow.left)
    assert ("cancellation_total",) == escrow.right


def test_a_policy_is_read_copied_and_changed():
    """
    An application's own variant is a copy with other rules; the one it was made of stays as it is.
    """
    changed = evolve(
        SELF_POLICY, rules=SELF_POLICY.rules | {"account": withhold("Shown in the account page.", "email")}
    )
    changed.check(STREAMPAY)
    assert Withhold() == rule(changed, "account", "email")
    assert Keep() == rule(SELF_POLICY, "account", "email") == rule(changed, "streams", "payer")
