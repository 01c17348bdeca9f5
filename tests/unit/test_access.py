"""
Who gets past: the default authoriser, the grounds of others, to whom copies go, and what cannot be told apart.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import product

import pytest
from attrs import evolve
from tests.house_rules import ANN, PEOPLE, POWER_OF_ATTORNEY, house
from tests.http_hosts import Recorded

from streampay_export import (
    STREAMPAY,
    STREAMPAY_POLICIES,
    Access,
    Action,
    Actor,
    Allowed,
    Capacity,
    ExportService,
    Subject,
    owner_only,
)
from streampay_export._core.lifecycle import ACTIVE, State
from streampay_export._core.ticket import Purpose, Ticket, issue_ticket
from streampay_export.errors import InvalidRequest, NotFound
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON

READ = Action.READ
OWN = ["self", "portability", "portability_strict"]
OTHERS = ["support", "auditor", "of their own making"]
QUESTIONS = list(product(Capacity, Action, [True, False], [True, False]))


def allowed(profile, question):
    """
    What the default authoriser answers.
    """
    capacity, action, owns, requested = question
    actor = Actor(id="ann", capacity=capacity)
    return owner_only(Access(actor=actor, action=action, profile=profile, owns=owns, requested=requested))


@pytest.mark.parametrize("profile", OWN)
def test_a_person_has_their_own_copies_and_nobody_else_has(profile):
    """
    In the capacity of subject, and of their own history, whoever asked for it; in no other capacity.
    """
    assert {(Capacity.SUBJECT, True)} == {(q[0], q[2]) for q in QUESTIONS if allowed(profile, q)}


@pytest.mark.parametrize("profile", OTHERS)
def test_copies_for_staff_are_not_the_persons(profile):
    """
    Not even of their own history, and not even if they asked for it.
    """
    assert not any(allowed(profile, question) for question in QUESTIONS)


@pytest.mark.parametrize("profile", OWN)
def test_a_person_may_ask_for_each_of_their_copies(profile):
    """
    Asked for by the subject it is queued; by a person of another capacity, or of other's, it is not found.
    """
    house = MemoryDeployment({}, catalog=STREAMPAY, policies=STREAMPAY_POLICIES)
    assert profile == house.service.request(Actor(id="ann"), Subject("ann"), profile=profile).export.profile
    for actor in (Actor(id="bob"), Actor(id="ann", capacity=Capacity.REPRESENTATIVE)):
        with pytest.raises(NotFound):
            house.service.request(actor, Subject("ann"), profile=profile)


# --- the grounds of whoever is not the subject -------------------------------------------------------------------


def test_who_represents_somebody_does_it_on_recorded_grounds():
    """
    Relation, basis, evidence and end are in every entry of what the representative does, and nobody's id is.
    """
    h = house()
    job_id = h.service.request(PEOPLE["representative"], ANN).export.id
    h.worker.work()
    download(h, PEOPLE["representative"], job_id)
    theirs = [each for each in h.audit.entries("default", job_id) if each.capacity == "representative"]
    grounds = {
        "relation": "lawyer",
        "basis": "power of attorney",
        "evidence": "case 4711",
        "allowed_until": "2026-02-01T12:00:00.000000Z",
    }

    assert ["requested", "link_issued", "download_authorised", "download_finished"] == [e.event for e in theirs]
    assert all(grounds.items() <= each.facts.items() for each in theirs)
    assert "rob" not in repr(theirs)


def test_each_who_uses_one_link_is_recorded():
    """
    A person hands their link to their lawyer: both downloads are in the trail, and a repeated one is not twice.
    """
    h = house()
    job_id = h.service.request(PEOPLE["owner"], ANN).export.id
    h.worker.work()
    ticket = h.service.link(PEOPLE["owner"], job_id).url.split("ticket=")[1]
    for who in ("owner", "representative", "owner"):
        assert b"".join(h.service.open(PEOPLE[who], job_id, ticket).read())

    assert [
        ("download_authorised", "subject"),
        ("download_finished", "subject"),
        ("download_authorised", "representative"),
        ("download_finished", "representative"),
    ] == [(each.event, each.capacity) for each in h.audit.entries("default", job_id)][-4:]


def test_what_staff_do_about_a_request_is_recorded_with_its_grounds():
    """
    Operators are named, and say why.
    """
    h = house()
    job_id = h.service.request(PEOPLE["owner"], ANN).export.id
    h.service.refuse(PEOPLE["operator"], job_id, "It is the ninth.", "You may complain.")
    (refused,) = (each for each in h.audit.entries("default", job_id) if each.event == "refused")

    assert ("olga", "support case", "case 12") == (refused.actor, refused.facts["basis"], refused.facts["evidence"])


def test_grounds_end_at_their_end_and_no_sooner():
    """
    Asked at each access: a microsecond before it is theirs, from then on there is no such export.
    """
    h = house()
    job_id = h.service.request(PEOPLE["representative"], ANN).export.id
    h.clock.advance(timedelta(days=30) - timedelta(microseconds=1))
    assert job_id == h.service.status(PEOPLE["representative"], job_id).id
    h.clock.advance(timedelta(microseconds=1))
    for _ in range(2):
        with pytest.raises(NotFound):
            h.service.status(PEOPLE["representative"], job_id)
    assert () == h.service.list(PEOPLE["representative"]).items


@pytest.mark.parametrize("answer", [True, *(evolve(POWER_OF_ATTORNEY, **{each: None}) for each in ["until"])])
def test_a_representative_without_all_grounds_is_not_let_in(answer):
    """
    A bare yes is none, and neither is one without an end.
    """
    with pytest.raises(NotFound):
        house(authorize=lambda _: answer).service.request(PEOPLE["representative"], ANN)


@pytest.mark.parametrize("missing", ["relation", "basis", "evidence"])
def test_a_representative_with_an_empty_ground_is_not_let_in(missing):
    """
    Who says not what they are, why they may, or where that is to be seen.
    """
    with pytest.raises(NotFound):
        house(authorize=lambda _: evolve(POWER_OF_ATTORNEY, **{missing: ""})).service.request(
            PEOPLE["representative"], ANN
        )


@pytest.mark.parametrize("answer", [1, "yes", None, Allowed, object()])
def test_only_a_yes_is_a_yes(answer):
    """
    Anything but `True` and `Allowed` refuses, whatever its truth value is.
    """
    with pytest.raises(NotFound):
        house(authorize=lambda _: answer).service.request(PEOPLE["owner"], ANN)


@pytest.mark.parametrize(
    "wrong",
    [{"evidence": "x" * 201}, {"relation": "a\nb"}, {"basis": "\0"}, {"until": datetime(2026, 1, 1)}],  # noqa: DTZ001
)
def test_grounds_are_short_texts_and_an_instant(wrong):
    """
    They go into a trail that is never changed; and what an authoriser cannot say is a no.
    """
    with pytest.raises(InvalidRequest):
        Allowed(**wrong)
    with pytest.raises(NotFound):
        house(authorize=lambda _: Allowed(**wrong)).service.request(PEOPLE["owner"], ANN)


def test_an_authoriser_can_tell_whose_history_it_is():
    """
    By a person's id; of an id that does not exist it is nobody's, and the tenant's own person is not another's.
    """
    asked = []

    def listening(access):
        asked.append([access.about(each) for each in ("ann", "bob", "")])
        return owner_only(access)

    h = house(authorize=listening)
    job_id = h.service.request(PEOPLE["owner"], ANN).export.id
    h.service.status(PEOPLE["owner"], job_id)
    h.service.trail(PEOPLE["owner"])
    for actor, wanted in ((PEOPLE["owner"], "a" * 26), (PEOPLE["other tenant"], job_id)):
        with pytest.raises(NotFound):
            h.service.status(actor, wanted)

    assert [[True, False, False]] * 3 + [[False] * 3] * 2 == asked
    made_up = Access(actor=PEOPLE["owner"], action=READ, profile="self", owns=True, requested=True)
    assert not made_up.about("ann")  # nobody's, where a test says nothing


# --- the subject is told -----------------------------------------------------------------------------------------


def test_the_subject_sees_what_others_had_made():
    """
    In status and list with the capacity of whoever asked, and in their trail; support copies only in the trail.
    """
    h = house()
    job_id = h.service.request(PEOPLE["representative"], ANN).export.id
    support = h.service.request(PEOPLE["operator"], ANN, profile="support").export.id
    (listed,) = h.service.list(PEOPLE["owner"]).items

    assert (job_id, "representative") == (listed.id, listed.capacity)
    assert "representative" == h.service.status(PEOPLE["owner"], job_id).capacity
    assert {(job_id, "self", "representative"), (support, "support", "operator")} == {
        (item.job_id, item.profile, item.capacity)
        for item in h.service.trail(PEOPLE["owner"])
        if item.event == "requested"
    }


# --- to whom a copy goes, whatever the authoriser says -----------------------------------------------------------


def test_copies_go_where_they_belong_even_if_the_authoriser_lets_everybody_in():
    """
    A person's copies to the person or a representative, or to the operator who had them made; those of staff
    to the one who asked.
    """
    h = house(authorize=lambda _: POWER_OF_ATTORNEY)
    colleagues = {"olaf": Actor(id="olaf", capacity="operator"), "aida": Actor(id="aida", capacity="auditor")}
    made = {
        "ann's": h.service.request(PEOPLE["owner"], ANN).export.id,
        "olga's own": h.service.request(PEOPLE["operator"], ANN, profile="portability").export.id,
        "support": h.service.request(PEOPLE["operator"], ANN, profile="support").export.id,
        "auditor": h.service.request(PEOPLE["auditor"], ANN, profile="auditor").export.id,
    }
    while h.worker.work():
        pass
    everybody = {**PEOPLE, **colleagues}
    reached = {name: {who for who in everybody if reaches(h, everybody[who], made[name])} for name in made}
    seen = {name: {who for who in everybody if reaches(h, everybody[who], made[name], READ)} for name in made}

    assert {
        "ann's": {"owner", "representative"},
        "olga's own": {"owner", "representative", "operator"},
        "support": {"operator"},
        "auditor": {"auditor"},
    } == reached
    # Operators may be allowed to look at the state of what a person asked for.
    assert {
        **reached,
        "ann's": {*reached["ann's"], "operator", "olaf"},
        "olga's own": {*reached["olga's own"], "olaf"},
    } == seen


@pytest.mark.parametrize("profile", ["self", "portability", "support"])
def test_an_auditor_asks_for_auditor_copies_and_no_others(profile):
    """
    Whatever the authoriser says.
    """
    with pytest.raises(NotFound):
        house(authorize=lambda _: True).service.request(PEOPLE["auditor"], ANN, profile=profile)


def test_a_member_of_staff_is_not_the_customer_of_the_same_id():
    """
    What Ann asks for at work and what she asks for at home are two exports, and no list has both.
    """
    h = house(authorize=lambda access: access.owns or access.requested)
    at_home, at_work = Actor(id="ann"), Actor(id="ann", capacity=Capacity.OPERATOR)
    own = h.service.request(at_home, ANN, idempotency_key="k").export.id
    support = h.service.request(at_work, ANN, idempotency_key="k").export.id

    assert own != support
    assert [support] == [each.id for each in h.service.list(at_work).items]
    with pytest.raises(NotFound):
        h.service.status(at_work, own)


def test_many_requests_at_once_make_one_export_for_each_who_asks():
    """
    Thirty-two at once, four in each of eight names, capacities, profiles and tenants: eight ids.
    """
    h = house(authorize=lambda _: POWER_OF_ATTORNEY)
    asking = [
        (PEOPLE["owner"], ANN, "self"),
        (PEOPLE["owner"], ANN, "portability"),
        (PEOPLE["representative"], ANN, "self"),
        (PEOPLE["other"], Subject("bob"), "self"),
        (PEOPLE["operator"], ANN, "self"),
        (PEOPLE["operator"], ANN, "support"),
        (Actor(id="ann", capacity=Capacity.OPERATOR), ANN, "support"),
        (PEOPLE["other tenant"], ANN, "self"),
    ]

    def ask(number):
        actor, subject, profile = asking[number % 8]
        return h.service.request(actor, subject, profile=profile).export.id

    with ThreadPoolExecutor(32) as pool:
        ids = list(pool.map(ask, range(32)))

    assert 8 == len(set(ids))
    assert [1] * 8 == [len(set(ids[number::8])) for number in range(8)]


# --- what cannot be told apart -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["owner", "representative", "other", "operator", "auditor", "other tenant"])
def test_what_is_not_yours_takes_the_same_steps_as_what_does_not_exist(who):
    """
    Unknown, foreign, another tenant's, erased: by every call the same error after the same calls of every port.
    """
    h, calls = recorded_house()
    actor = PEOPLE[who]
    ids = {
        "unknown": "a" * 26,
        "foreign": h.service.request(Actor(id="zoe"), Subject("zoe")).export.id,
        "elsewhere": h.service.request(Actor(id="zoe", tenant="third"), Subject("zoe")).export.id,
        "erased": h.service.request(PEOPLE["owner"], ANN).export.id,
    }
    h.jobs.end("default", ids["erased"], expected=ACTIVE, state=State.ERASED)
    # An operator of this house may handle every export and revoke its links: none is foreign to them.
    staff = {"extend", "pause", "resume", "refuse", "revoke_link", "revoke_export"}
    for name, call in calls_of(h, actor).items():
        seen = set()
        for kind, job_id in ids.items():
            if who != "operator" or kind != "foreign" or name not in staff:
                calls.clear()
                with pytest.raises(NotFound) as refused:
                    call(job_id)
                seen.add((type(refused.value), str(refused.value), tuple(calls)))
        assert (name, 1) == (name, len(seen))
        assert not [each for each in calls if each.startswith(("storage", "links", "keys", "source"))]


# --- how they do it ----------------------------------------------------------------------------------------------


def download(h, actor, job_id):
    """
    Get a link and read every byte.
    """
    ticket = h.service.link(actor, job_id).url.split("ticket=")[1]
    return b"".join(h.service.open(actor, job_id, ticket).read())


def reaches(h, actor, job_id, action=Action.DOWNLOAD):
    """
    Whether an actor gets the bytes of an export, or sees its state.
    """
    try:
        return bool(h.service.status(actor, job_id) if action is READ else download(h, actor, job_id))
    except NotFound:
        return False


def recorded_house():
    """
    A deployment whose every port notes which of its methods are called, in one list.
    """
    h, calls = house(), []
    names = ("jobs", "storage", "audit", "keys", "tagger", "tickets", "links", "dispatcher", "source")
    ports = {name: Recorded(getattr(h.wiring, name), name, calls) for name in names}
    alone = ("authorize", "make_id", "randomness", "clock", "sealer")
    ports |= {name: noted(getattr(h.wiring, name), name, calls) for name in alone}
    h.wiring = evolve(h.wiring, **ports, outbox=ports["jobs"])
    h.service = ExportService(h.wiring)
    return h, calls


def noted(port, name, calls):
    """
    A port of one call, noting it.
    """

    def call(*args):
        calls.append(name)
        return port(*args)

    return call


def calls_of(h, actor):
    """
    Every call of the service that takes an id, as a function of the id; with tickets that are genuine.
    """
    service = h.service

    def token(job_id, purpose):
        ticket = Ticket(job_id=job_id, purpose=purpose, link_id="b" * 26, expires_at=NOON)
        return issue_ticket(ticket, tenant=actor.tenant, realm=h.wiring.realm, sign=h.wiring.tickets.sign)

    return {
        "status": lambda job_id: service.status(actor, job_id),
        "link": lambda job_id: service.link(actor, job_id),
        "open": lambda job_id: service.open(actor, job_id, token(job_id, Purpose.DOWNLOAD)),
        "open_link": lambda job_id: service.open_link(actor, job_id),
        "look": lambda job_id: service.look(actor, job_id, token(job_id, Purpose.OPEN)),
        "begin": lambda job_id: service.begin(actor, job_id, token(job_id, Purpose.OPEN)),
        "delete": lambda job_id: service.delete(actor, job_id),
        "extend": lambda job_id: service.extend(actor, job_id, "Why."),
        "pause": lambda job_id: service.pause(actor, job_id),
        "resume": lambda job_id: service.resume(actor, job_id),
        "refuse": lambda job_id: service.refuse(actor, job_id, "Why.", "Complain."),
        "revoke_link": lambda job_id: service.revoke_link(actor, job_id, "b" * 26, "Why."),
        "revoke_export": lambda job_id: service.revoke_export(actor, job_id, "Why."),
    }
