"""
The report of every history at every width and in both colours.
"""

import pytest

from tests.browser.histories import HISTORIES, bundle_of, hostile, tables
from tests.browser.hostile_texts import MARKED

pytestmark = pytest.mark.promise

PHONE, DESKTOP = (390, 844), (1280, 900)
# The narrowest phone in use, and 1280 at 400 %, which WCAG 2.2 (1.4.10) asks for.
WIDTHS = (320, 360, 390, 768, 1280, 1920)
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module", params=HISTORIES)
def bundle(request):
    """
    Each history once.
    """
    return HISTORIES[request.param]()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_is_silent_and_accessible(page_of, bundle, size, colours):
    """
    No message, no request, no violation of WCAG 2.2 AA or of axe's best practices with everything unfolded.
    """
    from tests.browser.accessibility import violations

    report = page_of(bundle, size=size, color_scheme=colours)
    report.page.evaluate(UNFOLD)

    assert [] == violations(report.page)
    assert [] == report.said


def test_it_fits_every_width(page_of, bundle):
    """
    Nothing is wider than the window, folded or unfolded.
    """
    from tests.browser.layout import sticking_out

    page = page_of(bundle).page
    for width in WIDTHS * 2:
        page.set_viewport_size({"width": width, "height": 800})
        assert [] == sticking_out(page), f"at {width} px"
        if width == WIDTHS[-1]:
            page.evaluate(UNFOLD)


@pytest.mark.parametrize("days", [6, 35, 66, 150, 340, 1_000, 1_800])
def test_a_bar_is_a_bar(page_of, days):
    """
    However few months there are, none is drawn wider than a side of its chart is high.
    """
    report = page_of(bundle_of(tables(streams=1, payouts=24, days=days, assets=("XLM",))), size=DESKTOP)
    widths = report.page.eval_on_selector_all(
        "rect:not(.zero)", "all => all.map(each => each.getBoundingClientRect().width)"
    )
    height = report.page.eval_on_selector("svg", "each => each.getBoundingClientRect().height")

    assert widths
    assert height / 2 > max(widths)


@pytest.mark.parametrize("text", MARKED.values(), ids=MARKED)
def test_a_hostile_text_is_shown_as_it_is(page_of, text):
    """
    The browser shows the text letter for letter, runs and loads nothing of it, and turns nobody else's text.
    """
    from tests.browser.layout import sticking_out

    report = page_of(hostile(text), size=(360, 740))
    report.page.evaluate(UNFOLD)
    shown = report.page.eval_on_selector_all("bdi", "all => all.map(each => each.textContent)")
    turning = report.page.eval_on_selector_all("bdi", "all => all.map(each => getComputedStyle(each).unicodeBidi)")
    report.page.mouse.move(180, 300)

    assert shown.count(text) > 10
    assert {"isolate"} == set(turning)
    assert [] == sticking_out(report.page)
    assert [] == report.said
