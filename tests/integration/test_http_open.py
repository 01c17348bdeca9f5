"""
The page of a mailed link and its button, behind each host.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from attrs import evolve
from tests.http_hosts import PEOPLE, Site, login

from streampay_export._core.lifecycle import State
from streampay_export.errors import JobStoreUnavailable
from streampay_export.http import HttpApi
from streampay_export.links.app import AppLinks
from streampay_export.service import ExportService

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


def form_of(page):
    """
    Return the body that the page's button sends.
    """
    (token,) = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page.body.decode())
    return f"form_token={token}".encode()


def pressed(site, url, user="ann"):
    """
    Load the page and press its button, as a browser does.
    """
    page = site.ask("GET", url, user, **BROWSER)
    assert 200 == page.status
    return site.ask("POST", url, user, body=form_of(page), **FORM, **BROWSER)


def heading(answer):
    """
    Return what a page says first.
    """
    assert "text/html; charset=utf-8" == answer.headers["content-type"]
    (said,) = re.findall("<h1>(.*)</h1>", answer.body.decode())
    return said


def test_a_scanner_spends_nothing(site):
    """
    HEAD and two GETs of a link good for one download, then the person's button: served, ranges and all, once.
    """
    job_id = site.ready()
    url = site.open_link(job_id, limit=1)
    scanned = [site.ask("HEAD", url), site.ask("GET", url), site.ask("GET", url)]
    begun = pressed(site, url)
    download = begun.headers["location"]
    whole = site.ask("GET", download)
    ranges = [site.ask("GET", download, Range=asked).status for asked in ("bytes=0-9", "bytes=10-", "bytes=0-9")]
    second = site.ask("POST", url, json_body={})

    assert [200, 200, 200] == [answer.status for answer in scanned]
    assert (303, b"", "no-store") == (begun.status, begun.body, begun.headers["cache-control"])
    assert download.startswith(f"/exports/{job_id}/download?ticket=")
    assert (200, site.ask("GET", f"/exports/{job_id}").json["size"]) == (whole.status, len(whole.body))
    assert [206, 206, 206] == ranges
    assert (403, "ticket-expired") == (second.status, second.slug)


def test_of_twenty_buttons_at_once_one_is_served(server):
    """
    Over real sockets, of a link good for one download: one 303, nineteen times 403.
    """
    site = Site(server)
    url = site.open_link(site.ready(), limit=1)
    together = threading.Barrier(20)

    def press(_):
        together.wait()
        return site.ask("POST", url, json_body={}).status

    with ThreadPoolExecutor(20) as pool:
        assert [303] + [403] * 19 == sorted(pool.map(press, range(20)))


def test_the_page_is_guarded_and_tells_nobodys_data(site):
    """
    No script, no source, no frame; HEAD has its header fields; neither person nor ticket is in it.
    """
    job_id = site.ready()
    url = site.open_link(job_id)
    page, head = site.ask("GET", url), site.ask("HEAD", url)

    assert (
        {
            "content-type": "text/html; charset=utf-8",
            "content-length": str(len(page.body)),
            "content-security-policy": page.headers["content-security-policy"],
            "referrer-policy": "same-origin",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        == page.headers
        == head.headers
    )
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]+='; base-uri 'none'; "
        r"frame-ancestors 'none'; form-action 'self'",
        page.headers["content-security-policy"],
    )
    assert b"2026-01-09 12:00 UTC" in page.body
    ticket = url.partition("ticket=")[2]
    assert not [each for each in ("ann", "GANN", "script", ticket) if each in page.body.decode()]


def test_only_where_the_store_hands_out_may_the_button_lead_away(site):
    """
    Browsers hold a form's redirects to the page's own policy: in that mode it lets them go to https.
    """
    job_id = site.ready()
    url = site.open_link(job_id)
    jobs = site.deployment.jobs
    job = jobs.get("default", job_id)
    jobs._jobs["default", job_id] = evolve(job, artifact=evolve(job.artifact, protection="store"))

    assert site.ask("GET", url).headers["content-security-policy"].endswith("form-action 'self' https:")


def test_a_button_is_json_or_a_form_with_a_token(site):
    """
    Other types are 415, too much is 413, a form without the page's or the application's token is 403; then 303.
    """
    job_id = site.ready()
    url, other = site.open_link(job_id), site.open_link(job_id)
    others = form_of(site.ask("GET", other))
    good = form_of(site.ask("GET", url))
    wrong = (b"", b"token=bad", others, good[:-1], good + b"&" + good, b"form_token=" + b"0" * 64)

    for_people = site.ask("POST", url, body=good, Content_Type="text/plain", **BROWSER)
    assert (415, "unsupported-media-type") == (for_people.status, for_people.slug)
    assert 415 == site.ask("POST", url).status == site.ask("POST", url, body=good, Content_Type="text/plain").status
    assert 413 == site.ask("POST", url, body=bytes(70_000), **FORM).status
    for body in wrong:
        answer = site.ask("POST", url, body=body, **FORM)
        assert (body, 403, "invalid-form-token") == (body, answer.status, answer.slug)
    assert [303, 303] == [site.ask("POST", url, body=body, **FORM).status for body in (good, b"token=good")]
    assert 303 == site.ask("POST", url, json_body={}).status


def test_who_is_signed_out_is_sent_to_the_applications_login(site):
    """
    To there alone, with the way back to this page, on GET, HEAD and the button; nothing is looked up.
    """
    url = site.open_link(site.ready())
    site.port_calls.clear()
    elsewhere = {"X_Forwarded_Host": "evil.example", "Host": "evil.example", "Forwarded": "host=evil.example"}
    answers = [
        site.ask(method, target, None, body=body, **BROWSER, **elsewhere, **more)
        for method, target, body, more in (
            ("GET", url, b"", {}),
            ("HEAD", url, b"", {}),
            ("GET", f"{url}&next=//evil.example", b"", {}),
            ("POST", url, b"form_token=x", FORM),
        )
    ]

    assert [(303, f"/sign-in?next={quote(url, safe='')}")] * 4 == [
        (answer.status, answer.headers["location"]) for answer in answers
    ]
    assert [] == site.port_calls


def test_no_way_back_is_made_of_what_a_caller_typed(site):
    """
    Ids and tickets that are none, or do not fit each other, lead nowhere: 401.
    """
    url = site.open_link(site.ready())
    ticket = url.partition("ticket=")[2]
    ids = ("a" * 26, "..", "%2Fevil.example", "%5C", "%00", "a" * 10_000)
    wrong = [f"/exports/{each}/open?ticket={ticket}" for each in ids]
    wrong += [url.partition("?")[0], f"{url}=", f"{url}&ticket={ticket}", url[:-20] + "%0d%0aX:%20y"]
    for target in wrong:
        answer = site.ask("GET", target, None, **BROWSER)
        assert (target, 401, None) == (target, answer.status, answer.headers.get("location"))
        assert answer.headers["www-authenticate"]
        assert "evil" not in repr((answer.headers, answer.body))
    assert (401, "not-signed-in") == ((program := site.ask("GET", url, None)).status, program.slug)


def test_without_a_login_to_send_to_the_page_says_so(site):
    """
    401 with a page, on GET and on the button.
    """
    url = site.open_link(site.ready())
    site.host.api = HttpApi(service=site.service, identify=lambda _: None)
    answers = [
        site.ask("GET", url, **BROWSER),
        site.ask("POST", url, body=b"form_token=x", **FORM, **BROWSER),
    ]

    assert [(401, "Sign in first")] * 2 == [(answer.status, heading(answer)) for answer in answers]


def test_a_login_hook_that_breaks_is_a_500(site, caplog):
    """
    And is told to the operators, not to the person.
    """

    def broken(_):
        raise RuntimeError("canary" * 2)

    url = site.open_link(site.ready())
    site.host.api = HttpApi(service=site.service, identify=lambda _: None, login=broken)
    answer = site.ask("GET", url, **BROWSER)

    assert (500, "internal-error") == (answer.status, answer.slug)
    assert "canarycanary" not in answer.body.decode() + caplog.text


def test_people_read_a_refusal_and_programs_a_problem(site):
    """
    Not valid, ended, gone, not ready: the same status either way.
    """
    gone, ended, waiting = site.ready(), site.ready(), site.ready()
    urls = {each: site.open_link(each) for each in (gone, ended, waiting)}
    jobs = site.deployment.jobs
    site.ask("DELETE", f"/exports/{gone}")
    jobs.revoke_links("default", job_id=ended)
    jobs._jobs["default", waiting] = evolve(jobs.get("default", waiting), state=State.QUEUED)
    refusals = {
        urls[gone]: (410, "gone", "Your copy is gone"),
        urls[ended]: (403, "ticket-expired", "This link has ended"),
        urls[waiting]: (409, "not-ready", "Your copy is not ready"),
        urls[gone][:-1]: (403, "invalid-ticket", "This link is not valid"),
    }
    for url, (status, slug, said) in refusals.items():
        page, problem = site.ask("GET", url, **BROWSER), site.ask("GET", url)
        button = site.ask("POST", url, json_body={})
        assert [(status, said), (status, slug), (status, slug)] == [
            (page.status, heading(page)),
            (problem.status, problem.slug),
            (button.status, button.slug),
        ]
    site.deployment.clock.advance(timedelta(days=7))
    assert 403 == site.ask("GET", urls[gone], **BROWSER).status


def test_a_mailed_link_passed_on_tells_no_more_than_an_unknown_id(site):
    """
    Somebody else's, and an erased export's: the same page after the same calls, and nothing is spent.
    """
    job_id, erased = site.ready(), site.ready()
    url, of_erased = site.open_link(job_id, limit=1), site.open_link(erased)
    site.deployment.jobs.end("default", erased, expected={State.READY}, state=State.ERASED)
    for method, more in (("GET", BROWSER), ("GET", {}), ("POST", {"json_body": {}})):
        seen = set()
        for target, user in ((url, "bob"), (of_erased, "ann"), (of_erased, "bob")):
            site.port_calls.clear()
            answer = site.ask(method, target, user, **more)
            fields = tuple(sorted(answer.headers.items()))
            seen.add((answer.status, answer.body, fields, tuple(site.port_calls)))
        ((status, _, _, calls),) = seen
        assert 404 == status
        assert not [call for call in calls if call.startswith("storage") or "link" in call]
    assert 303 == pressed(site, url).status


def test_what_is_down_is_said_to_be(site, monkeypatch):
    """
    503 with Retry-After, on a page.
    """
    url = site.open_link(site.ready())

    def get(*_):
        raise JobStoreUnavailable("no answer")

    monkeypatch.setattr(site.deployment.jobs, "get", get)
    answer = site.ask("GET", url, **BROWSER)

    assert (503, "That did not work", "5") == (answer.status, heading(answer), answer.headers["retry-after"])


def test_without_audit_the_page_is_there_and_the_button_is_not_served(site):
    """
    503, and afterwards the link is as good as before.
    """
    url = site.open_link(site.ready(), limit=1)
    site.deployment.audit.down = True
    refused = pressed(site, url)
    site.deployment.audit.down = False

    assert (503, "That did not work") == (refused.status, heading(refused))
    assert 303 == pressed(site, url).status


def test_no_host_header_gets_into_a_link(site):
    """
    With a base URL links are that one's, without one they are paths, whatever a request says of its host.
    """
    job_id = site.ready()
    lies = {"Host": "evil.example", "X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "ftp"}
    path = site.ask("POST", f"/exports/{job_id}/links", json_body={}, **lies).json["url"]
    wiring = evolve(site.deployment.wiring, links=AppLinks("https://pay.example"))
    site.service = ExportService(wiring)
    site.host.api = HttpApi(
        service=site.service, identify=lambda request: PEOPLE.get(request.headers.get("X-User"))
    )
    link = site.ask("POST", f"/exports/{job_id}/links", json_body={}, **lies).json["url"]
    mailed = site.open_link(job_id)
    begun = site.ask("POST", mailed.removeprefix("https://pay.example"), json_body={}, **lies)

    assert path.startswith(f"/exports/{job_id}/download?")
    assert [f"https://pay.example/exports/{job_id}/"] * 3 == [
        re.sub("(download|open).*", "", each) for each in (link, mailed, begun.headers["location"])
    ]
    assert unquote(link) == link


# --- links that need nobody signed in ----------------------------------------------------------------------------


def bearer_link(site, *, served=True):
    """
    Let such links be, and return the URL of one.
    """
    site.service = ExportService(evolve(site.deployment.wiring, bearer_life=timedelta(hours=1)))
    tenant = "default" if served else None
    identify = site.host.api.identify
    site.host.api = HttpApi(service=site.service, identify=identify, login=login, bearer_tenant=tenant)
    return site.service.open_link(PEOPLE["ann"].actor, site.ready(), bearer=True).url


@pytest.mark.parametrize("user", [None, "bob", "ann elsewhere"])
def test_a_bearer_link_serves_whoever_has_it_once(site, user):
    """
    Signed in as whomever or not at all; a scanner spends nothing; the page says what kind of link it is.
    """
    url = bearer_link(site)
    scanned = [site.ask(method, url, user, **BROWSER) for method in ("HEAD", "GET", "GET")]
    begun = pressed(site, url, user)
    downloads = [site.ask("GET", begun.headers["location"], user) for _ in range(2)]
    second = site.ask("GET", url, user, **BROWSER)

    assert [200, 200, 200] == [answer.status for answer in scanned]
    assert b"Whoever has this link" in scanned[1].body
    assert (303, [200, 200]) == (begun.status, [answer.status for answer in downloads])
    assert (403, "This link has ended") == (second.status, heading(second))


def test_bearer_links_are_off_unless_the_application_serves_them(site):
    """
    To the login with whoever is signed out, and not valid for anybody else.
    """
    url = bearer_link(site, served=False)

    assert 303 == site.ask("GET", url, None, **BROWSER).status
    assert (401, 403) == (site.ask("GET", url, None).status, site.ask("GET", url).status)


def test_a_bearer_ticket_that_is_none_opens_nothing(site):
    """
    Altered, for another path, on another route: 403; without one, and with an ordinary one, 401 as before.
    """
    url = bearer_link(site)
    job_id = url.split("/")[2]
    ordinary = site.open_link(job_id)
    site.port_calls.clear()
    altered = url[:-9] + ("A" if url[-9] != "A" else "B") + url[-8:]
    wrong = (altered, url.replace(job_id, "a" * 26), url.replace("/open", "/download"))

    assert [403] * 3 == [site.ask("GET", target, None).status for target in wrong]
    assert [401] * 5 == [
        site.ask(method, target, None, json_body=body).status
        for method, target, body in (
            ("GET", ordinary, None),
            ("GET", f"/exports/{job_id}/open", None),
            ("GET", f"/exports/{job_id}?{url.partition('?')[2]}", None),
            ("POST", f"/exports/{job_id}/links?{url.partition('?')[2]}", {}),
            ("DELETE", f"/exports/{job_id}?{url.partition('?')[2]}", None),
        )
    ]
    assert [] == site.port_calls
