"""
A compiled cut: what it reads, what it writes in a value's place, and its control totals.
"""

from decimal import Decimal
from uuid import UUID

import pytest
from attrs import evolve

from streampay_export._core.catalog import Constant, Dataset, Direction, Field
from streampay_export._core.cut import OutputField, compile_cut, inexact_fields
from streampay_export._core.figures import Total, TotalKey
from streampay_export._core.masking import MOST_REMEMBERED, Remembered, mask, pseudonyms
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rules import Band, Generalise, Keep, Mask, MaskKind, Pseudonymise, Withhold
from streampay_export.errors import UnwritableValue

PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=["at", "id"],
    subject=["payer", "payee"],
    direction=Direction(out="payer", into="payee"),
    fields=[
        Field(name="at", type="timestamp"),
        Field(name="amount", type="decimal", asset="token", scale=2),
        Field(name="token", type="text"),
        Field(name="fee", type="decimal", asset=Constant("XLM")),
        Field(name="payee", type="text"),
        Field(name="stream", type="uuid", column="stream_id"),
        Field(name="email", type="text"),
        Field(name="secret", type="text"),
    ],
)
STREAM = UUID(int=7)


def policy(**rules):
    """
    A policy with these rules for the payouts.
    """
    return Policy(
        profile="self",
        rules={"payouts": {name: FieldRule(rule=rule, reason="because") for name, rule in rules.items()}},
    )


def cut_of(dataset=PAYOUTS, *, key=b"k" * 32, owners=("G1",), **rules):
    """
    The cut of a dataset under these rules.
    """
    return compile_cut(dataset, policy(**rules), timezone="UTC", pseudonym_key=key, owners=owners)


def test_a_field_without_a_rule_is_not_even_read():
    """
    The selection holds the kept fields in catalog order, then only what paging and direction need.
    """
    cut = cut_of(token=Keep(), amount=Keep(), secret=Withhold())
    assert ("amount", "token") == cut.selection.fields
    assert ["amount", "token", "at", "id", "payer", "payee"] == [c.name for c in cut.selection.columns]
    assert ["amount", "token"] == [field.name for field in cut.fields]


def test_a_policy_without_the_dataset_leaves_nothing_of_it():
    """
    No rules, no fields: nothing but the key, subject and direction columns is read, and nothing written.
    """
    cut = compile_cut(PAYOUTS, Policy(profile="x", rules={}), timezone=None, pseudonym_key=b"", owners=())
    assert ((), ()) == (cut.fields, cut.selection.fields)
    assert [] == cut.columns([("2026", 1, "G1", "G2")])


def test_each_rule_says_what_is_written():
    """
    Keep writes the canonical text, mask a reminder, pseudonymise a keyed hash; NULL stays NULL.
    """
    cut = cut_of(amount=Keep(), payee=Mask(MaskKind.ADDRESS), stream=Pseudonymise(), email=Mask(MaskKind.EMAIL))
    rows = [(1, "GABC", STREAM, "anna@example.com", "key"), (None, None, None, None, "key")]
    amount, payee, stream, email = cut.columns(rows)
    assert ["1.00", None] == amount
    assert ["***", None] == payee
    assert ["a***@***.com", None] == email
    assert [pseudonyms(b"k" * 32)(str(STREAM)), None] == stream


def test_less_exact_values_are_written():
    """
    Of an instant its day, of an amount its band; NULL stays NULL.
    """
    cut = cut_of(at=Generalise("day"), amount=Band([1, 10]))
    rows = [("2026-01-31T23:59:59-05:00", "9.99", 1, None, None), (None, None, 2, None, None)]
    assert [["2026-02-01", None], ["1 to under 10", None]] == cut.columns(rows)
    assert (OutputField(name="at", type="date"), OutputField(name="amount", type="text")) == cut.fields


def test_altered_fields_are_text():
    """
    A masked or pseudonymised field is of type text in the files, whatever it was.
    """
    cut = cut_of(amount=Pseudonymise(), stream=Keep())
    assert (OutputField(name="amount", type="text"), OutputField(name="stream", type="uuid")) == cut.fields


def test_an_empty_page_has_empty_columns():
    """
    No rows give one empty column per field.
    """
    assert [(), ()] == cut_of(amount=Keep(), token=Keep()).columns([])


def test_an_unwritable_value_names_its_field():
    """
    A value that has no exact form stops the page, naming dataset and field.
    """
    with pytest.raises(UnwritableValue, match="dataset payouts: field 'amount' holds"):
        cut_of(amount=Keep()).columns([("12,50",)])


def test_ragged_rows_are_not_cut_to_size():
    """
    Rows of different lengths are a source's bug, not a shorter page.
    """
    with pytest.raises(ValueError, match="zip"):
        cut_of(amount=Keep(), token=Keep()).columns([(1, "XLM"), (2,)])


def total(amount, asset, direction, rows, total_of):
    """
    One control total, as an item.
    """
    return (
        TotalKey(amount=amount, asset=asset, direction=direction),
        Total(rows=rows, sum=Decimal(total_of)),
    )


def totals(cut, rows):
    """
    The totals of one page.
    """
    return cut.figures(rows, cut.columns(rows)).totals


def test_totals_are_by_amount_asset_and_direction():
    """
    Amounts add up per asset and direction; NULL amounts are left out, a NULL asset counts as empty.
    """
    cut = cut_of(amount=Keep(), token=Keep(), fee=Keep(), owners={"G1", "G2"})
    # amount, token, fee, then the columns of key, subject and direction: at, id, payer, payee
    rows = [
        ("1.5", "XLM", "0.1", None, 1, "G1", "G9"),
        ("2.5", "XLM", "0.1", None, 2, "G9", "G2"),
        (3, "XLM", None, None, 3, "G1", "G2"),
        (4, None, 0.25, None, 4, "G2", "G9"),
        (None, "XLM", 2, None, 5, "G8", "G9"),
        ("0.25", "XLM", None, None, 6, "G1", "G9"),
    ]
    assert dict(
        [
            total("amount", "XLM", "out", 2, "1.75"),
            total("amount", "XLM", "in", 1, "2.50"),
            total("amount", "XLM", "self", 1, "3.00"),
            total("amount", "", "out", 1, "4.00"),
            total("fee", "XLM", "out", 2, "0.35"),
            total("fee", "XLM", "in", 1, "0.1"),
            total("fee", "XLM", "", 1, "2"),
        ]
    ) == totals(cut, rows)


def test_totals_of_i128_amounts_are_exact():
    """
    Sums are exact far beyond the 28 digits of Python's default context.
    """
    large = Decimal(f"{2**127}E-2")
    cut = cut_of(amount=Keep(), token=Keep())
    rows = [(large, "XLM", None, i, "G1", "G2") for i in range(3)]
    assert dict([total("amount", "XLM", "out", 3, f"{3 * 2**127}E-2")]) == totals(cut, rows)
    mixed = cut_of(fee=Keep())
    rows = [(2**127, None, 1, "G1", "G2"), (Decimal("0.0000001"), None, 2, "G1", "G2")]
    assert dict([total("fee", "XLM", "out", 2, f"{2**127}.0000001")]) == totals(mixed, rows)


def test_an_asset_that_is_not_kept_gives_no_totals():
    """
    Where the asset is withheld or altered, a sum over unlike assets would mean nothing.
    """
    rows = [("1", "XLM", None, 1, "G1", "G2")]
    assert {} == totals(cut_of(amount=Keep(), token=Pseudonymise()), rows)
    assert {} == totals(cut_of(amount=Keep()), [("1", None, 1, "G1", "G2")])
    assert {} == totals(cut_of(amount=Pseudonymise(), token=Keep()), rows)


def test_totals_of_nothing_are_empty():
    """
    An empty page, and a page of NULL amounts, have no totals.
    """
    cut = cut_of(amount=Keep(), token=Keep())
    assert {} == totals(cut, [])
    assert {} == totals(cut, [(None, "XLM", None, 1, "G1", "G2")])


def test_a_null_asset_and_an_empty_one_are_one_total():
    """
    As NULL counts as empty, both are added up together.
    """
    rows = [("1", None, None, 1, "G1", "G2"), ("2", "", None, 2, "G1", "G2")]
    assert dict([total("amount", "", "out", 2, "3.00")]) == totals(cut_of(amount=Keep(), token=Keep()), rows)


def test_a_field_may_say_the_direction():
    """
    Where the direction is a field, its own words in, out and self count, others as none.
    """
    dataset = evolve(PAYOUTS, direction="secret", subject=["payee"], key=["id"])
    cut = cut_of(dataset, fee=Keep(), secret=Keep())
    rows = [
        (1, "in", 1, "G1"),
        (2, "out", 2, "G1"),
        (4, "in", 3, "G1"),
        (8, "sideways", 4, "G1"),
        (16, None, 5, "G1"),
    ]
    expected = [("in", 2, 5), ("out", 1, 2), ("", 2, 24)]
    assert dict(total("fee", "XLM", *each) for each in expected) == totals(cut, rows)
    unsaid = cut_of(dataset, fee=Keep())
    assert dict([total("fee", "XLM", "", 1, 1)]) == totals(unsaid, [(1, 1, "G1")])


def test_a_dataset_without_direction_has_totals_without():
    """
    Without a direction all amounts of an asset are one total.
    """
    cut = cut_of(evolve(PAYOUTS, direction=None), fee=Keep())
    assert dict([total("fee", "XLM", "", 2, 3)]) == totals(cut, [(1, None, 1, "G1"), (2, None, 2, "G9")])


def test_floats_in_decimal_fields_are_known():
    """
    A decimal field in which the source returns floats can be told, so that it is called inexact.
    """
    cut = cut_of(amount=Keep(), token=Keep(), fee=Keep())
    assert ("fee",) == inexact_fields(cut, [(1, "XLM", 0.5), (Decimal("1.5"), "XLM", None)])
    assert () == inexact_fields(cut, [])


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "anna.smith@mail.example.com", "a***@***.com"),
        ("email", "@example.com", "***@***.com"),
        ("email", "root@localhost", "r***@***"),
        ("email", "a@[127.0.0.1]", "a***@***"),
        ("email", "no address", "***"),
        ("email", "", "***"),
        ("name", "Émile Zola", "É***"),
        ("name", "李小明", "***"),
        ("name", "+1 555", "***"),
        ("address", "GABC", "***"),
        ("text", "a long text " * 99, "***"),
    ],
    ids=str,
)
def test_a_mask_shows_next_to_nothing(kind, text, expected):
    """
    An e-mail keeps its first letter and last label, a name its first letter, the others nothing.
    """
    assert expected == mask(MaskKind(kind))(text)


def test_pseudonyms_are_keyed_and_have_one_form():
    """
    A pseudonym is the same under one key, another under another, and says nothing of its text's length; it is
    its own, and another key's is a text like any other.
    """
    first, again, other = pseudonyms(b"1" * 32), pseudonyms(b"1" * 32), pseudonyms(b"2" * 32)
    assert "p-dd4d6b0486b2c1dc1fc5316d1b91e202b787c4f4" == first("GABC")
    assert first("GABC") == again("GABC")
    assert first("GABC") != other("GABC")
    assert first("GABC") == first(first("GABC"))
    assert first(other("GABC")) not in {other("GABC"), first("GABC")}
    assert {42} == {len(first(text)) for text in ("", "x", "x" * 999)}


def test_replacements_are_remembered_within_bounds():
    """
    Short texts are worked out once, long ones each time, and memory does not grow with the history.
    """
    asked = []
    remembered = Remembered(lambda text: asked.append(text) or text.upper())
    assert ["A", "A", None] == [remembered["a"], remembered["a"], remembered[None]]
    assert ["a"] == asked
    assert remembered["b" * 999] == remembered["b" * 999]
    assert 3 == len(asked)
    for number in range(MOST_REMEMBERED + 10):
        remembered[str(number)]
    assert MOST_REMEMBERED >= len(remembered)
