"""
The policy as a page, which a privacy policy links to, as the library serves it.
"""

import pytest

from streampay_export import STREAMPAY, STREAMPAY_POLICIES
from streampay_export.http import HttpApi, Request
from streampay_export.testing.deployment import MemoryDeployment
from tests.browser.histories import hostile_settings
from tests.browser.hostile_texts import EVERYTHING, MARK
from tests.browser.markup import Markup

OURS = {"catalog": STREAMPAY, "policies": STREAMPAY_POLICIES}
HOSTILE = hostile_settings(EVERYTHING)


def answer(settings):
    """
    What a browser gets that asks for the policy.
    """
    api = HttpApi(service=MemoryDeployment(**settings).service, identify=lambda _: None)
    return api.handle(Request(method="GET", path="/exports/policy", headers={"Accept": "text/html"}))


@pytest.fixture
def served(browser):
    """
    Opens the page as it is served, with its Content-Security-Policy; returns it and what it says.
    """
    pages = []

    def serve(settings, width, **how):
        response, said = answer(settings), []
        body = b"".join(response.chunks())
        page = browser.new_page(viewport={"width": width, "height": 800}, **how)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.route("**/*", lambda route: route.fulfill(headers=dict(response.headers), body=body))
        page.goto("http://exports.invalid/exports/policy")
        return page, said

    yield serve
    for page in pages:
        page.close()


@pytest.mark.parametrize("settings", [OURS, HOSTILE], ids=["StreamPay's own", "hostile"])
def test_its_markup_is_inert(settings):
    """
    It is held to what the report is held to.
    """
    assert [] == Markup(b"".join(answer(settings).chunks()).decode(), mark=MARK).wrong


@pytest.mark.promise
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_is_silent_accessible_and_fits(served, width, colours):
    """
    No message, no violation, nothing wider than the window.
    """
    from tests.browser.accessibility import violations
    from tests.browser.layout import sticking_out

    page, said = served(OURS, width, color_scheme=colours)

    assert [] == sticking_out(page)
    assert [] == violations(page)
    assert [] == said


@pytest.mark.promise
def test_hostile_texts_run_nothing_and_break_nothing(served):
    """
    Whatever stands in a catalog or a policy stays text inside a narrow window.
    """
    from tests.browser.layout import sticking_out

    page, said = served(HOSTILE, 360)

    assert [] == sticking_out(page)
    assert [] == said
