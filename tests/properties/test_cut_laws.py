"""
Laws of the cut, over made-up catalogs, policies and rows.
"""

import json
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.readers import json_text, read_csv, read_json, read_ndjson

from streampay_export._core.canonical import canonicaliser
from streampay_export._core.catalog import Dataset, Direction, Field, FieldType
from streampay_export._core.cut import compile_cut
from streampay_export._core.figures import Figures, fold_figures
from streampay_export._core.generalising import band_names, banded, period
from streampay_export._core.masking import mask, pseudonyms
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rule_fit import misfit
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
)
from streampay_export.writers import CsvWriter, JsonWriter, NdjsonWriter

from .test_canonical_laws import MICROSECOND, PLAIN, VALUES

KEY = b"k" * 32
OWNERS = frozenset({"me", 1})
SIMPLE_RULES = [
    Keep(),
    Withhold(),
    *map(Mask, MaskKind),
    Pseudonymise(),
    *map(Generalise, Period),
    Band([0]),
    Band([-10, "0.5", 10**9]),
    Custom("short", lambda text: text[:2] or None),
]
CONDITIONS = st.builds(SubjectIn, column=st.sampled_from(["f0", "f1", "owner", "author"])) | st.builds(
    ValueIn,
    column=st.sampled_from(["f0", "f1", "owner", "author"]),
    values=st.sampled_from([["me"], ["true", "0"], ["you", "1"]]),
)


@st.composite
def rules(draw, kind):
    """
    A rule that fits the type, or none.
    """
    fitting = [rule for rule in SIMPLE_RULES if not misfit(rule, kind)]
    simple, other = draw(st.lists(st.sampled_from(fitting), min_size=2, max_size=2, unique=True))
    by_row = st.builds(ByRow, when=CONDITIONS, then=st.just(simple), otherwise=st.just(other))
    return draw(st.just(simple) | by_row | st.none())


@st.composite
def cuts(draw):
    """
    A dataset with fields of any types, a policy with any rules, and some rows of its selection.
    """
    kinds = draw(st.lists(st.sampled_from(FieldType), min_size=1, max_size=4))
    fields = [Field(name=f"f{number}", type=kind) for number, kind in enumerate(kinds)]
    dataset = Dataset(name="d", table="t", key=["f0", "id"], subject=["owner"], fields=fields)
    ruled = {each.name: draw(rules(each.type)) for each in fields}
    policy = Policy(
        profile="self",
        rules={"d": {name: FieldRule(rule=rule, reason="x") for name, rule in ruled.items() if rule}},
    )
    cut = compile_cut(dataset, policy, timezone="UTC", pseudonym_key=KEY, owners=OWNERS)
    cells = [
        VALUES[column.type] | st.none() if column.type else st.sampled_from(["me", "you", 1, 0, True, None])
        for column in cut.selection.columns
    ]
    return dataset, policy, cut, draw(st.lists(st.tuples(*cells), max_size=5))


def ruled_fields(dataset, policy):
    """
    The fields that are written, with their rules.
    """
    ruled = [(field, policy.rule("d", field.name).rule) for field in dataset.fields]
    return [(field, rule) for field, rule in ruled if not isinstance(rule, Withhold)]


def simply(rule, text):
    """
    What one rule makes of one text, spelled out.
    """
    match rule:
        case _ if text is None:
            return None
        case Keep():
            return text
        case Withhold():
            return None
        case Mask(kind):
            return mask(kind)(text)
        case Pseudonymise():
            return pseudonyms(KEY)(text)
        case Generalise(to):
            return "-".join(re.findall(r"\d+", text)[: 3 if to == "day" else 2])
        case Band(bounds):
            return band_names(rule)[sum(Fraction(text) >= Fraction(bound) for bound in bounds)]
        case Custom():
            return rule.replace(text)


def of_row(dataset, selection, field, rule, row):
    """
    What a rule makes of one field of one row, spelled out.
    """
    named = dict(zip([column.name for column in selection.columns], row, strict=True))
    if isinstance(rule, ByRow):
        value = named[rule.when.column]
        if isinstance(rule.when, SubjectIn):
            holds = value in OWNERS
        else:
            mapped = [each for each in dataset.fields if each.column == rule.when.column]
            text = str(value).lower() if value is not None else None
            holds = (canonicaliser("d", mapped[0], "UTC")([value])[0] if mapped else text) in rule.when.values
        rule = rule.then if holds else rule.otherwise
    if isinstance(rule, Withhold):
        return None
    return simply(rule, canonicaliser("d", field, "UTC")([named[field.column]])[0])


@given(cuts())
def test_a_page_is_what_its_rows_are_one_by_one(made):
    """
    Whatever the types and rules, a page gives what the rules, spelled out, make of each row and permitted field;
    NULL stays NULL.
    """
    dataset, policy, cut, rows = made
    ruled = ruled_fields(dataset, policy)
    expected = [[of_row(dataset, cut.selection, field, rule, row) for row in rows] for field, rule in ruled]
    assert [field.name for field, _ in ruled] == [field.name for field in cut.fields]
    assert expected == list(map(list, cut.columns(rows)))


@given(cuts())
def test_a_withheld_column_is_never_selected(made):
    """
    No column is read but those of permitted fields, of key and subject, and those at which their rules look.
    """
    dataset, policy, cut, _ = made
    ruled = ruled_fields(dataset, policy)
    looked_at = {rule.when.column for _, rule in ruled if isinstance(rule, ByRow)}
    permitted = {field.column for field, _ in ruled}
    assert permitted | {"f0", "id", "owner"} | looked_at == {column.name for column in cut.selection.columns}


def is_of(kind, text):
    """
    Whether a text is of a type, as other programs read it.
    """
    match kind:
        case FieldType.DATE:
            return date.fromisoformat(text).isoformat() == text
        case FieldType.TIMESTAMP:
            return MICROSECOND.fullmatch(text)
        case FieldType.DECIMAL:
            return PLAIN.fullmatch(text)
        case FieldType.INTEGER:
            return str(int(Decimal(text))) == text if len(text) < 4000 else text.lstrip("-").isdecimal()
        case FieldType.BOOLEAN:
            return text in {"true", "false"}
        case FieldType.UUID:
            return str(UUID(text)) == text
        case FieldType.JSON:
            return isinstance(json.dumps(json.loads(text)), str)
        case FieldType.TEXT:
            return True


def as_value(text):
    """
    What a JSON text says, in the one spelling that a value has when it is read; nothing where it is null.
    """
    value = None if text is None else json.loads(text)
    return None if value is None else json_text(value)


@given(cuts())
def test_texts_are_of_the_type_that_the_files_say(made):
    """
    After its rule each text is of the type its field is said to have, and comes back from CSV, NDJSON and JSON.
    """
    dataset, _, cut, rows = made
    columns = cut.columns(rows)
    for field, column in zip(cut.fields, columns, strict=True):
        assert all(is_of(field.type, text) for text in column if text is not None), field
    if rows and cut.fields:
        readers = ((CsvWriter(), read_csv), (NdjsonWriter(), read_ndjson), (JsonWriter(), read_json))
        for writer, read in readers:
            encoder = writer.encoder(dataset, cut.fields)
            file = encoder.head + encoder.page(columns) + encoder.tail
            expected = columns
            if read is not read_csv:  # there JSON is a value, and null is NULL
                expected = [
                    [as_value(text) if field.type is FieldType.JSON else text for text in column]
                    for field, column in zip(cut.fields, columns, strict=True)
                ]
            assert list(zip(*expected, strict=True)) == read(file, cut.fields)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=5), max_size=4))
def test_a_rule_of_ones_own_is_asked_once_about_each_text(pages):
    """
    Over all pages a third party's rule is asked once about each distinct text, and never about NULL.
    """
    asked = []
    rule = Custom("counting", lambda text: asked.append(text) or text)
    dataset = Dataset(name="d", table="t", key=["f"], subject=["f"], fields=[Field(name="f", type="text")])
    policy = Policy(profile="self", rules={"d": {"f": FieldRule(rule=rule, reason="x")}})
    cut = compile_cut(dataset, policy, timezone=None, pseudonym_key=KEY, owners=())
    written = [text for page in pages for text in cut.columns([(text,) for text in page])[0]]
    assert [text for page in pages for text in page] == written
    assert sorted({text for page in pages for text in page if text}) == sorted(asked)


@given(st.text(), st.text(), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_pseudonyms_are_equal_where_values_are_and_keys_are(one, other, key, another):
    """
    Under one key equal texts have equal pseudonyms and different ones different; under two keys none are equal.
    """
    assert (one == other) == (pseudonyms(key)(one) == pseudonyms(key)(other))
    assert (key == another) == (pseudonyms(key)(one) == pseudonyms(another)(one))


@given(st.text(), st.text("p-0123456789abcdef", min_size=42, max_size=42) | st.from_regex(r"p-[0-9a-f]{40}\Z"))
def test_only_a_pseudonym_of_this_export_is_its_own(text, likeness):
    """
    A pseudonym has itself; a text that merely looks like one, and one of another export, have another.
    """
    made = pseudonyms(KEY)(text)
    assert made == pseudonyms(KEY)(made)
    assert likeness != pseudonyms(KEY)(likeness)
    assert made != pseudonyms(b"another")(made)


@given(st.text() | st.decimals().map(str) | st.integers().map(str), st.sampled_from(Period))
def test_periods_and_bands_are_total_and_idempotent(text, to):
    """
    Whatever the text, it has a period and a band, and these have themselves.
    """
    for replace in (period(to), banded(Band([-1, 0, "0.25"])), banded(Band([10**40]))):
        once = replace(text)
        assert once == replace(once)


@given(cuts())
def test_a_new_column_changes_nothing(made):
    """
    A field the catalog gains and no policy names leaves the cut as it was.
    """
    dataset, policy, cut, rows = made
    grown = evolve(dataset, fields=[*dataset.fields, Field(name="novel", type="text")])
    again = compile_cut(grown, policy, timezone="UTC", pseudonym_key=KEY, owners=OWNERS)
    assert cut.fields == again.fields
    assert cut.selection.columns == again.selection.columns
    assert list(cut.columns(rows)) == list(again.columns(rows))


@given(cuts(), st.integers(0, 5))
def test_pages_do_not_show_in_the_columns(made, at):
    """
    Two pages give what one page of all their rows gives.
    """
    _, _, cut, rows = made
    halves = [cut.columns(rows[:at]), cut.columns(rows[at:])]
    assert [[*a, *b] for a, b in zip(*halves, strict=True)] == [list(c) for c in cut.columns(rows)]


@given(st.text(), st.sampled_from(MaskKind))
def test_masking_a_mask_changes_nothing(text, kind):
    """
    Masks are total and idempotent.
    """
    masked = mask(kind)(text)
    assert masked == mask(kind)(masked)


@given(st.emails())
def test_a_masked_email_shows_one_letter_and_the_last_label(email):
    """
    Of an e-mail address nothing is left but the first character and the last label.
    """
    masked = mask(MaskKind.EMAIL)(email)
    first, _, rest = masked.partition("***@***")
    assert first in {"", email[0]}
    assert rest in {"", "." + email.rpartition(".")[2]}


@given(st.lists(st.text(), unique=True, max_size=20))
def test_pseudonyms_tell_texts_apart(texts):
    """
    Different texts have different pseudonyms, of one form.
    """
    made = [pseudonyms(KEY)(text) for text in texts]
    assert len(texts) == len(set(made))
    assert all(re.fullmatch("p-[0-9a-f]{40}", each) for each in made)


people = st.sampled_from(["G1", "G2", "G3", None])
amounts = st.none() | st.integers() | st.decimals(-(10**40), 10**40, places=7) | st.decimals(-9, 9, places=2)


@given(st.lists(st.tuples(amounts, st.sampled_from(["XLM", "USDC", None]), people, people)), st.integers(0, 5))
def test_totals_are_the_exact_sums_whatever_the_pages(rows, at):
    """
    Folded over pages, the totals are the rational sums of the rows' amounts in each group.
    """
    dataset = Dataset(
        name="d",
        table="t",
        key=["payer"],
        subject=["payer", "payee"],
        direction=Direction(out="payer", into="payee"),
        fields=[Field(name="amount", type="decimal", asset="token"), Field(name="token", type="text")],
    )
    keep = FieldRule(rule=Keep(), reason="x")
    policy = Policy(profile="self", rules={"d": {"amount": keep, "token": keep}})
    cut = compile_cut(dataset, policy, timezone=None, pseudonym_key=KEY, owners={"G1", "G2"})
    expected = defaultdict(list)
    for amount, token, payer, payee in rows:
        way = {(True, False): "out", (False, True): "in", (True, True): "self"}
        sides = (payer in {"G1", "G2"}, payee in {"G1", "G2"})
        if amount is not None:
            expected["amount", token or "", way.get(sides, "")].append(Fraction(amount))
    pages = [page for page in (rows[:at], rows[at:]) if page]
    folded = fold_figures(cut.figures(page, cut.columns(page)) for page in pages).totals
    assert {key: (len(each), sum(each)) for key, each in expected.items()} == {
        (key.amount, key.asset, key.direction): (total.rows, Fraction(total.sum)) for key, total in folded.items()
    }


@given(cuts(), st.integers(0, 6))
def test_figures_of_two_stretches_add_up_to_those_of_both(made, at):
    """
    However rows are cut into pages, their figures fold to the same.
    """
    _, _, cut, rows = made
    pages = [page for page in (rows[:at], rows[at:]) if page]
    folded = fold_figures(cut.figures(page, cut.columns(page)) for page in pages)
    assert folded == (cut.figures(rows, cut.columns(rows)) if rows else Figures())
