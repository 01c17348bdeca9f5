"""
The policy document of StreamPay as a page, at every width and in both colours, unfolded.
"""

import pytest

from streampay_export import STREAMPAY, STREAMPAY_POLICIES
from streampay_export._core.policy_document import policy_document
from streampay_export.writers.policy import HtmlPolicy

pytestmark = pytest.mark.promise


@pytest.fixture(params=["light", "dark"])
def page(request, browser, tmp_path):
    """
    The page opened from disk; what it says on the console or asks for elsewhere fails the test.
    """
    file = tmp_path / "policy.html"
    file.write_bytes(HtmlPolicy()(policy_document(STREAMPAY, STREAMPAY_POLICIES)))
    tab = browser.new_context(color_scheme=request.param)
    opened, said = tab.new_page(), []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("request", lambda asked: asked.url == file.as_uri() or said.append(asked.url))
    opened.goto(file.as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    yield opened
    tab.close()
    assert [] == said


def test_it_is_accessible_and_fits_every_width(page):
    """
    No violation of WCAG 2.2 AA or of axe's best practices, and nothing wider than the window.
    """
    from tests.browser.accessibility import violations
    from tests.browser.layout import sticking_out

    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert [] == sticking_out(page), f"at {width} px"
    assert [] == violations(page)
