"""
The report's markup, whatever the data: no script, no datum where a browser would obey it.
"""

import base64
import hashlib
import io
import re
import zipfile

import pytest

from tests.browser.histories import HISTORIES, hostile, huge
from tests.browser.hostile_texts import EVERYTHING, MARK, MARKED
from tests.browser.markup import Markup


def files_of(bundle):
    """
    The report's text, and the names of all files beside it.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        return packed.read("index.html").decode(), packed.namelist()


@pytest.mark.parametrize("name", ["empty", "tiny", "ordinary", "partial"])
def test_the_page_is_well_formed_and_inert(name):
    """
    Every tag is closed in order, no element loads or runs anything, every attribute is a harmless one, every
    id stands once, and every link leads into the page or to a file beside it.
    """
    page, names = files_of(HISTORIES[name]())
    markup = Markup(page)

    assert [] == markup.wrong
    assert len(set(markup.ids)) == len(markup.ids)
    assert set(markup.hrefs) <= {*names, *(f"#{each}" for each in markup.ids)}


def test_the_policy_allows_the_page_its_own_style_and_nothing_else():
    """
    The Content-Security-Policy is `default-src 'none'` and the digest of the one style in the page.
    """
    page, _ = files_of(HISTORIES["ordinary"]())
    markup = Markup(page)
    [policy] = [each["content"] for each in markup.metas if each.get("http-equiv") == "Content-Security-Policy"]
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy
    assert markup.opened.index("meta") < markup.opened.index("style")


@pytest.mark.parametrize("text", [*MARKED.values(), EVERYTHING], ids=[*MARKED, "all at once"])
def test_a_hostile_text_is_text(text):
    """
    In rows, catalog, policy, notice and the person's id alike it stands as it is, inside `<bdi>`.
    """
    markup = Markup(files_of(hostile(text))[0], mark=MARK)

    assert [] == markup.wrong
    assert markup.shown.count(text) > 10, "notice, descriptions and reasons are shown"


def test_the_page_does_not_grow_with_the_history():
    """
    Five thousand payouts and two thousand streams of twenty assets make a page that a phone opens at once.
    """
    page, _ = files_of(huge(payouts=5_000))

    assert len(page) < 500_000
    assert [] == Markup(page).wrong
