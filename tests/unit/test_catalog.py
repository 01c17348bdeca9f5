"""
A catalog is valid once built: what is refused, and what is found by name.
"""

import pytest

from streampay_export._core.catalog import (
    Catalog,
    Constant,
    Dataset,
    Field,
    FieldType,
    Invariant,
    Omission,
    Origin,
    Owner,
    Retain,
)
from streampay_export.errors import InvalidCatalog, UnknownName

FIELDS = [
    Field(name="id", type="uuid"),
    Field(name="amount", type="decimal", asset="token"),
    Field(name="token", type="text"),
]


def dataset(**changes):
    """
    A dataset, with some of its parts changed.
    """
    parts = {"name": "payouts", "table": "payout", "key": ["id"], "subject": ["payer"], "fields": FIELDS}
    return Dataset(**{**parts, **changes})


OWNER = {"via": "stream_id", "table": "stream", "key": "id"}
WRONG_DATASETS = {
    "name": ({"name": "1st"}, "'1st': a name is a letter"),
    "table": ({"table": ""}, "name the table"),
    "no key": ({"key": []}, "one or more different columns"),
    "key twice": ({"key": ["id", "id"]}, "one or more different columns"),
    "bare key": ({"key": "id"}, "a list of names"),
    "no subject": ({"subject": []}, "either subject columns or an owner table"),
    "both": ({"owner": Owner(**OWNER, subject=["payer"])}, "either subject columns or an owner table"),
    "owner": ({"subject": [], "owner": Owner(**OWNER, subject=[])}, "owner table needs subject columns"),
    "no field": ({"fields": []}, "at least one field"),
    "field twice": ({"fields": [*FIELDS, Field(name="id", type="text")]}, "two fields have one name: id"),
    "asset": ({"fields": FIELDS[:2]}, "payouts.amount: asset names no field of the dataset; there are: id, amount"),
    "direction": ({"direction": "way"}, "direction names no field of the dataset; there are: id, amount, token"),
}
WRONG_FIELDS = {
    "name": ({"name": "a b", "type": "text"}, "a name is a letter"),
    "asset": ({"name": "a", "type": "text", "asset": "token"}, "belong to fields of type decimal"),
    "scale": ({"name": "a", "type": "integer", "scale": 2}, "belong to fields of type decimal"),
    "large scale": ({"name": "a", "type": "decimal", "scale": 39}, "0 to 38"),
    "unit": ({"name": "a", "type": "timestamp", "unit": "h"}, "unit is s, ms or us"),
    "unit of text": ({"name": "a", "type": "text", "unit": "s"}, "belongs to fields of type timestamp"),
}


@pytest.mark.parametrize("wrong", WRONG_DATASETS)
def test_an_inconsistent_dataset_is_refused_when_built(wrong):
    """
    A dataset that cannot be paged, owned or written is refused, saying what would be right.
    """
    changes, problem = WRONG_DATASETS[wrong]
    with pytest.raises(InvalidCatalog, match=problem):
        dataset(**changes)


@pytest.mark.parametrize("wrong", WRONG_FIELDS)
def test_an_inconsistent_field_is_refused_when_built(wrong):
    """
    A field whose parts do not fit its type is refused, saying what would be right.
    """
    parts, problem = WRONG_FIELDS[wrong]
    with pytest.raises(InvalidCatalog, match=problem):
        Field(**parts)


def test_a_field_reads_the_column_of_its_name_unless_told():
    """
    The column is the field's own name by default; type and origin come from their words.
    """
    field = Field(name="amount", type="decimal", origin="observed", asset=Constant("XLM"))
    assert ("amount", FieldType.DECIMAL, Origin.OBSERVED) == (field.column, field.type, field.origin)
    assert "amt" == Field(name="amount", type="decimal", column="amt").column


def test_rows_are_left_out_only_for_a_reason():
    """
    An omission without a reason is refused.
    """
    assert "deleted" == Omission(column="deleted_at", reason="deleted").reason
    with pytest.raises(InvalidCatalog, match="only for a reason"):
        Omission(column="deleted_at", reason=" ")


def test_names_are_found_or_refused_with_what_there_is():
    """
    Datasets and fields are found by name; an unknown name is refused with the known ones.
    """
    catalog = Catalog([dataset(), dataset(name="events")], timezone="UTC")
    assert ("payouts", "events") == catalog.names
    assert "events" == catalog.dataset("events").name
    assert FIELDS[1] == catalog.dataset("payouts").field_named("amount")
    with pytest.raises(UnknownName, match="no dataset 'x'; there are: payouts, events"):
        catalog.dataset("x")
    with pytest.raises(UnknownName, match="no field 'x'; there are: id, amount, token"):
        catalog.dataset("payouts").field_named("x")


def test_part_of_a_catalog_keeps_its_order_and_zone():
    """
    A catalog's part is in catalog order, whatever the order asked for.
    """
    catalog = Catalog([dataset(), dataset(name="events"), dataset(name="streams")], timezone="UTC")
    some = catalog.only(["streams", "payouts", "streams"])
    assert (("payouts", "streams"), "UTC") == (some.names, some.timezone)
    with pytest.raises(UnknownName):
        catalog.only(["payouts", "x"])


def test_a_catalog_has_datasets_of_different_names():
    """
    An empty catalog and one with a name twice are refused.
    """
    with pytest.raises(InvalidCatalog, match="at least one dataset"):
        Catalog([])
    with pytest.raises(InvalidCatalog, match="two datasets have one name"):
        Catalog([dataset(), dataset()])


def test_what_is_retained_on_erasure_has_a_basis_and_an_end():
    """
    A value that outlives an erasure says on which basis and until when.
    """
    assert (
        Retain(basis="Tax law", until="seven years")
        == Field(name="amount", type="decimal", on_erasure=Retain(basis="Tax law", until="seven years")).on_erasure
    )
    for basis, until in (("", "2033"), ("Tax law", " ")):
        with pytest.raises(InvalidCatalog, match="a basis and an end"):
            Retain(basis=basis, until=until)


@pytest.mark.parametrize(
    ("origin", "legal_basis", "portable"),
    [
        ("provided", "contract", True),
        ("observed", "consent", True),
        ("derived", "contract", False),
        ("provided", "legal_obligation", False),
        (None, "contract", False),
        ("provided", None, False),
    ],
)
def test_provided_and_observed_under_consent_or_contract_is_portable(origin, legal_basis, portable):
    """
    Art. 20 covers what was provided or observed, and only under consent or contract.
    """
    assert portable == Field(name="f", type="text", origin=origin, legal_basis=legal_basis).portable


def money(**more):
    """
    A dataset of three amounts and a note.
    """
    amounts = [Field(name=name, type="decimal") for name in ("paid", "back", "total")]
    return Dataset(
        name="d", table="t", key=["id"], subject=["p"], fields=[*amounts, Field(name="note", type="text")], **more
    )


def test_an_invariant_speaks_of_decimal_fields_of_its_dataset():
    """
    An equation over a field that is not there, or is no decimal, is refused by name; so is an empty side.
    """
    held = Invariant(name="escrow", left=["paid", "back"], right=["total"])
    assert ("paid", "back", "total") == held.fields
    assert (held,) == money(invariants=[held]).invariants
    for wrong in ("gone", "note"):
        with pytest.raises(InvalidCatalog, match=f"invariant escrow: '{wrong}' is no decimal field"):
            money(invariants=[Invariant(name="escrow", left=["paid"], right=[wrong])])
    with pytest.raises(InvalidCatalog, match="fields on both sides"):
        Invariant(name="escrow", left=["paid"], right=[])
    with pytest.raises(InvalidCatalog, match="a name is a letter"):
        Invariant(name="es crow", left=["paid"], right=["total"])


@pytest.mark.parametrize("wrong", [{"state": "gone"}, {"highlights": ["paid", "gone"]}, {"direction": "gone"}])
def test_what_the_report_shows_are_fields_of_the_dataset(wrong):
    """
    State, highlights and direction name fields; another name is refused with the key it stands in.
    """
    assert money(state="note", highlights=["paid"]).state == "note"
    with pytest.raises(InvalidCatalog, match=f"{next(iter(wrong))} names no field of the dataset"):
        money(**wrong)


def test_a_column_is_ignored_for_a_reason():
    """
    The drift check is told to be silent about a column only with a reason.
    """
    assert {"risk": "Kept by another team"} == dict(money(ignored={"risk": "Kept by another team"}).ignored)
    with pytest.raises(InvalidCatalog, match="'risk': a column is ignored only for a reason"):
        money(ignored={"risk": " "})
