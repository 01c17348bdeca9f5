"""
The HTTP contract, letter by letter: one table of tests, over the API itself and over both examples' servers.
"""

import base64
import gc
import hashlib
import http.client
import io
import threading
import zipfile
from datetime import timedelta

import pytest
from attrs import evolve
from tests.http_hosts import PEOPLE, Site, wait_for

from streampay_export import StepUp, Subject
from streampay_export._core.deadline import Extension
from streampay_export._core.job import Failure
from streampay_export._core.lifecycle import State
from streampay_export._core.ticket import Purpose, Ticket, issue_ticket
from streampay_export.errors import JobStoreUnavailable, StorageUnavailable
from streampay_export.http import HttpApi, Identity, Response
from streampay_export.ports.signing import KeyState
from streampay_export.service import ExportService
from streampay_export.signing.ed25519 import Ed25519Key, Ed25519Signer
from streampay_export.testing.fakes import NOON
from streampay_export.verify import read_public_keys

EXPORT_FIELDS = {
    "id", "state", "completeness", "profile", "capacity", "received_at", "due_at", "extension", "paused_at",
    "as_of", "expires_at", "formats", "datasets", "progress", "estimate", "size", "sha256", "error", "links",
}  # fmt: skip
FAILURE = Failure(slug="refused", sentence="It is the ninth.", remedies="You may complain.")
NOBODYS = "a" * 26
ODD_IDS = (
    NOBODYS,
    "",
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "/",
    "//",
    "C:%5Cboot.ini",
    "%5c%5cserver%5cshare",
    "a%00b",
    "%zz",
    "%",
    "%ff%fe",
    "%ed%a0%80",
    "%F0%9F%92%B8",
    "a" * 10_000,
    "*",
    "x/opened",
    "x/y/z",
    "POLICY",
)

OTHER_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/json; charset=utf-16",
    "application/jsonp",
)
ONE_RANGE = (
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=100-", 100, None),
    ("bytes=0-", 0, None),
    ("bytes=-1", -1, None),
    ("bytes=-999999999", 0, None),
    ("bytes=5-" + "9" * 40, 5, None),
    ("Bytes=1-1", 1, 2),
)
NOT_ONE_RANGE = (
    "bytes=0-1,5-6",
    "bytes=0-0, -1",
    "bytes=0-100,50-150,0-100",
    "bytes=" + ",".join(f"{at}-{at}" for at in range(100)),
    "bytes=" + ",".join(["0-"] * 100),
    "bytes=5-4",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "lines=0-1",
    "0-1",
    "bytes=0-1;x",
    "bytes=--1",
    "bytes=²-",
    "bytes=" + "9" * 1001 + "-",
)
WRONG_BODIES = (
    (422, "colour", b'{"colour": "red"}'),
    (422, "as_of", b'{"as_of": "2026-01-01"}'),
    (422, "formats", b'{"formats": "csv"}'),
    (422, "formats", b'{"formats": [1]}'),
    (422, "formats", b'{"formats": null}'),
    (422, "formats", b'{"formats": []}'),
    (422, "formats", b'{"formats": ["xlsx"]}'),
    (422, "formats", b'{"formats": ["../../etc/passwd"]}'),
    (422, "formats", b'{"formats": ["\\ud83d"]}'),
    (422, "datasets", b'{"datasets": {"payouts": true}}'),
    (422, "datasets", b'{"datasets": ["payouts", "secrets"]}'),
    (422, "profile", b'{"profile": ["self"]}'),
    (422, "profile", b'{"profile": "everything"}'),
    (422, "from", b'{"from": 20260101}'),
    (422, "from", b'{"from": "yesterday"}'),
    (422, "from", b'{"from": "2026-02-30"}'),
    (422, "from", b'{"from": "20260101"}'),
    (422, "from", b'{"from": "2026-01-01T00:00:00"}'),
    (422, "from", b'{"from": "0001-01-01T00:00:00+14:00"}'),
    (422, "to", b'{"to": ""}'),
    (422, "to", b'{"from": "2026-01-02", "to": "2026-01-02T00:00:00Z"}'),
    (422, "profile", b'{"profile": "self", "profile": "support"}'),
    (422, "body", b"[]"),
    (422, "body", b'"csv"'),
    (400, "body", b""),
    (400, "body", b"{"),
    (400, "body", b"{'formats': 1}"),
    (400, "body", b"formats=csv"),
    (400, "body", b'{"from": NaN}'),
    (400, "body", b'{"from": "\xff"}'),
    (400, "body", b'{"from": ' + b"9" * 5000 + b"}"),
    (400, "body", b'{"formats": ' + b"[" * 30_000),
    (400, "body", '{"profile": "self"}'.encode("utf-16")),
)


# --- POST /exports -----------------------------------------------------------------------------------------------


def test_a_request_is_accepted_and_says_where_to_look(site):
    """
    202 with Location, Retry-After and the whole export, waiting.
    """
    answer = site.ask("POST", "/exports", json_body={})
    export = answer.json

    assert 202 == answer.status
    assert f"/exports/{export['id']}" == answer.headers["location"] == export["links"]["self"]
    assert int(answer.headers["retry-after"]) > 0
    assert "application/json" == answer.headers["content-type"]
    assert ("no-store", "nosniff") == (answer.headers["cache-control"], answer.headers["x-content-type-options"])
    assert EXPORT_FIELDS == set(export)
    assert {
        "state": "queued",
        "completeness": "full",
        "profile": "self",
        "capacity": "subject",
        "received_at": "2026-01-02T12:00:00.000000Z",
        "due_at": "2026-02-02T12:00:00.000000Z",
        "extension": None,
        "paused_at": None,
        "as_of": None,
        "expires_at": None,
        "formats": ["csv", "json"],
        "datasets": {"payouts": {"state": "waiting", "expected": None, "written": 0}},
        "progress": {"rows": 0, "total": None},
        "estimate": {"parts": 0, "seconds_left": None},
        "size": None,
        "sha256": None,
        "error": None,
    } == {name: value for name, value in export.items() if name not in {"id", "links"}}


def test_the_active_export_is_handed_back_as_it_was_given(site):
    """
    A double click makes one export: the second answer is 202 with the same Location.
    """
    first = site.ask("POST", "/exports", json_body={"formats": ["json", "csv", "csv"], "datasets": ["payouts"]})
    second = site.ask("POST", "/exports", json_body={})

    assert (202, first.headers["location"], first.json) == (second.status, second.headers["location"], second.json)


def test_other_parameters_are_a_conflict_while_one_is_active(site):
    """
    409 names the active export in Location; once it is ready a new one is made.
    """
    active = site.queued()
    differing = site.ask("POST", "/exports", json_body={"formats": ["ndjson"]})

    assert (409, "active-export-differs") == (differing.status, differing.slug)
    assert f"/exports/{active}" == differing.headers["location"]

    site.deployment.worker.work()

    assert active != site.queued(formats=["ndjson"])


def test_a_wrong_body_is_refused_by_the_name_of_what_is_wrong(site):
    """
    422 with the field named, or 400 where there is no JSON at all; nothing is requested.
    """
    for status, field, body in WRONG_BODIES:
        answer = site.ask("POST", "/exports", body=body, Content_Type="application/json")
        assert (status, field, body) == (answer.status, answer.json["field"], body)
        assert {"type", "title", "status", "detail", "field"} == set(answer.json)

    assert [] == site.ask("GET", "/exports").json["items"]


def test_an_unknown_field_is_named_but_not_echoed_at_length(site):
    """
    A name of 60 kB comes back cut to 80 characters, and control characters escaped.
    """
    long = site.ask("POST", "/exports", json_body={"x" * 60_000: 1})
    odd = site.ask("POST", "/exports", json_body={"a\r\nb": 1})

    assert "x" * 80 == long.json["field"]
    assert "'a\\r\\nb'" == odd.json["field"]


def test_state_changes_need_the_content_type_that_foreign_pages_cannot_send(site):
    """
    415 for anything but application/json, before the body is looked at.
    """
    job_id = site.ready()
    paths = ("/exports", f"/exports/{job_id}/links")

    for kind in OTHER_TYPES:
        for path in paths:
            answer = site.ask("POST", path, body=b"{}", Content_Type=kind)
            assert (kind, 415, "unsupported-media-type") == (kind, answer.status, answer.slug)
        assert (kind, 415) == (kind, site.ask("DELETE", f"/exports/{job_id}", Content_Type=kind).status)
    assert [415, 415] == [site.ask("POST", path).status for path in paths]
    assert 202 == site.ask("POST", "/exports", body=b"{}", Content_Type="Application/JSON; charset=UTF-8").status


def test_a_body_is_at_most_64_kib(site):
    """
    One byte more is 413, and so are 3 MB, whose sender still gets to read the answer.
    """
    most = b'{"formats": ["csv"]}'.ljust(64 * 1024)

    assert 202 == site.ask("POST", "/exports", body=most, Content_Type="application/json").status
    for body in (most + b" ", bytes(3_000_000)):
        answer = site.ask("POST", "/exports", body=body, Content_Type="application/json")
        assert (413, "body-too-large") == (answer.status, answer.slug)


@pytest.mark.parametrize(
    ("body", "start", "end"),
    [
        ({"from": "2026-01-01", "to": "2026-01-02"}, "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"),
        ({"from": "2026-01-01T02:00:00.5+02:00"}, "2026-01-01T00:00:00.500000+00:00", None),
        ({"to": "2026-01-01T00:00Z"}, None, "2026-01-01T00:00:00+00:00"),
    ],
)
def test_a_window_is_days_or_instants(site, body, start, end):
    """
    A day is its midnight in UTC; an instant keeps its moment.
    """
    window = site.deployment.jobs.get("default", site.queued(**body)).request.window

    assert (start, end) == tuple(at and at.isoformat() for at in (window.start, window.end))


def test_an_idempotency_key_makes_one_export_for_good(site):
    """
    The same key and body hand the export back even when it has ended; another body is 422.
    """
    first = site.ask("POST", "/exports", json_body={}, Idempotency_Key="k1")
    site.deployment.worker.work()
    again = site.ask("POST", "/exports", json_body={}, Idempotency_Key="k1")
    other = site.ask("POST", "/exports", json_body={"formats": ["csv"]}, Idempotency_Key="k1")
    too_long = site.ask("POST", "/exports", json_body={}, Idempotency_Key="k" * 256)

    assert (202, first.json["id"], "ready") == (again.status, again.json["id"], again.json["state"])
    assert (422, "idempotency-key-reused") == (other.status, other.slug)
    assert (422, "Idempotency-Key") == (too_long.status, too_long.json["field"])


def test_a_limit_says_when_to_come_back(site):
    """
    429 only where there is a cooldown, with its own Retry-After; the same request gets the copy there is.
    """
    job_id = site.ready()
    service = ExportService(evolve(site.service._wiring, request_cooldown=timedelta(hours=1)))
    site.host.api = HttpApi(service=service, identify=lambda _: PEOPLE["ann"])
    site.deployment.clock.advance(timedelta(seconds=3563))
    limited = site.ask("POST", "/exports", json_body={"formats": ["csv"]})
    again = site.ask("POST", "/exports", json_body={})

    assert (429, "too-many-requests", "37") == (limited.status, limited.slug, limited.headers["retry-after"])
    assert (202, job_id, f"/exports/{job_id}") == (again.status, again.json["id"], again.headers["location"])


# --- GET /exports, GET /exports/{id} -----------------------------------------------------------------------------


def test_a_list_has_ones_own_newest_first_in_pages(site):
    """
    Two pages hold three exports, each once; a stranger's is in neither.
    """
    mine = []
    for _ in range(3):
        mine.append(site.ready())
        site.deployment.clock.advance(timedelta(seconds=1))
    site.ready("bob")
    first = site.ask("GET", "/exports?limit=2").json
    second = site.ask("GET", f"/exports?limit=2&cursor={first['next_cursor']}").json

    assert {"items", "next_cursor"} == set(first)
    assert mine[::-1] == [each["id"] for each in (*first["items"], *second["items"])]
    assert second["next_cursor"] is None
    assert EXPORT_FIELDS == set(first["items"][0])
    assert {"items": [], "next_cursor": None} == site.ask("GET", "/exports", "support").json


def test_a_limit_is_a_number_from_1_to_100(site):
    """
    Anything else is 422, naming the parameter; the ends themselves are fine.
    """
    for query in ("0", "101", "-1", "", "x", "1e1", "%C2%B2", "1&limit=2", "9" * 5000):
        answer = site.ask("GET", f"/exports?limit={query}")
        assert (query, 422, "limit") == (query, answer.status, answer.json["field"])
    assert [200, 200] == [site.ask("GET", f"/exports?limit={each}").status for each in (1, 100)]


def test_a_cursor_is_good_for_whom_it_was_given_to(site):
    """
    Somebody else's, another tenant's, a cut, an altered and an invented one are 422.
    """
    for user in ("ann", "ann", "bob", "bob", "ann elsewhere", "ann elsewhere"):
        site.ready(user)
        site.deployment.clock.advance(timedelta(seconds=1))
    cursor = site.ask("GET", "/exports?limit=1").json["next_cursor"]
    token, key_id, mac = cursor.split(".")
    altered = (cursor[:-1], cursor + "0", f"{token}x.{key_id}.{mac}", f"{token}.other.{mac}", token)
    altered = (*altered, f"{token}.{key_id}.{mac.upper()}", f"{token}.{key_id}.+{mac}")
    wrong = (*altered, "", "%00", "x.y.z", "%ff", "a" * 10_000)

    assert 200 == site.ask("GET", f"/exports?cursor={cursor}").status
    for user, spelled in (("bob", cursor), ("ann elsewhere", cursor), *(("ann", each) for each in wrong)):
        answer = site.ask("GET", f"/exports?cursor={spelled}", user)
        assert (422, "invalid-cursor", "cursor") == (answer.status, answer.slug, answer.json["field"])


def test_a_ready_export_says_what_it_holds(site):
    """
    Counts, size, digest and expiry are those of the bundle that is downloaded.
    """
    job_id = site.ready()
    export = site.ask("GET", f"/exports/{job_id}").json
    bundle = site.ask("GET", site.link(job_id)).body

    assert ("ready", "full", None) == (export["state"], export["completeness"], export["error"])
    assert {"payouts": {"state": "done", "expected": 25, "written": 25}} == export["datasets"]
    assert {"rows": 25, "total": 25} == export["progress"]
    assert (len(bundle), hashlib.sha256(bundle).hexdigest()) == (export["size"], export["sha256"])
    assert ("2026-01-02T12:00:00.000000Z", "2026-01-09T12:00:00.000000Z") == (export["as_of"], export["expires_at"])
    assert {"self": f"/exports/{job_id}", "links": f"/exports/{job_id}/links"} == export["links"]
    assert "canary-GANN-1" in zipfile.ZipFile(io.BytesIO(bundle)).read("data/payouts.csv").decode()


def test_a_state_is_fetched_once(site):
    """
    304 while nothing changed, 200 with another ETag once something did, be it only the hour.
    """
    job_id = site.queued()
    tags = []
    for change in (
        lambda: None,
        site.deployment.worker.work,
        lambda: site.deployment.clock.advance(timedelta(days=7)),
    ):
        change()
        answer = site.ask("GET", f"/exports/{job_id}")
        tags.append(answer.headers["etag"])
        for condition in (tags[-1], "*", f'"x", W/{tags[-1]}'):
            unchanged = site.ask("GET", f"/exports/{job_id}", If_None_Match=condition)
            assert (304, b"", tags[-1]) == (unchanged.status, unchanged.body, unchanged.headers["etag"])
            assert "no-store" == unchanged.headers["cache-control"]
            assert "content-type" not in unchanged.headers

    assert 3 == len(set(tags))
    assert 200 == site.ask("GET", f"/exports/{job_id}", If_None_Match=tags[0]).status


def test_an_export_tells_the_clock_of_the_law(site):
    """
    Extension with reason and instant, and since when the clock stands; a new ETag, and no link meanwhile.
    """
    job_id = site.queued()
    etag = site.ask("GET", f"/exports/{job_id}").headers["etag"]
    jobs = site.deployment.jobs
    job = jobs.get("default", job_id)
    extended = job.deadline.extended(Extension(reason="Há muito.", at=jobs.now()), timedelta(days=59))
    jobs.reschedule(job, extended.paused(jobs.now()), expected={State.QUEUED})
    answer = site.ask("GET", f"/exports/{job_id}", If_None_Match=etag)

    assert (200, "queued", "2026-04-02T12:00:00.000000Z") == (
        answer.status,
        answer.json["state"],
        answer.json["due_at"],
    )
    assert {"reason": "Há muito.", "at": "2026-01-02T12:00:00.000000Z"} == answer.json["extension"]
    assert "2026-01-02T12:00:00.000000Z" == answer.json["paused_at"]
    link = site.ask("POST", f"/exports/{job_id}/links", json_body={})
    assert (409, "not-ready") == (link.status, link.slug)


@pytest.mark.parametrize("state", ["expired", "failed", "cancelled", "deleted"])
def test_an_export_that_has_ended_still_says_so(site, state):
    """
    200 with its state, and no size, digest or link any more.
    """
    job_id = ended(site, state)
    answer = site.ask("GET", f"/exports/{job_id}")

    assert (200, state, None, None) == (
        answer.status,
        answer.json["state"],
        answer.json["size"],
        answer.json["sha256"],
    )
    assert {"self": f"/exports/{job_id}"} == answer.json["links"]
    assert state in {each["state"] for each in site.ask("GET", "/exports").json["items"]}
    if state == "failed":
        expected = {"slug": "refused", "sentence": "It is the ninth.", "remedies": "You may complain."}
        assert expected == answer.json["error"]


def ended(site, state):
    """
    An export of Ann's in that state.
    """
    if state == "failed":
        site.deployment.jobs.end(
            "default", job_id := site.queued(), expected={State.QUEUED}, state=State.FAILED, failure=FAILURE
        )
        return job_id
    job_id = site.queued() if state == "cancelled" else site.ready()
    if state == "expired":
        site.deployment.clock.advance(timedelta(days=7))
    elif state == "erased":
        site.deployment.jobs.end("default", job_id, expected={State.READY}, state=State.ERASED)
    else:
        assert 204 == site.ask("DELETE", f"/exports/{job_id}").status
    return job_id


# --- links and downloads -----------------------------------------------------------------------------------------


def test_a_link_is_a_path_with_a_ticket_good_for_five_minutes(site):
    """
    201 with url and expiry; a Host header has no say in it.
    """
    job_id = site.ready()
    answer = site.ask("POST", f"/exports/{job_id}/links", json_body={}, X_Forwarded_Host="evil.example")

    assert (201, {"url", "expires_at"}) == (answer.status, set(answer.json))
    assert answer.json["url"].startswith(f"/exports/{job_id}/download?ticket=")
    assert "2026-01-02T12:05:00.000000Z" == answer.json["expires_at"]
    assert 201 == site.ask("POST", f"/exports/{job_id}/links", Content_Type="application/json").status


def test_there_is_no_link_before_and_none_after(site):
    """
    409 while there is no file yet or never will be, 410 once it is gone.
    """
    waiting = site.queued()
    conflicts = [site.ask("POST", f"/exports/{waiting}/links", json_body={})]
    site.ask("DELETE", f"/exports/{waiting}")
    conflicts.append(site.ask("POST", f"/exports/{waiting}/links", json_body={}))
    gone = [
        site.ask("POST", f"/exports/{ended(site, state)}/links", json_body={}) for state in ("deleted", "expired")
    ]

    assert [(409, "not-ready")] * 2 == [(answer.status, answer.slug) for answer in conflicts]
    assert [(410, "gone")] * 2 == [(answer.status, answer.slug) for answer in gone]


def test_a_download_has_exactly_the_headers_of_the_contract(site):
    """
    Nothing more and nothing less; HEAD has the same and no body.
    """
    job_id = site.ready()
    url = site.link(job_id)
    export = site.ask("GET", f"/exports/{job_id}").json
    got, head = site.ask("GET", url), site.ask("HEAD", url)

    assert (
        {
            "content-type": "application/zip",
            "content-length": str(export["size"]),
            "content-disposition": f'attachment; filename="streampay-export-{job_id}.zip"',
            "etag": f'"{export["sha256"]}"',
            "accept-ranges": "bytes",
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "content-security-policy": "sandbox",
            "cross-origin-resource-policy": "same-origin",
        }
        == got.headers
        == head.headers
    )
    assert (200, 200, b"") == (got.status, head.status, head.body)


def test_one_range_is_served(site):
    """
    206 with those bytes and their place in the whole; HEAD has no ranges.
    """
    url = site.link(site.ready())
    whole = site.ask("GET", url)
    for asked, start, end in ONE_RANGE:
        answer = site.ask("GET", url, Range=asked)
        first, count = start % len(whole.body), len(answer.body)
        assert (asked, 206, whole.body[start:end]) == (asked, answer.status, answer.body)
        assert {
            **whole.headers,
            "content-length": str(count),
            "content-range": f"bytes {first}-{first + count - 1}/{len(whole.body)}",
        } == answer.headers
        assert (200, whole.headers) == ((head := site.ask("HEAD", url, Range=asked)).status, head.headers)


def test_what_is_not_one_range_is_answered_with_the_whole(site):
    """
    Several ranges, other units and nonsense are ignored: 200.
    """
    url = site.link(site.ready())
    whole = site.ask("GET", url)
    for asked in NOT_ONE_RANGE:
        assert (asked, whole) == (asked, site.ask("GET", url, Range=asked))


def test_a_range_behind_the_end_is_416_and_says_where_the_end_is(site):
    """
    With If-Range for another file, or If-None-Match for this one, it does not come to that.
    """
    url = site.link(site.ready())
    whole = site.ask("GET", url)
    for asked in ("bytes=-0", f"bytes={len(whole.body)}-", "bytes=99999999-999999999"):
        answer = site.ask("GET", url, Range=asked)
        assert (asked, 416, "range-not-satisfiable") == (asked, answer.status, answer.slug)
        assert f"bytes */{len(whole.body)}" == answer.headers["content-range"]
        assert 200 == site.ask("GET", url, Range=asked, If_Range='"other"').status
        assert 304 == site.ask("GET", url, Range=asked, If_None_Match=whole.headers["etag"]).status


def test_conditions_go_by_the_digest(site):
    """
    If-None-Match answers 304; If-Range lets a range through only for exactly this file.
    """
    url = site.link(site.ready())
    etag = site.ask("GET", url).headers["etag"]

    for condition in (etag, f"W/{etag}", f'"a", {etag}', "*"):
        answer = site.ask("GET", url, If_None_Match=condition)
        assert (304, b"", etag) == (answer.status, answer.body, answer.headers["etag"])
        assert ("sandbox", "private, no-store") == (
            answer.headers["content-security-policy"], answer.headers["cache-control"])  # fmt: skip
    assert 200 == site.ask("GET", url, If_None_Match='"other"').status
    assert 304 == site.ask("HEAD", url, If_None_Match=etag).status
    statuses = [
        site.ask("GET", url, Range="bytes=0-1", If_Range=tag).status
        for tag in (etag, f"W/{etag}", '"other"', "Fri, 02 Jan 2026 12:00:00 GMT")
    ]
    assert [206, 200, 200, 200] == statuses


def test_what_was_asked_for_as_it_was_is_not_answered_as_it_is(site):
    """
    If-Match, which some download managers resume with, is 412 for anything but this, strongly compared.
    """
    job_id = site.ready()

    for url in (site.link(job_id), f"/exports/{job_id}"):
        etag = site.ask("GET", url).headers["etag"]
        statuses = [
            site.ask("GET", url, If_Match=tags, If_None_Match='"a"').status
            for tags in (etag, "*", f'"a", {etag}', f"W/{etag}", '"a"', "", etag.strip('"'))
        ]
        refused = site.ask("GET", url, Range="bytes=0-1", If_Match='"a"')

        assert [200, 200, 200, 412, 412, 412, 412] == statuses
        assert (412, "precondition-failed") == (refused.status, refused.slug)


def test_a_begun_download_goes_on_for_an_hour_and_no_longer(site):
    """
    The ticket starts within five minutes; then ranges work until the session's hour is over.
    """
    job_id = site.ready()
    begun, unused = site.link(job_id), site.link(job_id)
    statuses = [site.ask("GET", begun).status]
    site.deployment.clock.advance(timedelta(minutes=59))
    statuses += [site.ask("GET", begun, Range="bytes=1-").status, site.ask("GET", unused).status]
    site.deployment.clock.advance(timedelta(minutes=1))
    last = site.ask("GET", begun)

    assert [200, 206, 403] == statuses
    assert (403, "ticket-expired") == (last.status, last.slug)


# --- DELETE ------------------------------------------------------------------------------------------------------


def test_deleting_is_done_once_and_answered_twice(site):
    """
    204 with nothing in it, both times; the file is gone from storage and its link answers 410.
    """
    job_id = site.ready()
    url = site.link(job_id)
    answers = [site.ask("DELETE", f"/exports/{job_id}") for _ in range(2)]

    assert [(204, b"")] * 2 == [(answer.status, answer.body) for answer in answers]
    assert "content-type" not in answers[0].headers
    assert [] == list(site.deployment.storage.list())
    assert (410, "gone") == ((gone := site.ask("GET", url)).status, gone.slug)


def test_a_running_export_is_cancelled_at_once(site):
    """
    The worker at it has lost its fence: nothing is published.
    """
    job_id = site.queued()
    wiring = site.deployment.wiring
    read = wiring.source.snapshot

    def cancelled_meanwhile():
        assert 204 == site.ask("DELETE", f"/exports/{job_id}").status
        return read()

    wiring.source.snapshot = cancelled_meanwhile
    site.deployment.worker.work()

    assert "cancelled" == site.ask("GET", f"/exports/{job_id}").json["state"]
    assert [] == list(site.deployment.storage.list())


def test_the_form_twin_needs_the_applications_token(site):
    """
    A form without it is 403, other content types 415; with it, or as JSON, it deletes.
    """
    job_id = site.ready()
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    refused = site.ask("POST", f"/exports/{job_id}/delete", body=b"token=bad", **form)

    assert (403, "invalid-form-token") == (refused.status, refused.slug)
    assert (
        415 == site.ask("POST", f"/exports/{job_id}/delete", body=b"token=good", Content_Type="text/plain").status
    )
    assert 413 == site.ask("POST", f"/exports/{job_id}/delete", body=bytes(70_000), **form).status
    assert "ready" == site.ask("GET", f"/exports/{job_id}").json["state"]
    assert 204 == site.ask("POST", f"/exports/{job_id}/delete", body=b"token=good", **form).status
    assert 204 == site.ask("POST", f"/exports/{job_id}/delete", json_body={}).status
    assert "deleted" == site.ask("GET", f"/exports/{job_id}").json["state"]


# --- what is public ----------------------------------------------------------------------------------------------


def test_the_policy_is_public_as_json_and_as_a_page(site):
    """
    JSON unless HTML is preferred; each field with its rule and reason; an unknown profile is 422.
    """
    answer = site.ask("GET", "/exports/policy", None)
    page = site.ask("GET", "/exports/policy", None, Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    support = site.ask("GET", "/exports/policy?profile=support", None, Accept="application/json, text/html;q=0.9")
    unknown = site.ask("GET", "/exports/policy?profile=<b>", None, Accept="text/html")

    assert ("self", ["payouts"]) == (answer.json["profile"], [each["name"] for each in answer.json["datasets"]])
    assert {
        "name": "amount",
        "rule": "keep",
        "reason": "Kept in a test.",
        "category": "",
        "origin": "",
        "description": "",
        "how": "kept as it is",
    } == answer.json["datasets"][0]["fields"][3]
    assert "support" == support.json["profile"]
    assert ["Accept", "Accept"] == [each.headers["vary"] for each in (answer, page)]
    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["content-type"])
    assert "Kept in a test." in page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (422, "profile") == (unknown.status, unknown.json["field"])


def test_the_verification_keys_are_public(site):
    """
    The key that signed a bundle is among them, in the form the verifier reads.
    """
    answer = site.ask("GET", "/exports/keys", None)
    (key,) = answer.json["keys"]
    (public,) = site.service.public_keys()

    assert {"key_id", "algorithm", "public_key", "state"} == set(key)
    assert (public.key_id, "Ed25519", public.raw, "current") == (
        key["key_id"], key["algorithm"], base64.b64decode(key["public_key"]), key["state"])  # fmt: skip
    assert (200, b"") == ((head := site.ask("HEAD", "/exports/keys", None)).status, head.body)
    assert str(len(answer.body)) == head.headers["content-length"]


def test_retired_and_revoked_keys_are_listed_behind_the_current_one(site, tmp_path):
    """
    So that older bundles verify, and a verifier that has the list can say which key was revoked.
    """
    keys = [Ed25519Key(seed=bytes([number]) * 32, state=state) for number, state in enumerate(reversed(KeyState))]
    signer = Ed25519Signer(keys)
    service = ExportService(evolve(site.deployment.wiring, manifests=signer))
    site.host.api = HttpApi(service=service, identify=lambda _: None, check_form=lambda _: False)
    answer = site.ask("GET", "/exports/keys", None)
    (tmp_path / "keys.json").write_bytes(answer.body)

    assert ["current", "retired", "revoked"] == [key["state"] for key in answer.json["keys"]]
    assert signer.public_keys() == read_public_keys(tmp_path / "keys.json")


# --- the order of refusals ---------------------------------------------------------------------------------------

PATHS = {
    "/exports": "GET, HEAD, POST",
    "/exports/policy": "GET, HEAD",
    "/exports/keys": "GET, HEAD",
    "/exports/{id}": "DELETE, GET, HEAD",
    "/exports/{id}/links": "POST",
    "/exports/{id}/download": "GET, HEAD",
    "/exports/{id}/open": "GET, HEAD, POST",
    "/exports/{id}/delete": "POST",
}
STANDARD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_a_path_says_which_methods_it_takes(site):
    """
    405 with Allow for every other method, whoever asks.
    """
    for path, allowed in PATHS.items():
        for method in set(STANDARD) - set(allowed.split(", ")):
            for user in ("ann", None):
                answer = site.ask(method, path.replace("{id}", NOBODYS), user)
                assert (method, 405, allowed) == (method, answer.status, answer.headers["allow"])
                assert method == "HEAD" or "method-not-allowed" == answer.slug


@pytest.mark.parametrize("user", [None, "nobody"])
def test_nobody_signed_in_is_401_first_of_all(site, user):
    """
    Whatever else is wrong, on every path that is not public; nothing is looked up, and the audit trail has nothing
    of it but a count.
    """
    job_id = site.ready()
    url = site.link(job_id)
    recorded = len(list(site.deployment.audit.entries("default")))
    site.port_calls.clear()
    asked = [
        ("POST", "/exports", b"{"),
        ("GET", "/exports?limit=0", b""),
        ("GET", f"/exports/{job_id}", b""),
        ("GET", "/exports/no/such/path", b""),
        ("DELETE", f"/exports/{job_id}", b""),
        ("POST", f"/exports/{job_id}/links", b""),
        ("POST", f"/exports/{job_id}/delete", bytes(70_000)),
        ("GET", url, b""),
        ("GET", f"/exports/{job_id}/download", b""),
        ("GET", f"/exports/{job_id}/open?ticket=x", b""),
        ("POST", f"/exports/{job_id}/open", bytes(70_000)),
    ]
    for method, target, body in asked:
        answer = site.ask(method, target, user, body=body)
        assert (401, "not-signed-in") == (answer.status, answer.slug)
        assert answer.headers["www-authenticate"]

    assert [] == site.port_calls
    assert len(asked) == site.host.api.not_signed_in
    assert recorded == len(list(site.deployment.audit.entries("default")))


def test_a_wrong_ticket_is_one_body_before_any_lookup(site):
    """
    Missing, malformed, altered, doubled, for another path or tenant: the same 403, and no port was asked.
    """
    job_id, other = site.ready(), site.ready("bob")
    url, others = site.link(job_id), site.link(other, "bob")
    ticket = url.partition("ticket=")[2]
    altered = ("A" if ticket[40] != "A" else "B").join((ticket[:40], ticket[41:]))
    tickets = (
        "",
        ticket[:-1],
        ticket + "A",
        ticket + "=",
        altered,
        ticket.swapcase(),
        others.partition("ticket=")[2],
    )
    odd = ("%00", "%ff", "x" * 10_000, "..", f"{ticket}&ticket={ticket}")
    ids = (NOBODYS, "x" * 10_000, "a%00b")
    wrong = [f"/exports/{job_id}/download?ticket={each}" for each in (*tickets, *odd)]
    wrong += [f"/exports/{each}/download?ticket={ticket}" for each in ids]
    wrong += [f"/exports/{each}/download" for each in (job_id, *ids)]
    wrong.append(site.open_link(job_id).replace("/open?", "/download?"))
    site.port_calls.clear()
    answers = [site.ask("GET", target) for target in wrong] + [site.ask("GET", url, "ann elsewhere")]
    answers += [site.ask("GET", target.replace("/download", "/open")) for target in (url, *wrong[:-1])]

    assert [403] * len(answers) == [answer.status for answer in answers]
    assert "invalid-ticket" == answers[0].slug
    assert 1 == len({(answer.body, tuple(sorted(answer.headers.items()))) for answer in answers})
    assert [] == site.port_calls


def test_what_is_not_yours_is_not_there(site):
    """
    Unknown, foreign, other tenant's and erased ids: the same bytes, headers and calls of the ports, on every path.
    """
    bobs, elsewhere = site.ready("bob"), site.ready("ann elsewhere")
    erased = ended(site, "erased")
    calls = [
        ("GET", "/exports/{}", {}),
        ("DELETE", "/exports/{}", {}),
        ("POST", "/exports/{}/links", {"json_body": {}}),
        ("POST", "/exports/{}/delete", {"json_body": {}}),
    ]
    for method, path, more in calls:
        seen = set()
        for job_id in (NOBODYS, bobs, elsewhere, erased):
            site.port_calls.clear()
            answer = site.ask(method, path.format(job_id), **more)
            seen.add((answer.status, answer.body, tuple(sorted(answer.headers.items())), tuple(site.port_calls)))
        ((status, body, _, port_calls),) = seen
        assert (404, True) == (status, b"problems/not-found" in body)
        assert not [call for call in port_calls if call.startswith("storage")]


def test_a_link_passed_on_is_a_404_for_whoever_else_is_signed_in(site):
    """
    A genuine ticket opens nothing without its person, and tells no more than an unknown id does.
    """
    job_id = site.ready()
    url = site.link(job_id)
    site.port_calls.clear()
    foreign, unknown = site.ask("GET", url, "bob"), site.ask("GET", f"/exports/{NOBODYS}", "bob")

    assert (404, unknown.body, unknown.headers) == (foreign.status, foreign.body, foreign.headers)
    assert not [call for call in site.port_calls if call.startswith("storage") or "use_link" in call]
    assert 200 == site.ask("GET", url).status


def test_an_id_that_is_no_id_is_not_there_either(site):
    """
    Paths, escapes, NUL and 10 kB: the same 404 as any unknown id, and storage is never asked.
    """
    unknown = site.ask("GET", f"/exports/{NOBODYS}")
    site.port_calls.clear()
    for odd in ODD_IDS:
        answer = site.ask("GET", f"/exports/{odd}")
        assert (odd, 404, unknown.body, unknown.headers) == (odd, answer.status, answer.body, answer.headers)

    assert not [call for call in site.port_calls if call.startswith("storage")]


def test_a_ticket_expires_before_the_file_is_gone_or_not_ready(site):
    """
    403 for an expired ticket comes before 410; with a good ticket 410 comes before conditions and ranges.
    """
    late, deleted = site.ready(), site.ready()
    late_url, url = site.link(late), site.link(deleted)
    site.ask("DELETE", f"/exports/{deleted}")
    gone = site.ask("GET", url, If_None_Match="*", Range="bytes=99999999-")
    site.deployment.clock.advance(timedelta(minutes=5))
    expired = [site.ask("GET", url), site.ask("GET", late_url, If_None_Match="*", Range="bytes=99999999-")]

    assert (410, "gone") == (gone.status, gone.slug)
    assert [(403, "ticket-expired")] * 2 == [(answer.status, answer.slug) for answer in expired]
    assert expired[0].body == expired[1].body


def test_refusals_come_in_the_contracts_order(site):
    """
    A download that is wrong in every way, mended one thing after the other: each answer is the next of the list.
    """
    ann, bob = PEOPLE["ann"].actor, PEOPLE["bob"].actor
    people = {
        "ann": evolve(ann, authenticated_at=NOON),
        "stale": evolve(ann, authenticated_at=NOON - timedelta(hours=1)),
        "bob": bob,
    }
    wiring = evolve(
        site.service._wiring, step_up=StepUp(request=timedelta(minutes=5), download=timedelta(minutes=5))
    )
    site.host.api = HttpApi(
        service=ExportService(wiring),
        identify=lambda request: (
            (who := people.get(request.headers.get("X-User"))) and Identity(who, Subject("ann"))
        ),
    )
    job_id = site.ready()
    site.ask("DELETE", f"/exports/{job_id}")
    queued = site.queued()
    late = ticketed(site, job_id, NOON)
    good = ticketed(site, job_id, NOON + timedelta(minutes=1))
    waiting = ticketed(site, queued, NOON + timedelta(minutes=1))
    asked = [
        ("PUT", f"/exports/{job_id}/download?ticket=x", "nobody"),
        ("GET", f"/exports/{job_id}/download?ticket=x", "nobody"),
        ("GET", f"/exports/{job_id}/download?ticket=x", "bob"),
        ("GET", late, "bob"),
        ("GET", late, "stale"),
        ("GET", late, "ann"),
        ("GET", good, "ann"),
        ("GET", waiting, "ann"),
    ]
    answers = [site.ask(method, target, who, Range="bytes=99999999-") for method, target, who in asked]

    assert [
        (405, "method-not-allowed"),
        (401, "not-signed-in"),
        (403, "invalid-ticket"),
        (404, "not-found"),
        (401, "insufficient_user_authentication"),
        (403, "ticket-expired"),
        (410, "gone"),
        (409, "not-ready"),
    ] == [(answer.status, answer.slug) for answer in answers]
    assert 'max_age="300"' in answers[4].headers["www-authenticate"]
    assert answers[3].body == site.ask("GET", f"/exports/{NOBODYS}", "stale").body


def test_a_step_up_is_asked_of_whoever_may(site):
    """
    For a request and a link as for bytes, and not for looking or deleting.
    """
    wiring = evolve(
        site.service._wiring, step_up=StepUp(request=timedelta(minutes=5), download=timedelta(minutes=5))
    )
    job_id = site.ready()
    site.host.api = HttpApi(service=ExportService(wiring), identify=lambda _: PEOPLE["ann"])
    asked = [
        ("POST", "/exports", {"json_body": {}}),
        ("POST", f"/exports/{job_id}/links", {"json_body": {}}),
        ("GET", f"/exports/{job_id}", {}),
        ("GET", "/exports", {}),
        ("DELETE", f"/exports/{job_id}", {}),
    ]

    assert [401, 401, 200, 200, 204] == [site.ask(method, path, **more).status for method, path, more in asked]


def ticketed(site, job_id, expires_at):
    """
    A download URL with a genuine ticket that no link was given out for.
    """
    w = site.service._wiring
    ticket = Ticket(job_id=job_id, purpose=Purpose.DOWNLOAD, link_id="b" * 26, expires_at=expires_at)
    token = issue_ticket(ticket, tenant="default", realm=w.realm, sign=w.tickets.sign)
    return f"/exports/{job_id}/download?ticket={token}"


def test_copies_of_one_profile_are_no_doors_to_another(site):
    """
    A support copy is the operator's who asked for it: the subject cannot see it, nor the operator the subject's.
    """
    own, support = site.ready(), site.ready("support", profile="support")

    assert [200, 404] == [site.ask("GET", f"/exports/{each}").status for each in (own, support)]
    assert [404, 200] == [site.ask("GET", f"/exports/{each}", "support").status for each in (own, support)]
    assert 404 == site.ask("POST", "/exports", json_body={"profile": "support"}).status
    assert 404 == site.ask("POST", "/exports", "support", json_body={}).status


# --- what fails --------------------------------------------------------------------------------------------------


def test_without_audit_nothing_is_given_but_deleting_goes_on(site):
    """
    503 with Retry-After for a request, a link and a download; DELETE is done all the same.
    """
    job_id = site.ready()
    url = site.link(job_id)
    site.deployment.audit.down = True
    refused = [
        site.ask("POST", "/exports", json_body={}),
        site.ask("POST", f"/exports/{job_id}/links", json_body={}),
        site.ask("GET", url),
    ]

    assert [(503, "audit-unavailable")] * 3 == [(answer.status, answer.slug) for answer in refused]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert 204 == site.ask("DELETE", f"/exports/{job_id}").status


def test_a_store_that_is_down_is_503_before_the_first_byte(site, monkeypatch):
    """
    Not a 200 that breaks off; what the store said stays inside.
    """
    url = site.link(site.ready())

    def read(*_):
        raise StorageUnavailable("host-7.internal does not answer")
        yield b""

    monkeypatch.setattr(site.deployment.storage, "read", read)
    answer = site.ask("GET", url)

    assert (503, "storage-unavailable") == (answer.status, answer.slug)
    assert b"host-7" not in answer.body
    assert 200 == site.ask("HEAD", url).status


def test_a_job_store_that_is_down_is_503(site, monkeypatch):
    """
    On every call that asks it.
    """

    def get(*_):
        raise JobStoreUnavailable("no answer")

    monkeypatch.setattr(site.deployment.jobs, "get", get)

    assert {(503, "job-store-unavailable")} == {
        (answer.status, answer.slug)
        for answer in (
            site.ask("GET", f"/exports/{NOBODYS}"),
            site.ask("DELETE", f"/exports/{NOBODYS}"),
            site.ask("POST", f"/exports/{NOBODYS}/links", json_body={}),
        )
    }


def test_an_unknown_error_says_nothing(site, monkeypatch, caplog):
    """
    500 without details; the log says where it was, not what it quoted.
    """

    def get(*_):
        raise RuntimeError("canary" * 2)

    monkeypatch.setattr(site.deployment.jobs, "get", get)
    answer = site.ask("GET", f"/exports/{NOBODYS}")

    assert (500, "internal-error") == (answer.status, answer.slug)
    assert b"canary" not in answer.body
    assert "RuntimeError" in caplog.text
    assert "canarycanary" not in caplog.text


def test_nobodys_data_is_in_a_header_or_an_error(site, caplog):
    """
    After a tour of the API with canaries in ids, queries and bodies, no header and no log line holds one.
    """
    job_id = site.ready()
    asked = [
        ("GET", "/exports/canary-id", {}),
        ("GET", "/exports?limit=canary&cursor=canary", {}),
        ("GET", "/exports/policy?profile=canary", {}),
        ("GET", f"/exports/{job_id}/download?ticket=canary", {}),
        ("POST", "/exports", {"json_body": {"canary": 1}}),
        ("POST", "/exports", {"json_body": {"formats": ["canary"]}, "Idempotency_Key": "canary"}),
        ("POST", "/exports", {"body": b"canary", "Content_Type": "application/canary"}),
        ("GET", site.link(job_id), {"Range": "bytes=canary", "If_None_Match": '"canary"'}),
    ]
    for method, target, more in asked:
        answer = site.ask(method, target, **more)
        assert "canary" not in repr(answer.headers)

    assert "canary" not in caplog.text
    assert not [each for each in PEOPLE if each in caplog.text]


# --- what only a server can show ---------------------------------------------------------------------------------


class Flow:
    """
    A response as long as anybody reads it; breaks off after *breaks_after* chunks.
    """

    prefix = "/exports"

    def __init__(self, breaks_after=None):
        self.closed = threading.Event()
        self.breaks_after = breaks_after
        self.sent = 0

    def handle(self, request):
        """
        Answer anything with this.
        """
        return Response(status=200, headers=[("Content-Length", str(10**10))], body=self)

    def __iter__(self):
        return self

    def __next__(self):
        if self.sent == self.breaks_after:
            raise StorageUnavailable("cut")
        self.sent += 1
        return bytes(256 * 1024)

    def close(self):
        """
        Note it.
        """
        self.closed.set()


def test_a_receiver_who_goes_away_closes_the_body(server):
    """
    Within moments of a client's leaving mid-transfer, so that the audit can say how far it came.
    """
    server.api = flow = Flow()
    connection = server.connect()
    connection.request("GET", "/exports/x")
    answer = connection.getresponse()
    answer.read(100_000)
    gc.disable()  # nobody's luck: a collected generator is closed too
    try:
        assert not flow.closed.is_set()
        answer.close()
        connection.close()
        wait_for(flow.closed.is_set)
    finally:
        gc.enable()


def test_a_transfer_that_breaks_off_looks_broken_off(server):
    """
    The connection ends short of Content-Length: no client takes the rest for the whole.
    """
    server.api = flow = Flow(breaks_after=2)
    connection = server.connect()
    connection.request("GET", "/exports/x")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        connection.getresponse().read()
    connection.close()

    wait_for(flow.closed.is_set)


def test_a_download_that_breaks_off_is_in_the_audit_trail(server):
    """
    Begun, left, taken up again with a range to the end: broken off, then finished.
    """
    site = Site(server)
    job_id = site.ready()
    url = site.link(job_id)
    size = site.ask("GET", f"/exports/{job_id}").json["size"]
    site.ask("GET", url, Range="bytes=0-99")
    site.ask("GET", url, Range=f"bytes=100-{size - 1}")

    wait_for(lambda: "download_finished" in site.deployment.audit.events(job_id))
    assert 1 == site.deployment.audit.events(job_id).count("download_authorised")


def test_concurrent_requests_make_one_export(server):
    """
    Sixteen at once over real sockets: one id, sixteen times 202.
    """
    site = Site(server)
    answers = []

    def ask():
        answers.append(site.ask("POST", "/exports", json_body={}))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [202] * 16 == [answer.status for answer in answers]
    assert 1 == len({answer.json["id"] for answer in answers})


def test_pages_that_are_not_ours_go_to_the_host(server):
    """
    The API has its prefix and nothing beside it.
    """
    Site(server)

    for path in ("/", "/export", "/exports-of-ours", "/exportsx/y"):
        answer = server.ask("GET", path, {}, b"")
        assert (path, 404, b"") == (path, answer.status, answer.body)
