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

SETTINGS = {
    "StreamPay's own": {"catalog": STREAMPAY, "policies": STREAMPAY_POLICIES},
    "hostile": hostile_settings(EVERYTHING),
}


def answer(settings):
    """
    What a browser gets that asks for the policy.
    """
    api = HttpApi(service=MemoryDeployment(**settings).service, identify=lambda _: None)
    return api.handle(Request(method="GET", path="/exports/policy", headers={"Accept": "text/html"}))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_its_markup_is_inert(settings):
    """
    It is held to what the report is held to.
    """
    assert [] == Markup(b"".join(answer(settings).chunks()).decode(), mark=MARK).wrong


@pytest.mark.promise
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_it_is_silent_accessible_and_fits(browser, settings, width, colours):
    """
    Under the Content-Security-Policy it is served with: no message, no violation, nothing wider than the window.
    """
    from tests.browser.accessibility import violations
    from tests.browser.layout import sticking_out

    served, said = answer(settings), []
    body = b"".join(served.chunks())
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.route("**/*", lambda route: route.fulfill(status=served.status, headers=dict(served.headers), body=body))
    page.goto("http://exports.invalid/exports/policy")

    assert [] == sticking_out(page)
    assert [] == violations(page)
    assert [] == said
    page.close()
