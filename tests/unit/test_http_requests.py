"""
What is read from a request: content types, instants, preferences, and paths.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export import Actor, Subject
from streampay_export.errors import InvalidConfiguration, InvalidRequest, NotSignedIn
from streampay_export.http import HttpApi, Identity, Request
from streampay_export.http.negotiation import prefers_html
from streampay_export.http.refusals import MethodNotAllowed
from streampay_export.http.request_body import media_type, read_requested
from streampay_export.http.routing import Call, Route, find
from streampay_export.testing.deployment import MemoryDeployment


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("text/*", True),
        ("TEXT/HTML", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, text/html", False),
        ("application/json;q=0.5, text/html;q=0.6", True),
        ("text/html;q=0", False),
        ("text/html; charset=utf-8; q=1", True),
        ("*/*, text/html;q=0", False),
        ("text/html;q=much, application/json;q=0.1", False),
        ("text/html;q=9, application/json", False),
        ("text/html;q=nan, */*", False),
        ("image/png", False),
    ],
)
def test_html_is_for_who_prefers_it(accept, expected):
    """
    By quality, the most specific range deciding; JSON otherwise.
    """
    assert expected == prefers_html(accept)


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        (None, ""),
        ("application/json", "application/json"),
        ('Application/JSON ; Charset="UTF-8"', "application/json"),
        ("application/json; charset=latin-1", "application/json; latin-1"),
        ("text/plain;application/json", "text/plain"),
        ("application/json, text/plain", "application/json, text/plain"),
    ],
)
def test_a_media_type_is_read_to_its_charset(given_type, expected):
    """
    Another charset is another type, and two types are none of ours.
    """
    headers = {} if given_type is None else {"Content-Type": given_type}

    assert expected == media_type(Request(method="POST", path="/", headers=headers))


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused(body):
    """
    No bytes lead to anything but a request or a refusal that names a field.
    """
    field = ""
    try:
        read_requested(Request(method="POST", path="/", headers={"Content-Type": "application/json"}, body=body))
    except InvalidRequest as refused:
        field = refused.field
    assert bool(field) == (body.strip() != b"{}")


ROUTES = (
    Route("", {"GET": print}),
    Route("/policy", {"GET": print, "POST": print}),
    Route("/{id}", {"DELETE": print}),
    Route("/{id}/links", {"POST": print}),
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/exports", ("", "")),
        ("/exports/policy", ("/policy", "")),
        ("/exports/abc", ("/{id}", "abc")),
        ("/exports/", ("/{id}", "")),
        ("/exports/..", ("/{id}", "..")),
        ("/exports/a/links", ("/{id}/links", "a")),
        ("/exports//links", ("/{id}/links", "")),
        ("/exports/a/links/", None),
        ("/exports/a/b/c", None),
        ("/exportsabc", None),
        ("/export", None),
        ("/", None),
        ("", None),
        ("x/exports", None),
    ],
)
def test_a_path_is_split_at_its_slashes_and_no_further(path, expected):
    """
    An id is one segment, whatever it holds; a segment too many is no route.
    """
    found = find(ROUTES, "/exports", path)

    assert expected == (found and (found.route.path, found.job_id))


def test_get_answers_head_and_nothing_else_does():
    """
    Allow lists what a path takes, sorted.
    """
    assert print is ROUTES[0].handler("HEAD")
    with pytest.raises(MethodNotAllowed) as refused:
        ROUTES[1].handler("get")
    assert "GET, HEAD, POST" == refused.value.allow
    with pytest.raises(MethodNotAllowed) as refused:
        ROUTES[2].handler("HEAD")
    assert "DELETE" == refused.value.allow


def test_a_call_without_identity_has_nobody():
    """
    A handler that asks who it is on a public route gets a refusal, not `None`.
    """
    with pytest.raises(NotSignedIn):
        Call(request=Request(method="GET", path="/")).who  # noqa: B018  # asking is the test


@pytest.mark.parametrize("prefix", ["", "/", "exports", "/exports/", "/a//b", "/é", "/a b"])
def test_a_prefix_is_a_plain_path(prefix):
    """
    One that could never match, or would need escaping in Location, is refused when the API is made.
    """
    with pytest.raises(InvalidConfiguration, match="without a slash at its end"):
        HttpApi(service=MemoryDeployment().service, identify=lambda _: None, prefix=prefix)


def test_the_prefix_is_in_every_path_that_is_given_out():
    """
    An application may have its exports anywhere.
    """
    ann = Identity(Actor(id="ann"), Subject("ann"))
    api = HttpApi(service=MemoryDeployment().service, identify=lambda _: ann, prefix="/me/exports")
    answer = api.handle(
        Request(method="POST", path="/me/exports", headers={"Content-Type": "application/json"}, body=b"{}")
    )

    assert answer.header("Location").startswith("/me/exports/")
    assert 404 == api.handle(Request(method="GET", path="/exports")).status


def test_forms_are_refused_where_nothing_checks_them():
    """
    Without `check_form` only JSON deletes.
    """
    ann = Identity(Actor(id="ann"), Subject("ann"))
    api = HttpApi(service=MemoryDeployment().service, identify=lambda _: ann)
    statuses = [
        api.handle(Request(method="POST", path="/exports/abc/delete", headers={"Content-Type": kind})).status
        for kind in ("application/x-www-form-urlencoded", "application/json")
    ]

    assert [403, 404] == statuses


def test_a_login_that_fails_lets_nobody_in():
    """
    An error of the application's own is a 500, not an open door.
    """

    def identify(_):
        raise RuntimeError("session store")

    api = HttpApi(service=MemoryDeployment().service, identify=identify)

    assert 500 == api.handle(Request(method="GET", path="/exports")).status
