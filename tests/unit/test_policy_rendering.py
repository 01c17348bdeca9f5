"""
The policy document as Markdown and as a page: what a catalog says is text there, and nothing else.
"""

import base64
import hashlib
import re
from html.parser import HTMLParser

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.letters import LETTER_POLICIES, LETTERS, WATCHED

from streampay_export import (
    Catalog,
    Field,
    Omission,
    Policies,
    Policy,
    Retain,
    keep,
)
from streampay_export._core.policy_document import policy_document
from streampay_export._core.policy_markdown import policy_markdown
from streampay_export.writers.policy import HtmlPolicy

HOSTILE = "- <script>alert(1)</script> [x](http://e.invalid) | ![i](j) **b** `c` {{ d }} &amp;\n# h\x00\x1b"


def hostile_document():
    """
    A document in which every free text is hostile.
    """
    fields = [
        evolve(
            field,
            **dict.fromkeys(("description", "category", "purpose", "retention"), HOSTILE),
            on_erasure=Retain(basis=HOSTILE, until=HOSTILE),
        )
        for field in LETTERS.datasets[0].fields
    ]
    dataset = evolve(
        LETTERS.datasets[0], fields=fields, description=HOSTILE, omit=Omission(column="c", reason=HOSTILE)
    )
    rules = {"letters": [keep(HOSTILE, "id", "text"), {"risk": evolve(WATCHED, reason=HOSTILE, basis=HOSTILE)}]}
    policy = Policy(profile=HOSTILE, description=HOSTILE, rules=rules)
    return policy_document(Catalog([dataset]), Policies.of(policy), internal=True)


class Page(HTMLParser):
    """
    What stands in a page: its tags, its links, and the text of every element of one kind.
    """

    def __init__(self, page, *kinds):
        super().__init__()
        self.tags, self.links, self.texts, self.kinds, self.inside = set(), [], [], kinds, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """
        Note a tag and where it leads.
        """
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "action", "srcset"}]
        if tag in self.kinds:
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag):
        """
        Leave the element.
        """
        self.inside = self.inside and tag not in self.kinds

    def handle_data(self, data):
        """
        Add to the element's text.
        """
        if self.inside:
            self.texts[-1] += data


def rendered(markdown):
    """
    The document as another program shows it, with all that such programs commonly know beyond CommonMark.
    """
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown), "p", "td", "h3")


def test_text_is_text_in_markdown():
    """
    Whatever a catalog says, on one line: no tag, link, image, emphasis, code, further cell, line or heading.
    """
    page = rendered(policy_markdown(hostile_document()))
    ours = {"h1", "h2", "h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert (ours, []) == (page.tags, page.links)
    shown = HOSTILE.replace("\n", " ").replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert 3 + 2 * 4 + 3 <= page.texts.count(shown)
    assert f"letters in a copy for {shown}" in page.texts


@given(st.text(max_size=40))
def test_any_text_reads_as_itself(text):
    """
    A description comes out of another program's Markdown as it went in, but for spaces and what no printer shows.
    """
    dataset = evolve(
        LETTERS.datasets[0], description=text, fields=[Field(name="id", type="text", description=text)]
    )
    page = rendered(
        policy_markdown(policy_document(Catalog([dataset]), Policies.of(Policy(profile="self", rules={}))))
    )
    shown = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    assert shown in page.texts
    assert [] == page.links


def test_text_is_text_on_the_page():
    """
    Every text stands whole in a `<bdi>`; there is no script, and a link leads to a place in the page itself.
    """
    page = Page(HtmlPolicy()(hostile_document()).decode(), "bdi")
    assert not {"script", "img", "form", "iframe", "object", "link", "b"} & page.tags
    assert ["#dataset-1"] == page.links
    assert HOSTILE in page.texts


def test_the_page_allows_its_own_style_and_nothing_else():
    """
    The Content-Security-Policy names the digest of exactly the style that stands in the page.
    """
    render = HtmlPolicy()
    page = render(policy_document(LETTERS, LETTER_POLICIES)).decode()
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; " in render.content_security_policy
    assert page.count(digest) == 1


def test_profiles_of_which_nothing_is_said_have_no_table():
    """
    A configuration file names profiles and does not describe them: each still has its rules under its name.
    """
    said, unsaid = (
        policy_document(LETTERS, Policies.of(Policy(profile="self", description=text, rules={"letters": []})))
        for text in ("Yours.", "")
    )

    assert ("| Profile |" in policy_markdown(said), "For whom" in HtmlPolicy()(said).decode()) == (True, True)
    assert ("| Profile |" in policy_markdown(unsaid), "For whom" in HtmlPolicy()(unsaid).decode()) == (False, False)
    assert "in a copy for `self`" in policy_markdown(unsaid)
