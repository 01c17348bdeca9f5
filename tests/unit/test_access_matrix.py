"""
Who reaches what: every public method of the service and every route of the HTTP API, for everybody.

A new method or route fails here until the tables say who may have it.
"""

import json
from datetime import timedelta
from inspect import isfunction

import pytest
from tests.house_rules import ANN, PEOPLE, fresh, house

from streampay_export import ExportService
from streampay_export._core.lifecycle import ACTIVE, State
from streampay_export.errors import AccessRefused
from streampay_export.http import HttpApi, Identity, Request
from streampay_export.ports.erasure import AfterErasure

ASKED_BY = {"self": "owner", "support": "operator", "auditor": "auditor"}
"""Three copies of Ann's history, and who asked for each."""

EVERYBODY = frozenset({*PEOPLE, "nobody"})
THEIRS = {"self": {"owner", "representative"}, "support": {"operator"}, "auditor": {"auditor"}}
STAFF = dict.fromkeys(ASKED_BY, frozenset({"operator"}))
OPEN = dict.fromkeys(ASKED_BY, EVERYBODY)

SERVICE = {
    # Each tenant has an Ann of its own, who may ask for what is hers.
    "request": {**THEIRS, "self": {"owner", "representative", "other tenant"}},
    "status": THEIRS,
    # One's own, and what one asked for.
    "list": {**THEIRS, "self": {"owner"}},
    "link": THEIRS,
    "open": THEIRS,
    "open_link": THEIRS,
    "look": THEIRS,
    "begin": THEIRS,
    # Of the page that it was given out with, to that person.
    "is_form_token": {profile: {who} for profile, who in ASKED_BY.items()},
    "delete": THEIRS,
    # Ann's trail says that others asked about her, whatever became of their copies.
    "trail": dict.fromkeys(ASKED_BY, frozenset({"owner"})),
    "extend": STAFF,
    "pause": STAFF,
    "resume": STAFF,
    "refuse": STAFF,
    "revoke_link": STAFF,
    "revoke_export": STAFF,
    "revoke_subject": STAFF,
    "revoke_all": STAFF,
    "erase": STAFF,
    "replay_erasures": STAFF,
    "policy": OPEN,
    "policy_document": OPEN,
    "public_keys": OPEN,
}
"""Of each public method: who reaches a copy with it."""

ROUTES = {
    ("GET", ""): "list",
    ("POST", ""): "request",
    ("GET", "/policy"): "policy",
    ("GET", "/keys"): "public_keys",
    ("GET", "/{id}"): "status",
    ("DELETE", "/{id}"): "delete",
    ("POST", "/{id}/links"): "link",
    ("GET", "/{id}/download"): "open",
    ("GET", "/{id}/open"): "look",
    ("POST", "/{id}/open"): "begin",
    ("POST", "/{id}/delete"): "delete",
}
"""Of each route: the method whose row holds for it."""


class Scene:
    """
    A deployment with one copy of Ann's history, made anew when somebody has reached it.
    """

    def __init__(self, profile):
        # Whoever was erased comes back, so that the next one may try.
        self.house = house(after_erasure=lambda *_: AfterErasure.RETURNED)
        self.service = self.house.service
        self.profile = profile
        self.asker = PEOPLE[ASKED_BY[profile]]
        self.job_id = ""

    def make(self, *, ready):
        """
        Make the copy, ready or queued, and nothing else that is active.
        """
        for job in self.house.jobs.waiting():
            self.house.jobs.end(job.tenant, job.id, expected=ACTIVE, state=State.CANCELLED)
        self.job_id = self.service.request(self.asker, ANN, profile=self.profile).export.id
        if ready:
            self.house.worker.work()

    def ticket(self, kind="link"):
        """
        The ticket of a genuine link, or with `open_link` of a mailed one.
        """
        return getattr(self.service, kind)(self.asker, self.job_id).url.split("ticket=")[1]

    def form(self):
        """
        The ticket and the form token of the page of a mailed link.
        """
        ticket = self.ticket("open_link")
        return ticket, self.service.look(self.asker, self.job_id, ticket).form_token

    def erase(self, who):
        """
        Erase Ann; a moment later she is back.
        """
        receipt = self.service.erase(who, ANN, basis="GDPR Art. 17(1)(b)")
        self.house.clock.advance(timedelta(seconds=1))
        return receipt

    def person(self, who):
        """
        Who is signed in, a moment ago; nobody is nobody.
        """
        return fresh(PEOPLE[who], self.house) if who in PEOPLE else None


CALLS = {
    "request": lambda s, who: s.service.request(who, ANN, profile=s.profile),
    "status": lambda s, who: s.service.status(who, s.job_id),
    "list": lambda s, who: [each for each in s.service.list(who).items if each.id == s.job_id],
    "link": lambda s, who: s.service.link(who, s.job_id),
    "open": lambda s, who: b"".join(s.service.open(who, s.job_id, s.ticket()).read()),
    "open_link": lambda s, who: s.service.open_link(who, s.job_id),
    "look": lambda s, who: s.service.look(who, s.job_id, s.ticket("open_link")),
    "begin": lambda s, who: s.service.begin(who, s.job_id, s.ticket("open_link")),
    "is_form_token": lambda s, who: s.service.is_form_token(who, *s.form()),
    "delete": lambda s, who: s.service.delete(who, s.job_id),
    "trail": lambda s, who: [each for each in s.service.trail(who) if each.job_id == s.job_id],
    "extend": lambda s, who: s.service.extend(who, s.job_id, "Why."),
    "pause": lambda s, who: s.service.pause(who, s.job_id),
    "resume": lambda s, who: s.service.resume(who, s.job_id),
    "refuse": lambda s, who: s.service.refuse(who, s.job_id, "Why.", "Complain."),
    "revoke_link": lambda s, who: [s.service.revoke_link(who, s.job_id, "b" * 26, "Why.")],
    "revoke_export": lambda s, who: [s.service.revoke_export(who, s.job_id, "Why.")],
    "revoke_subject": lambda s, who: [s.service.revoke_subject(who, ANN, "Why.")],
    "revoke_all": lambda s, who: [s.service.revoke_all(who, "Why.")],
    "erase": lambda s, who: s.erase(who),
    "replay_erasures": lambda s, who: [s.service.replay_erasures(who)],
    "policy": lambda s, _: s.service.policy(s.profile),
    "policy_document": lambda s, _: s.service.policy_document(),
    "public_keys": lambda s, _: s.service.public_keys(),
}
"""How each method is called; true when it reached the copy."""

TICKETED = dict.fromkeys(("/{id}/download", "/{id}/open"), frozenset({("other tenant", 403)}))
"""A ticket is of one tenant: for another it is none, before anything is looked up."""

QUEUED = {"extend", "pause", "resume", "refuse"}


def reached(scene, call, who):
    """
    Whether this person reaches the copy. Whoever is nobody cannot even ask.
    """
    try:
        return bool(call(scene, scene.person(who)))
    except AccessRefused:
        return False
    except AttributeError:
        if who == "nobody":
            return False
        raise


def test_every_public_method_has_a_row():
    """
    A method that nobody has thought about fails: say who may have it, and how it is called.
    """
    public = {name for name, found in vars(ExportService).items() if isfunction(found) and not name.startswith("_")}

    assert public == set(SERVICE) == set(CALLS)


@pytest.mark.parametrize("name", SERVICE)
def test_a_method_reaches_a_copy_for_whom_the_table_says(name):
    """
    For each of three copies: everybody tries, and exactly those of the row get there.
    """
    for profile, expected in SERVICE[name].items():
        scene = Scene(profile)
        got_there = set()
        scene.make(ready=name not in QUEUED)
        for who in sorted(EVERYBODY):
            if reached(scene, CALLS[name], who):
                got_there.add(who)
                scene.make(ready=name not in QUEUED)
        assert (profile, expected) == (profile, got_there)


# --- the same over HTTP ------------------------------------------------------------------------------------------


def api_of(scene):
    """
    The HTTP API over a scene, by a host so careless that everybody asks about Ann.
    """

    def identify(request):
        person = scene.person(request.headers.get("X-User") or "nobody")
        return person and Identity(person, ANN)

    return HttpApi(service=scene.service, identify=identify, check_form=lambda _: True)


def ask(scene, route, who):
    """
    Ask as somebody; an empty list and an answer without the copy are no way to it.
    """
    method, path = route
    kinds = {"/{id}/download": "link", "/{id}/open": "open_link"}
    form = "application/x-www-form-urlencoded"
    asked = Request(
        method=method,
        path=f"/exports{path}".replace("{id}", scene.job_id),
        query=f"ticket={scene.ticket(kinds[path])}" if path in kinds else f"profile={scene.profile}",
        headers={
            "X-User": who,
            **(
                {"Content-Type": form if path == "/{id}/delete" else "application/json"} if method == "POST" else {}
            ),
        },
        body=json.dumps({"profile": scene.profile}).encode() if route == ("POST", "") else b"",
    )
    response = api_of(scene).handle(asked)
    body = b"".join(response.chunks())
    response.close()
    return response.status, body


def test_every_route_has_a_row():
    """
    A route that nobody has thought about fails: say which method's row holds for it.
    """
    routes = {(method, route.path) for route in api_of(Scene("self"))._routes for method in route.handlers}

    assert routes == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_a_route_reaches_a_copy_for_whom_the_table_says(route):
    """
    As its method does; nobody is 401, and everybody else who does not get there 404 (with a ticket for others 403).
    """
    for profile, expected in SERVICE[ROUTES[route]].items():
        scene = Scene(profile)
        got_there, refused = set(), set()
        scene.make(ready=True)
        for who in sorted(EVERYBODY):
            status, body = ask(scene, route, who)
            if status < 400 and (route != ("GET", "") or scene.job_id.encode() in body):
                got_there.add(who)
                scene.make(ready=True)
            elif status >= 400:
                refused.add((who if status in {401, 403} else "", status))
        assert (profile, expected) == (profile, got_there)
        assert refused <= {
            ("", 404),
            ("nobody", 401),
            *TICKETED.get(route[1], ()),
        }
