import base64
import hashlib
import re
from contextlib import ExitStack
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from attrs import evolve
from jinja2 import UndefinedError
from tests.bundles import ACCOUNT, ACCOUNT_FIELDS, MISSING, PAYOUT_FIELDS, PAYOUTS, contents_of, payout, staged

from streampay_export._core.figures import Total, TotalKey
from streampay_export._core.manifest import BundleFile, Digest
from streampay_export._core.notice import NOTICE_PARTS, ProcessingNotice
from streampay_export._core.party import Subject
from streampay_export._core.policy_listing import AlteredField
from streampay_export._core.selection import Census
from streampay_export.writers.report import HtmlReport

SCRIPT = "<script>alert(1)</script>"
ROWS = (payout(1),)
FILE = BundleFile(path="data/payouts.csv", digest=Digest(size=4_083_499, sha256="ab" * 32), rows=1)


def _page(*, files=(FILE,), totals=None, census=None, rows=ROWS, dataset=PAYOUTS, **changes):
    with ExitStack() as stack:
        contents = contents_of(staged(stack, dataset, PAYOUT_FIELDS, rows, totals=totals, census=census))
        return HtmlReport()(evolve(contents, **changes), files).decode()


class _Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.opened = []
        self.links = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "srcset", "action", "data"}]


def test_the_page_has_no_script_and_asks_the_network_for_nothing():
    """
    No script, frame, form, image or style from elsewhere; links go to the bundle's own files.
    """
    tags = _Tags(_page())
    assert not {"script", "iframe", "form", "img", "link", "object"} & set(tags.opened)
    assert all(re.fullmatch(r"data/payouts\.(csv|ndjson|json)", link) for link in tags.links)


def test_the_policy_allows_its_own_style_and_nothing_else():
    """
    The Content-Security-Policy names the digest of exactly the style that stands in the page.
    """
    page = _page()
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in page


HOSTILE = {
    "subject": {"subject": Subject(SCRIPT, (SCRIPT,))},
    "notice": {"notice": ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, SCRIPT))},
    "job": {"job_id": SCRIPT},
    "profile": {"profile": SCRIPT},
    "description": {"dataset": evolve(PAYOUTS, description=SCRIPT)},
    "asset": {"totals": {TotalKey(amount="amount", asset=SCRIPT): Total(rows=1, sum=Decimal(1))}},
    "path": {"files": [evolve(FILE, path=SCRIPT)]},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_data_is_shown_as_text_in_its_own_direction(changes):
    """
    A `<script>` wherever data stands is shown as text, inside `<bdi>`.
    """
    page = _page(**changes)
    assert "script" not in _Tags(page).opened
    assert re.search(r"<bdi(?: class=\"\w+\")?>&lt;script&gt;alert\(1\)&lt;/script&gt;", page)


def test_counts_sizes_and_sums_are_written_out():
    """
    Rows in groups of three, sums exact to the last digit, sizes in round units, digests whole.
    """
    total = {
        TotalKey(amount="amount", asset="XLM", direction="in"): Total(
            rows=1, sum=Decimal("99812345678901234567.1234567")
        )
    }
    page = _page(
        totals=total, files=[FILE, evolve(FILE, path="data/payouts.json", digest=Digest(size=5, sha256="cd" * 32))]
    )
    for part in ("99,812,345,678,901,234,567.1234567", "received", "4.1 MB", "5 bytes", "ab" * 32):
        assert part in page


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (10**6, "1.0 MB"), (5 * 10**12, "5,000.0 GB")],
)
def test_sizes_have_a_unit(size, text):
    """
    A size is said in the largest unit it reaches.
    """
    assert f"<bdi>{text}</bdi>" in _page(files=[evolve(FILE, digest=Digest(size=size, sha256="ab" * 32))])


def test_fields_of_no_category_are_named_without_one():
    """
    A person reads of the categories there are, and never that somebody forgot to name one.
    """
    page = " ".join(_page().split())
    assert "unclassified" not in page
    assert re.search(r"<div><bdi>payouts\.id</bdi>, ", page)
    assert "<div><bdi>content</bdi>: <bdi>payouts.memo</bdi></div>" in page


def test_rows_that_are_not_there_are_explained():
    """
    Later, outside, omitted rows and a drift each have a sentence.
    """
    census = Census(included=3, later=1, outside=2, omitted=4)
    page = " ".join(_page(census=census).split())
    for part in (
        "changed meanwhile",
        "of <bdi>3</bdi> expected",
        "<bdi>1</bdi> row came after",
        "<bdi>2</bdi> rows lie outside",
        "<bdi>4</bdi> rows left out on purpose",
        "A recount at the end differed by <bdi>2</bdi>",
    ):
        assert part in page


def test_treatments_stand_with_their_reasons():
    """
    What was left out or altered is said in plain words; when nothing was, that is said.
    """
    with ExitStack() as stack:
        account = staged(stack, ACCOUNT, ACCOUNT_FIELDS, [("w", "n")])
        nothing = HtmlReport()(contents_of(account), []).decode()
        told = [
            AlteredField(dataset="account", field=rule, rule=rule, reason=f"why {rule}", how=f"what {rule} does")
            for rule in ("withhold", "mask", "pseudonymise")
        ]
        some = HtmlReport()(contents_of(evolve(account, withheld=tuple(told))), []).decode()
    assert "Nothing that may be told here" in nothing
    for part in ("what withhold does", "what mask does", "why mask"):
        assert part in some


def test_a_partial_bundle_says_so():
    """
    The page does not call a partial bundle everything.
    """
    assert "everything asked for</span>" in _page()
    assert "not everything asked for" in _page(missing=(MISSING,))


def test_a_name_the_template_does_not_have_is_an_error():
    """
    A typo in the template fails instead of leaving a gap.
    """
    report = HtmlReport()
    report._template = report._template.environment.from_string("{{ typo }}")
    with ExitStack() as stack, pytest.raises(UndefinedError):
        report(contents_of(staged(stack, ACCOUNT, ACCOUNT_FIELDS, [])), [])
