"""
The notice that accompanies a copy: whole or refused, in its own language, with the categories of the data.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from io import BytesIO
from zipfile import ZipFile

import pytest
from attrs import evolve
from tests.bundles import NOTICE, PAYOUT_FIELDS, PAYOUTS, contents_of, payout, staged

from streampay_export import Actor, FieldRule, Keep, Policies, Policy, Subject, Withhold
from streampay_export._core.documents import notice_document
from streampay_export._core.notice import HEADINGS, NOTICE_PARTS, DataCategory, ProcessingNotice
from streampay_export._core.policy_listing import AlteredField
from streampay_export.embedded import Places, embedded
from streampay_export.errors import InvalidConfiguration
from streampay_export.testing.deployment import CATALOG, MemoryDeployment, keep_everything
from streampay_export.writers.report import HtmlReport

SAID = dict.fromkeys(NOTICE_PARTS, "Said.")
PORTUGUESE = {part: f"Título de {part}" for part in HEADINGS}


# --- whole or refused ---------------------------------------------------------------------------------------


def test_everything_that_is_missing_is_named_at_once() -> None:
    """
    Parts that are absent, empty, or no text are in one error, and the others are not.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        ProcessingNotice(controller="Us", contact=" \n", purposes=3, recipients=[], retention="Long", rights="All")
    assert "notice" == refused.value.key
    expected = "contact, purposes, recipients, complaint, source, automated_decisions, transfers"
    assert f"a non-empty text is required in each of {expected} (GDPR Art. 15(1)-(2))" == refused.value.problem
    with pytest.raises(InvalidConfiguration, match=r"^notice\.rights: a non-empty text is required here"):
        ProcessingNotice(**{**SAID, "rights": ""})


def test_without_a_notice_nothing_starts(tmp_path) -> None:
    """
    A deployment without one is refused, before a key or a table is made.
    """
    wiring = MemoryDeployment().wiring
    policies, places = Policies.of(keep_everything(CATALOG)), Places.beside(tmp_path / "new")
    for start in (
        lambda: evolve(wiring, notice=None),
        lambda: embedded(places, source=wiring.source, catalog=CATALOG, policies=policies, notice=None),
    ):
        with pytest.raises(InvalidConfiguration, match=r"^notice: .*Art\. 15.*controller, contact"):
            start()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "tag", ["en", "pt-BR", "zh-Hant-TW", "es-419", "sl-rozaj-biske", "de-CH-1996", "zh-cmn-Hans-CN", "haw"]
)
def test_languages_are_tags(tag: str) -> None:
    """
    What RFC 5646 calls a language, with script, region and variants, is taken as it is.
    """
    assert tag == ProcessingNotice(**SAID, language=tag).language


@pytest.mark.parametrize(
    "tag", ["", "e", "english", "pt_BR", "en-", "-en", "en GB", 'en" onload="x', "en\n", "é", None]
)
def test_what_is_no_language_is_refused(tag: str) -> None:
    """
    Anything else is refused by name.
    """
    with pytest.raises(InvalidConfiguration, match=r"^notice\.language: "):
        ProcessingNotice(**SAID, language=tag)


def test_recipients_are_named_one_a_line() -> None:
    """
    A list of names is a text of lines, each name on one; a text stays as it is; an empty name is none.
    """
    named = ProcessingNotice(**{**SAID, "recipients": ["The Bank,  Ltd", "Our\nprinter"]})
    assert "The Bank, Ltd\nOur printer" == named.recipients
    assert named == evolve(named)
    assert "A\n B" == ProcessingNotice(**{**SAID, "recipients": "A\n B"}).recipients
    for wrong in (["A", " "], ["A", 3], [], 3):
        with pytest.raises(InvalidConfiguration, match=r"^notice\.recipients: "):
            ProcessingNotice(**{**SAID, "recipients": wrong})


def test_headings_are_of_parts_that_there_are() -> None:
    """
    A heading replaces the English one; of an unknown part, or empty, it is refused by name.
    """
    notice = ProcessingNotice(**SAID, language="pt-BR", headings={"rights": "Seus direitos"})
    assert ("Seus direitos", "Whom to ask") == (notice.heading("rights"), notice.heading("contact"))
    with pytest.raises(InvalidConfiguration, match=r"^notice\.headings: there is no part of the notice 'right'"):
        ProcessingNotice(**SAID, headings={"right": "x"})
    with pytest.raises(InvalidConfiguration, match=r"^notice\.headings\.rights: a non-empty text is required"):
        ProcessingNotice(**SAID, headings={"rights": " "})


def test_every_part_has_an_english_heading() -> None:
    """
    So have the whole, and the categories.
    """
    assert {*NOTICE_PARTS, "notice", "categories"} == set(HEADINGS)


# --- in the bundle ------------------------------------------------------------------------------------------


def test_categories_are_those_of_the_fields_that_may_be_spoken_of() -> None:
    """
    Fields by category in catalog order, withheld ones with them; what may not be told of is nowhere.
    """
    withheld = AlteredField(dataset="payouts", field="day", rule="withhold", reason="r", how="h")
    fields = [each for each in PAYOUT_FIELDS if each.name in {"id", "memo", "amount", "at"}]
    with ExitStack() as stack:
        dataset = evolve(staged(stack, PAYOUTS, fields, []), withheld=(withheld,))
        contents = contents_of(dataset)
    assert (
        DataCategory("unclassified", tuple(f"payouts.{name}" for name in ("id", "amount", "at", "day"))),
        DataCategory("content", ("payouts.memo",)),
    ) == contents.categories
    form = notice_document(contents)["categories"]
    assert {"category": "content", "fields": ("payouts.memo",)} == form[1]


def test_a_field_that_may_not_be_told_of_is_in_no_category() -> None:
    """
    End to end: a rule with disclose = false keeps its field, and its category, out of the notice.
    """
    catalog = evolve(
        CATALOG,
        datasets=[
            evolve(
                each,
                fields=[evolve(f, category="suspicion" if f.name == "note" else "payment") for f in each.fields],
            )
            for each in CATALOG.datasets
        ],
    )
    kept = FieldRule(rule=Keep(), reason="Yours.")
    hidden = FieldRule(rule=Withhold(), reason="AML", disclose=False, basis="A law")
    rules = dict.fromkeys(("id", "requested_at", "amount"), kept) | {"note": hidden}
    policies = Policies.of(Policy(profile="self", rules={"payouts": rules}))
    house = MemoryDeployment({"payouts": []}, catalog=catalog, policies=policies)
    bundle = exported(house)
    notice = json.loads(bundle.read("notice.json"))
    expected = [f"payouts.{name}" for name in ("id", "requested_at", "payee", "amount")]
    assert [{"category": "payment", "fields": expected}] == notice["categories"]
    everything = b"".join(bundle.read(name) for name in bundle.namelist())
    assert (False, False) == (b"suspicion" in everything, b"payouts.note" in everything)


def exported(house: MemoryDeployment) -> ZipFile:
    """
    Return the bundle of Alice's export.
    """
    alice = Actor(id="alice")
    job_id = house.service.request(alice, Subject("alice")).export.id
    house.worker.work()
    ticket = house.service.link(alice, job_id).url.partition("ticket=")[2]
    return ZipFile(BytesIO(b"".join(house.service.open(alice, job_id, ticket).read())))


def test_the_notice_is_there_in_its_language() -> None:
    """
    notice.json has language, headings and parts.
    """
    notice = ProcessingNotice(**SAID, language="pt-BR", headings=PORTUGUESE)
    with ExitStack() as stack:
        form = notice_document(contents_of(staged(stack, PAYOUTS, PAYOUT_FIELDS, []), notice=notice))
    assert ("pt-BR", PORTUGUESE, SAID) == (form["language"], form["headings"], form["notice"])


def section(notice: ProcessingNotice) -> str:
    """
    Return the report's section of the notice.
    """
    with ExitStack() as stack:
        contents = contents_of(staged(stack, PAYOUTS, PAYOUT_FIELDS, [payout(1)]), notice=notice)
        page = HtmlReport()(contents, []).decode()
    (found,) = re.findall(r'<section aria-labelledby="notice".*?</section>', page, re.DOTALL)
    return found


def test_the_report_speaks_the_notices_language() -> None:
    """
    The section has the notice's language and headings; what stays English in it says so.
    """
    page = section(ProcessingNotice(**SAID, language="pt-BR", headings=PORTUGUESE))
    assert '<section aria-labelledby="notice" lang="pt-BR">' in page
    assert all(f"<bdi>{heading}</bdi>" in page for heading in PORTUGUESE.values())
    assert 1 == page.count('lang="en"'), "the sentence about the ledger"
    partly = section(ProcessingNotice(**SAID, language="pt-BR", headings={"rights": "Seus direitos"}))
    assert "<dt><bdi>Seus direitos</bdi></dt>" in partly
    assert '<dt lang="en"><bdi>Whom to ask</bdi></dt>' in partly
    assert '<dt lang="en">' not in section(NOTICE)


def test_the_report_names_recipients_and_categories() -> None:
    """
    Each recipient stands on a line of its own, each category with its fields.
    """
    page = section(evolve(NOTICE, recipients=["Bank & Co", "Printer"]))
    assert "<div><bdi>Bank &amp; Co</bdi></div><div><bdi>Printer</bdi></div>" in page
    assert "<div><bdi>content</bdi>: <bdi>payouts.memo</bdi></div>" in page
    assert (
        page.index("What your data is used for") < page.index("Which kinds of data") < page.index("Who receives it")
    )
