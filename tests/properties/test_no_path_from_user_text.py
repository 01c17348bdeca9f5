"""
No path from user text: what people type is refused by name or is nobody's, and storage is never asked.
"""

import re
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.house_rules import ANN, house
from tests.http_hosts import Recorded

from streampay_export import Actor, ExportService, Subject
from streampay_export.errors import InvalidRequest, InvalidTicket, NotFound
from streampay_export.http import HttpApi, Identity, Request

HOSTILE = (
    "../../etc/passwd", "..", ".", "/", "//", "a/../b", "..\\..\\boot.ini", "%2e%2e%2f", "%252e%252e%252f",
    "..%c0%af", "\0", "csv\0.json", "C:", "C:\\boot.ini", "c:csv", "\\\\server\\share", "//server/share",
    "\\\\?\\C:\\x", "file:///etc/passwd", "memory://x", "CON", "nul.csv", "csv::$DATA", "~root", "$HOME", "-rf",
    "csv ", " csv", "csv\n", "CSV", "csv\u200b", "\u202evsc", "\ud83d",
    "\uff43\uff53\uff56",  # csv, full width
    "\u0441sv",  # a Cyrillic c
    "\u217dsv",  # a Roman hundred
    "\u017felf",  # a long s, which folds to self
    "a" * 10_240, "\u00e9" * 10_240,
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from([*HOSTILE[:33], "csv", "self", "a"]), min_size=1, max_size=4).map("".join),
    st.text(min_size=1, max_size=40),
)
KNOWN = {"csv", "ndjson", "json", "self", "portability", "support", "auditor", "payouts"}
STORED = re.compile(r"[a-z2-7/0-9.-]+")


def for_hostile_texts(test):
    """
    Let a property hold for each hostile text, and for whatever else is found.
    """
    for text in HOSTILE:
        test = example(text=text)(test)
    return given(text=TEXTS)(test)


class Scene:
    """
    One deployment for all examples, whose storage remembers that it was asked.
    """

    def __init__(self):
        self.house, self.storage_calls = house(), []
        storage = Recorded(self.house.storage, "storage", self.storage_calls)
        self.service = ExportService(evolve(self.house.wiring, storage=storage))
        self.actor = Actor(id="ann")


@pytest.fixture(scope="module")
def scene():
    """
    The deployment.
    """
    return Scene()


@for_hostile_texts
def test_an_id_from_outside_is_an_id_or_nobodys(scene, text):
    """
    Whatever is given as the id of an export: there is no such export, or the ticket is not for it.
    """
    service, actor = scene.service, scene.actor
    for call in (
        lambda: service.status(actor, text),
        lambda: service.link(actor, text),
        lambda: service.delete(actor, text),
        lambda: service.extend(Actor(id="olga", capacity="operator"), text, "Why."),
    ):
        with pytest.raises(NotFound):
            call()
    for job_id in (text, "a" * 26):
        with pytest.raises(InvalidTicket):
            service.open(actor, job_id, text)

    assert [] == scene.storage_calls


@for_hostile_texts
def test_a_name_from_outside_is_one_we_know_or_refused_by_its_field(scene, text):
    """
    Formats, datasets, profiles and cursors: an error that names the parameter and cuts what was typed.
    """
    assume(text not in KNOWN)
    service, actor = scene.service, scene.actor
    for field, call in (
        ("formats", lambda: service.request(actor, ANN, formats=[text])),
        ("formats", lambda: service.request(actor, ANN, formats=["csv", text])),
        ("datasets", lambda: service.request(actor, ANN, datasets=[text])),
        ("profile", lambda: service.request(actor, ANN, profile=text)),
        ("profile", lambda: service.policy(text)),
        ("cursor", lambda: service.list(actor, cursor=text)),
    ):
        with pytest.raises(InvalidRequest) as wrong:
            call()
        assert (field, True) == (wrong.value.field, len(str(wrong.value)) < 600)

    assert [] == scene.storage_calls
    assert not scene.house.jobs.waiting()


@for_hostile_texts
def test_a_tenant_from_outside_is_a_plain_name(scene, text):
    """
    It becomes a part of storage keys: a-z, 0-9 and hyphens, or an error.
    """
    plain = re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", text, re.ASCII) is not None
    try:
        actor = Actor(id="ann", tenant=text)
    except InvalidRequest:
        assert not plain
    else:
        assert (plain, text) == (True, actor.tenant)


@given(text=st.sampled_from(HOSTILE) | TEXTS)
@settings(max_examples=30)
def test_a_persons_own_name_is_in_no_key_of_storage(scene, text):
    """
    An id or wallet that looks like a path is a valid one, or refused; where a copy lies says nothing of it.
    """
    made = house()
    try:
        actor, subject = Actor(id=text), Subject(text, (text[::-1],))
        made.service.request(actor, subject, idempotency_key=text[:255])
    except InvalidRequest:
        assert [] == list(made.storage.list())
        return
    made.worker.work()
    keys = [each.key for each in made.storage.list()]

    assert 1 == len(keys)
    assert all(STORED.fullmatch(key) and ".." not in key for key in keys)


@for_hostile_texts
def test_over_http_as_well(scene, text):
    """
    In every place of a path, a query and a body: a client's error and no other.
    """
    # These are no ids but pages that anybody may see.
    assume(text not in {"keys", "policy"})
    api = HttpApi(service=scene.service, identify=lambda _: Identity(scene.actor, ANN))
    typed = quote(text.encode("utf-8", "replace"), safe="")
    for method, path, query in (
        ("GET", f"/exports/{text}", ""),
        ("GET", f"/exports/{text}/download", f"ticket={typed}"),
        ("GET", "/exports", f"cursor={typed}"),
        ("GET", "/exports/policy", f"profile={typed}x"),
        ("POST", f"/exports/{text}/links", ""),
        ("DELETE", f"/exports/{text}", ""),
    ):
        response = api.handle(
            Request(
                method=method,
                path=path,
                query=query,
                headers={"Content-Type": "application/json"} if method == "POST" else {},
            )
        )
        assert (path, True) == (path, 400 <= response.status < 500)

    assert [] == scene.storage_calls
