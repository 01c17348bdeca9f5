"""
The page of a mailed link in a browser, served by a real server: how it looks, and that its button downloads.
"""

import hashlib
from pathlib import Path

import pytest

from streampay_export.http import HttpApi
from tests.browser.markup import FORBIDDEN, Markup
from tests.http_hosts import Site, flask_server

pytestmark = pytest.mark.promise
# Chromium says so of every page that is a refusal.
STATUS = "the server responded with a status"
STATES = {"ready": 200, "gone": 410, "ended": 403, "not valid": 403, "somebody else's": 404, "signed out": 401}


@pytest.fixture(scope="module")
def server():
    """
    One of the examples' servers.
    """
    with flask_server() as served:
        yield served


@pytest.fixture
def site(server):
    """
    A fresh deployment behind it, with no login to send people to.
    """
    site = Site(server)
    server.api = HttpApi(service=site.service, identify=server.api.identify)
    return site


@pytest.fixture
def visit(browser, server):
    """
    Opens a path as somebody; returns the tab, the answer and what the browser complains of.
    """
    tabs = []

    def visit(path, user="ann", width=1280, **how):
        tab = browser.new_context(viewport={"width": width, "height": 700}, accept_downloads=True, **how)
        tabs.append(tab)
        if user is not None:
            tab.set_extra_http_headers({"X-User": user})
        page, said = tab.new_page(), []
        # A refusal is a status, and Chromium says so of each.
        page.on(
            "console",
            lambda message: "the server responded with a status" in message.text or said.append(message.text),
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        return page, page.goto(f"http://127.0.0.1:{server.port}{path}"), said

    yield visit
    for tab in tabs:
        tab.close()


def in_state(site, state):
    """
    Return a link in that state, and who follows it.
    """
    job_id = site.ready()
    url = site.open_link(job_id)
    match state:
        case "gone":
            site.ask("DELETE", f"/exports/{job_id}")
        case "ended":
            site.deployment.jobs.revoke_links("default", job_id=job_id)
        case "not valid":
            url = url[:-1]
    return url, {"somebody else's": "bob", "signed out": None}.get(state, "ann")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("state", STATES)
def test_it_is_silent_accessible_and_fits(visit, site, state, width, colours):
    """
    In every state: its status, no message, no violation, nothing wider than the window, nothing that runs.
    """
    from tests.browser.accessibility import violations
    from tests.browser.layout import sticking_out

    url, user = in_state(site, state)
    page, answer, said = visit(url, user, width, color_scheme=colours)
    markup = Markup(answer.text())

    assert STATES[state] == answer.status
    assert [] == sticking_out(page)
    assert [] == violations(page)
    assert [] == said
    assert set(markup.opened) & FORBIDDEN <= ({"form", "input", "button"} if state == "ready" else set())


def test_its_button_downloads_the_file(visit, site):
    """
    From the keyboard, under the page's own policy: one download, of the file that the export names.
    """
    job_id = site.ready()
    url = site.open_link(job_id, limit=1)
    page, _, said = visit(url)
    page.keyboard.press("Tab")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    download = waiting.value
    export = site.ask("GET", f"/exports/{job_id}").json

    assert f"streampay-export-{job_id}.zip" == download.suggested_filename
    assert export["sha256"] == hashlib.sha256(Path(download.path()).read_bytes()).hexdigest()
    assert [] == said
    page.reload()
    assert "This link has ended" == page.locator("h1").inner_text()
