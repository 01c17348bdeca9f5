"""
Laws of the cut, over made-up catalogs, policies and rows.
"""

from collections import defaultdict
from fractions import Fraction

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.catalog import Dataset, Direction, Field, FieldType
from streampay_export._core.cut import compile_cut
from streampay_export._core.figures import Figures, fold_figures
from streampay_export._core.masking import mask, pseudonyms
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rules import Keep, Mask, MaskKind, Pseudonymise, Withhold

from .test_canonical_laws import VALUES

RULES = [Keep(), Withhold(), Mask(MaskKind.TEXT), Pseudonymise(), None]
KEY = b"k" * 32


@st.composite
def cuts(draw):
    """
    A dataset with fields of any types, a policy with any rules, and some rows of its selection.
    """
    kinds = draw(st.lists(st.sampled_from(FieldType), min_size=1, max_size=8))
    fields = [Field(name=f"f{number}", type=kind) for number, kind in enumerate(kinds)]
    dataset = Dataset(name="d", table="t", key=["f0", "id"], subject=["owner"], fields=fields)
    rules = {each.name: draw(st.sampled_from(RULES)) for each in fields}
    policy = Policy(
        profile="self",
        rules={"d": {name: FieldRule(rule=rule, reason="x") for name, rule in rules.items() if rule}},
    )
    cut = compile_cut(dataset, policy, timezone="UTC", pseudonym_key=KEY, owners=())
    cells = [VALUES[column.type] | st.none() if column.type else st.just("key") for column in cut.selection.columns]
    return dataset, policy, cut, draw(st.lists(st.tuples(*cells), max_size=6))


@given(cuts())
def test_every_page_has_one_column_for_each_field_permitted(made):
    """
    Whatever the types, a page gives one text or NULL per row and permitted field, in catalog order.
    """
    dataset, policy, cut, rows = made
    rules = [(f.name, policy.rule("d", f.name).rule) for f in dataset.fields]
    assert [name for name, rule in rules if not isinstance(rule, Withhold)] == [f.name for f in cut.fields]
    columns = cut.columns(rows)
    assert [len(rows)] * len(cut.fields) == [len(column) for column in columns]
    for place, column in enumerate(columns):
        assert [row[place] is None for row in rows] == [text is None for text in column]


@given(cuts())
def test_a_withheld_column_is_never_selected(made):
    """
    No column is read but those of permitted fields, and of key and subject.
    """
    dataset, policy, cut, _ = made
    permitted = {f.column for f in dataset.fields if not isinstance(policy.rule("d", f.name).rule, Withhold)}
    assert permitted | {"f0", "id", "owner"} == {column.name for column in cut.selection.columns}


@given(cuts())
def test_a_new_column_changes_nothing(made):
    """
    A field the catalog gains and no policy names leaves the cut as it was.
    """
    dataset, policy, cut, rows = made
    grown = evolve(dataset, fields=[*dataset.fields, Field(name="novel", type="text")])
    again = compile_cut(grown, policy, timezone="UTC", pseudonym_key=KEY, owners=())
    assert cut.fields == again.fields
    assert cut.selection.columns == again.selection.columns
    assert list(cut.columns(rows)) == list(again.columns(rows))


@given(cuts(), st.integers(0, 6))
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
    assert all(len(each) == 28 and each.startswith("p-") for each in made)


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
