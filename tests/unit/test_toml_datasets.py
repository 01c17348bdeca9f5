"""One dataset in TOML: what the report, the policy page and the drift check know of it, and each mistake."""

import tomllib
from pathlib import Path

import pytest
from tests.toml_texts import NOTICE

from streampay_export._core.catalog import Dataset, Direction, Invariant, LegalBasis, Origin, Retain, Scrub
from streampay_export.cli import main
from streampay_export.configuration import configuration_from
from streampay_export.errors import InvalidConfiguration

SOURCE = f'[source]\nurl = "sqlite:///shop.db"\n{NOTICE}'
SALES = """
[datasets.sales]
table = "sale"
key = ["id"]
subject = ["buyer"]
direction = {out = "buyer", in = "seller"}
description = "What was bought"
state = "state"
highlights = ["state", "paid"]
invariants.sum = {left = ["paid", "fee"], right = ["total"], description = "Nothing is lost"}
ignored = {search_text = "Derived from the others", legacy = "Empty since 2020"}

[datasets.sales.fields.id]
type = "integer"
rule = "keep"
reason = "x"
[datasets.sales.fields.state]
type = "text"
on_erasure = {does = "scrub"}
[datasets.sales.fields.paid]
type = "decimal"
asset = "state"
category = "financial"
origin = "observed"
legal_basis = "contract"
purpose = "To pay out what was earned"
retention = "Ten years, as tax law asks"
on_erasure = {does = "retain", basis = "Tax act, section 147", until = "ten years after the year of payment"}
[datasets.sales.fields.fee]
type = "decimal"
[datasets.sales.fields.total]
type = "decimal"
reveals = "counterparty"
rules.support = {rule = "generalise", bands = [10, 100], reason = "Enough for a question"}
"""


def dataset(text: str = SALES) -> Dataset:
    """Read the dataset."""
    return configuration_from(tomllib.loads(SOURCE + text), folder=Path("/etc")).catalog.dataset("sales")


def test_what_the_report_and_the_drift_check_know() -> None:
    """State, highlights, invariants and ignored columns are taken as they are."""
    sales = dataset()
    assert Direction(out="buyer", into="seller") == sales.direction
    assert ("What was bought", "state", ("state", "paid")) == (sales.description, sales.state, sales.highlights)
    assert (
        Invariant(name="sum", left=["paid", "fee"], right=["total"], description="Nothing is lost"),
    ) == sales.invariants
    assert {"search_text": "Derived from the others", "legacy": "Empty since 2020"} == dict(sales.ignored)


def test_what_the_policy_page_knows() -> None:
    """Legal basis, purpose, retention and what happens on erasure are the field's."""
    paid, state = dataset().field_named("paid"), dataset().field_named("state")
    assert ("financial", Origin.OBSERVED, LegalBasis.CONTRACT) == (paid.category, paid.origin, paid.legal_basis)
    assert ("To pay out what was earned", "Ten years, as tax law asks") == (paid.purpose, paid.retention)
    assert Retain(basis="Tax act, section 147", until="ten years after the year of payment") == paid.on_erasure
    assert (Scrub(), None, "", "state") == (state.on_erasure, state.legal_basis, state.purpose, paid.asset)
    assert "counterparty" == dataset().field_named("total").reveals


PLACE = "datasets.sales"
FIELD = f"{PLACE}.fields"
TOTAL = f"{FIELD}.total.rules.support"
MISTAKES = {
    "subject misspelt": ("subject = [", "subjects = [", f"{PLACE}.subjects", "did you mean 'subject'?"),
    "unknown basis": ('"contract"', '"contractual"', f"{FIELD}.paid.legal_basis", "one of consent, contract"),
    "unknown end": ('does = "scrub"', 'does = "shred"', f"{FIELD}.state.on_erasure.does", "one of scrub, retain"),
    "nothing done": ('{does = "scrub"}', "{}", f"{FIELD}.state.on_erasure.does", "one of scrub, retain is req"),
    "retained for no reason": (
        'basis = "Tax act, section 147", ', "", f"{FIELD}.paid.on_erasure.basis", "a text is required"
    ),
    "retained for ever": (
        ', until = "ten years after the year of payment"', "", f"{FIELD}.paid.on_erasure.until", "is required"
    ),
    "scrubbed with a reason": (
        'does = "scrub"', 'does = "scrub", basis = "x"', f"{FIELD}.state.on_erasure.basis", "there is no such key"
    ),
    "erasure as a word": ('{does = "scrub"}', '"scrub"', f"{FIELD}.state.on_erasure", "a table is expected"),
    "blank purpose": ('"To pay out what was earned"', '""', f"{FIELD}.paid.purpose", "a non-empty text"),
    "blank retention": ('"Ten years, as tax law asks"', '" "', f"{FIELD}.paid.retention", "a non-empty text"),
    "ignored for no reason": ('"Empty since 2020"', '""', f"{PLACE}.ignored.legacy", "a non-empty text"),
    "ignored as a list": ('ignored = {search_text = "Derived from the others", legacy = "Empty since 2020"}',
                          'ignored = ["legacy"]', f"{PLACE}.ignored", "a table is expected"),
    "unknown state": ('state = "state"', 'state = "status"', PLACE, "state names no field of the dataset"),
    "unknown highlight": ('["state", "paid"]', '["when"]', PLACE, "highlights names no field of the dataset"),
    "invariant on text": ('left = ["paid", "fee"]', 'left = ["state"]', PLACE, "'state' is no decimal field"),
    "invariant of nothing": ('right = ["total"]', "right = []", f"{PLACE}.invariants.sum.right", "one or more"),
    "invariant without a side": (', right = ["total"]', "", f"{PLACE}.invariants.sum.right", "a list is required"),
    "invariant's spelling": ('description = "Nothing', 'descripton = "Nothing',
                             f"{PLACE}.invariants.sum.descripton", "did you mean 'description'"),
    "invariant's name": ("invariants.sum", 'invariants."a sum"', PLACE, "a name is a letter"),
    "direction's side": ('{out = "buyer", in = "seller"}', '{out = "buyer"}', f"{PLACE}.direction.in", "required"),
    "asset without a name": ('asset = "state"', 'asset = ""', f"{FIELD}.paid.asset", "a field's name"),
    "asset with more": ('asset = "state"', 'asset = {const = "X", more = 1}', f"{FIELD}.paid.asset", "is expected"),
    "a rule that does not fit": ('type = "integer"\nrule = "keep"', 'type = "integer"\nrule = "mask"', "datasets",
                                 "self: sales.id: a mask is for text, not for integer"),
    "a withheld key": ('rule = "keep"', 'rule = "withhold"', "datasets", "self: sales.id: it is part of the key"),
    "bands of another profile": ("bands = [10, 100]", "bands = [10, 1]", f"{TOTAL}.bands", "rising numbers"),
    "more in another profile": ("bands = [10, 100]", "bands = [10], x = 1", f"{TOTAL}.x", "no such key"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str) -> None:
    """A mistake names the key in full and says what would be right."""
    before, after, key, says = MISTAKES[mistake]
    assert before in SALES
    with pytest.raises(InvalidConfiguration) as caught:
        dataset(SALES.replace(before, after))
    assert (key, True) == (caught.value.key, says in caught.value.problem), caught.value


@pytest.mark.parametrize("mistake", ["unknown basis", "a withheld key", "bands of another profile"])
def test_a_mistake_is_exit_code_2(mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the command line a mistake is one sentence with the key's full name, and exit code 2."""
    before, after, key, says = MISTAKES[mistake]
    file = tmp_path / "shop.toml"
    file.write_text(SOURCE + SALES.replace(before, after))
    assert main(["policy", "list", "--config", str(file)]) == 2
    said = capsys.readouterr()
    assert "" == said.out
    assert (True, True, 1) == (key in said.err, says in said.err, said.err.count("\n")), said.err


def test_two_rules_for_one_field_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two rules for one field are no TOML: the message says where the second stands."""
    file = tmp_path / "shop.toml"
    file.write_text(SOURCE + SALES.replace('rule = "keep"\n', 'rule = "keep"\nrule = "withhold"\n'))
    assert main(["policy", "list", "--config", str(file)]) == 2
    assert "this is not valid TOML: Cannot overwrite a value (at line" in capsys.readouterr().err


def test_an_unknown_profile_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A profile for which nothing is written is unknown; those there are, are named."""
    file = tmp_path / "shop.toml"
    file.write_text(SOURCE + SALES)
    assert main(["policy", "list", "--config", str(file), "--profile", "auditor"]) == 2
    assert "there is no profile 'auditor'; there are: self, support" in capsys.readouterr().err
