"""
A catalog is valid once built: what is refused, and what is found by name.
"""

import pytest

from streampay_export._core.catalog import Catalog, Constant, Dataset, Field, FieldType, Omission, Origin, Owner
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
