"""
Rules that look at the row: whose row it is, what else it says, and what of that is read.
"""

from uuid import UUID

import pytest
from attrs import evolve

from streampay_export._core.catalog import Catalog, Dataset, Direction, Field, Owner
from streampay_export._core.cut import OutputField, compile_cut
from streampay_export._core.ownership import owner_values
from streampay_export._core.party import Subject
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rules import (
    ByRow,
    Custom,
    Generalise,
    Keep,
    Mask,
    Pseudonymise,
    SubjectIn,
    ValueIn,
    Withhold,
)
from streampay_export._core.selection import EVER, Query
from streampay_export.errors import SourceMismatch, UnwritableValue
from streampay_export.sources.iterable import IterableSource
from streampay_export.testing.fakes import ManualClock

STREAMS = Dataset(
    name="streams",
    table="streams",
    key=["id"],
    subject=["payer", "payee"],
    fields=[
        Field(name="id", type="integer"),
        Field(name="memo", type="text"),
        Field(name="note", type="text"),
        Field(name="closed", type="boolean", column="is_closed"),
        Field(name="paid", type="timestamp"),
    ],
)
EVENTS = Dataset(
    name="events",
    table="events",
    key=["id"],
    owner=Owner(via="stream_id", table="streams", key="id", subject=["payer", "payee"]),
    fields=[
        Field(name="id", type="integer"),
        Field(name="note", type="text"),
        Field(name="by", column="payer", type="text"),
    ],
)
KEPT, MASKED, WITHHELD = Keep(), Mask(), Withhold()
NAMES = owner_values(Subject("me", ("7", "6f1c1a3e-0000-4000-8000-0000000000aa")))


def by_row(when, then=KEPT, otherwise=WITHHELD):
    """
    A rule that looks at the row.
    """
    return ByRow(when=when, then=then, otherwise=otherwise)


def cut_of(dataset=STREAMS, **rules):
    """
    The cut of a dataset under these rules.
    """
    entries = {name: FieldRule(rule=rule, reason="because") for name, rule in rules.items()}
    policy = Policy(profile="self", rules={dataset.name: entries})
    return compile_cut(dataset, policy, timezone="UTC", pseudonym_key=b"k" * 32, owners=NAMES)


def memos(when, *looked_at):
    """
    What is written of a memo beside each of these values of the condition's column, which is no field's.
    """
    cut = cut_of(memo=by_row(when, KEPT, MASKED))
    place = [column.name for column in cut.selection.columns].index(when.column)
    rows = [["text"] + [None] * (len(cut.selection.columns) - 1) for _ in looked_at]
    for row, value in zip(rows, looked_at, strict=True):
        row[place] = value
    return cut.columns([tuple(row) for row in rows])[0] if rows else cut.columns([])[0]


def test_the_column_looked_at_is_read_and_not_written():
    """
    The condition's column is the last of the selection, and no field of the files.
    """
    cut = cut_of(memo=by_row(SubjectIn(column="author")))
    assert ["memo", "id", "payer", "payee", "author"] == [column.name for column in cut.selection.columns]
    assert (OutputField(name="memo", type="text"),) == cut.fields
    assert [["mine", None]] == cut.columns([("mine", 1, "me", "you", "me"), ("yours", 2, "me", "you", "you")])


def test_a_column_that_is_there_is_not_read_twice():
    """
    Key, subject and mapped columns serve as they are.
    """
    looked_at = by_row(SubjectIn(column="payer"), Keep(), Mask()), by_row(ValueIn(column="memo", values=["x"]))
    cut = cut_of(memo=looked_at[0], note=looked_at[1])
    assert ["memo", "note", "id", "payer", "payee"] == [column.name for column in cut.selection.columns]


def test_without_a_rule_that_looks_nothing_more_is_read():
    """
    A withheld field's condition is not there to be read.
    """
    assert ["id", "payer", "payee"] == [column.name for column in cut_of().selection.columns]


def test_the_subject_has_many_names_in_many_forms():
    """
    Identifiers are compared in the forms that drivers return, and NULL is nobody's.
    """
    values = ["me", "7", 7, UUID("6f1c1a3e-0000-4000-8000-0000000000aa"), "you", None, "", 8, b"me"]
    assert ["text"] * 4 + ["***"] * 5 == memos(SubjectIn(column="author"), *values)


def test_pages_where_all_or_none_or_no_rows_hold():
    """
    An empty page, one where every row holds, and one where none does.
    """
    mine = SubjectIn(column="author")
    assert ((), ["text"] * 2, ["***"] * 2) == (memos(mine), memos(mine, "me", "me"), memos(mine, "you", None))


def test_values_of_an_unmapped_column_are_compared_as_text():
    """
    Texts, whole numbers, booleans and UUIDs; NULL is none of the values.
    """
    asked = ValueIn(column="kind", values=["out", "1", "true", "6f1c1a3e-0000-4000-8000-0000000000aa", "None"])
    values = ["out", 1, True, UUID("6f1c1a3e-0000-4000-8000-0000000000aa"), "Out", 0, False, None]
    assert ["text"] * 4 + ["***"] * 4 == memos(asked, *values)


@pytest.mark.parametrize("stored", [True, 1, "t", b"\x01"], ids=repr)
def test_a_mapped_column_is_compared_as_its_field_writes_it(stored):
    """
    However a database keeps a boolean, the condition holds for the same rows; its field need not be exported.
    """
    closed = ValueIn(column="is_closed", values=["true"])
    assert ["text", "***", "***"] == memos(closed, stored, False, None)


def test_an_instant_is_compared_in_utc():
    """
    A mapped timestamp has one form, whatever the driver's.
    """
    paid = ValueIn(column="paid", values=["2026-01-31T00:00:00.000000Z"])
    assert ["text", "***"] == memos(paid, "2026-01-31 01:00:00+01:00", "2026-01-31 00:00:01")


@pytest.mark.parametrize(
    ("when", "value", "kind", "says"),
    [
        (
            SubjectIn(column="author"),
            ["me"],
            SourceMismatch,
            "'author', at which a rule looks, holds nothing",
        ),
        (ValueIn(column="kind", values=["x"]), ["x"], SourceMismatch, "values of type list; have a field map it"),
        (ValueIn(column="kind", values=["1.5"]), 1.5, SourceMismatch, "values of type float"),
        (ValueIn(column="is_closed", values=["true"]), "secret", UnwritableValue, "field 'closed' holds"),
    ],
    ids=["identifier", "list", "float", "field"],
)
def test_what_cannot_be_compared_ends_the_export(when, value, kind, says):
    """
    The error names dataset and column, quotes no value, and has no context that would.
    """
    with pytest.raises(kind, match=says) as refused:
        memos(when, value)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_value_that_is_withheld_in_its_row_is_not_even_formed():
    """
    A value without a canonical form stops the page only in rows that would show it.
    """
    cut = cut_of(paid=by_row(SubjectIn(column="author"), Generalise("day"), Withhold()))
    here = len(cut.selection.columns) * [None]
    mine, yours = ["2026-01-31 10:00:00", *here[1:-1], "me"], ["no instant", *here[1:-1], "you"]
    assert [["2026-01-31", None]] == cut.columns([tuple(mine), tuple(yours)])
    with pytest.raises(UnwritableValue):
        cut.columns([("no instant", *here[1:-1], "me")])


def test_an_owners_column_comes_before_the_datasets_own():
    """
    Where the owner's table and the dataset's both have the column, the condition looks at the owner's,
    whether or not a field maps the other.
    """
    mine = by_row(SubjectIn(column="payer"))
    alone, beside = cut_of(EVENTS, note=mine), cut_of(EVENTS, note=mine, by=Keep())
    assert [("note", False), ("id", False), ("payer", True), ("payee", True)] == [
        (column.name, column.of_owner) for column in alone.selection.columns
    ]
    assert [["a", None]] == alone.columns([("a", 1, "me", "x"), ("b", 2, "x", "me")])
    assert [["a", None], ("x", "me")] == beside.columns([("a", "x", 1, "me", "x"), ("b", "me", 2, "x", "me")])


def test_direction_columns_stay_the_datasets_own():
    """
    Where a dataset with an owner has a direction too, both kinds of columns have their place.
    """
    cut = cut_of(
        evolve(EVENTS, direction=Direction(out="payer", into="payee")), note=by_row(SubjectIn(column="payee"))
    )
    assert [("payer", True), ("payee", True), ("payer", False), ("payee", False)] == [
        (column.name, column.of_owner) for column in cut.selection.columns[2:]
    ]
    assert [[None, "b"]] == cut.columns([("a", 1, "x", "x", "me", "me"), ("b", 2, "x", "me", "x", "x")])


def broken(_):
    """
    A rule that fails, quoting what it was given.
    """
    raise RuntimeError("the memo said secret")


@pytest.mark.parametrize("replace", [broken, len, lambda _: "\ud83d"], ids=["raises", "a number", "no UTF-8"])
def test_what_a_rule_of_ones_own_does_wrong_does_not_get_through(replace):
    """
    Whatever it raises or answers, the export ends by the field's name and without the value.
    """
    with pytest.raises(
        UnwritableValue, match="field 'memo' holds a value for which its rule gave no text"
    ) as refused:
        cut_of(memo=Custom("mine", replace)).columns([("secret", 1, "me", "you")])
    assert "secret" not in str(refused.value)
    assert (None, None) == (refused.value.__cause__, refused.value.__context__)


def test_a_rule_of_ones_own_may_write_null():
    """
    NULL is an answer, and NULL itself is never asked about.
    """
    cut = cut_of(memo=Custom("short", lambda text: text if len(text) < 3 else None))
    assert [["ab", None, None]] == cut.columns([(memo, 1, "me", "you") for memo in ("ab", "abc", None)])


def test_pseudonyms_agree_between_rows_and_fields():
    """
    A value has one pseudonym in the export, whichever field and branch it comes by.
    """
    rule = by_row(SubjectIn(column="author"), Keep(), Pseudonymise())
    cut = cut_of(memo=rule, note=Pseudonymise())
    ((own, theirs), (first, second)) = cut.columns(
        [("G1", "G1", 1, "me", "you", "me"), ("G1", "G1", 2, "me", "you", "you")]
    )
    assert ("G1", first, first) == (own, theirs, second)


def test_a_column_that_is_not_there_is_the_catalogs_fault():
    """
    A source that lacks the condition's column says so at the first page.
    """
    cut = cut_of(memo=by_row(SubjectIn(column="author")))
    row = {"id": 1, "payer": "me", "payee": "you", "memo": "m", "note": "n", "is_closed": 0, "paid": None}
    clock = ManualClock()
    source = IterableSource({"streams": [row]}, now=clock, timezone="UTC")
    source.check(Catalog([STREAMS]))
    query = Query(selection=cut.selection, subject=Subject("me"), as_of=source.now(), window=EVER)
    with source.snapshot() as snapshot, pytest.raises(SourceMismatch, match="has no column 'author'"):
        snapshot.page(query, None, 10)
