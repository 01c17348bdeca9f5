"""
Open links, their sessions and counts, and taking links back.
"""

import hashlib
import re
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export import Action, Actor, Capacity, Subject, owner_only
from streampay_export._core.lifecycle import State
from streampay_export.errors import (
    AuditUnavailable,
    ExportGone,
    ExportNotReady,
    InvalidConfiguration,
    InvalidRequest,
    InvalidTicket,
    NotFound,
    StepUpRequired,
    StorageUnavailable,
    TicketExpired,
)
from streampay_export.http.downloading import download_response
from streampay_export.http.message import Request
from streampay_export.service import ExportService
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import ManualClock

ALICE, BOB = Actor(id="alice"), Actor(id="bob")
STAFF = Actor(id="desk", capacity=Capacity.OPERATOR)
HOUR = timedelta(hours=1)
WHY = "A laptop was stolen."


def staff_may_revoke(access):
    """
    Owners, and operators who revoke.
    """
    operator = access.actor.capacity is Capacity.OPERATOR and access.action is Action.REVOKE
    return owner_only(access) or operator


def payouts(count):
    """
    Payouts from alice to bob, in key order.
    """
    return [
        {
            "id": number,
            "requested_at": f"2025-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000000",
            "payer": "alice",
            "payee": "bob",
            "amount": "1.25",
            "note": f"note {number}",
        }
        for number in range(count)
    ]


def incompressible(count):
    """
    Payouts whose notes make a bundle of several chunks of 64 KiB.
    """
    return [
        {**row, "note": hashlib.shake_256(bytes([i % 256, i // 256])).hexdigest(2000)}
        for i, row in enumerate(payouts(count))
    ]


@pytest.fixture
def house():
    """
    A deployment with some payouts.
    """
    return MemoryDeployment({"payouts": payouts(3)}, authorize=staff_may_revoke)


def ready(house, actor=ALICE):
    """
    Request and work off an export; return its id.
    """
    job_id = house.service.request(actor, Subject(actor.id)).export.id
    house.worker.work()
    return job_id


def ticket(link):
    """
    Return the ticket in a link.
    """
    return link.url.partition("ticket=")[2]


def events(house, event):
    """
    Return the recorded entries of one kind.
    """
    return [entry for entry in house.audit.entries("default") if entry.event == event]


# --- open links --------------------------------------------------------------------------------------------------


def test_an_open_link_leads_to_a_download(house):
    """
    It is shown, begun and downloaded by its person; what was issued and from what is recorded.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id)
    shown = house.service.look(ALICE, job_id, ticket(mailed))
    begun = house.service.begin(ALICE, job_id, ticket(mailed))
    download = house.service.open(ALICE, job_id, ticket(begun))

    assert f"/exports/{job_id}/open?ticket=" in mailed.url
    assert f"/exports/{job_id}/download?ticket=" in begun.url
    assert (job_id, State.READY) == (shown.export.id, shown.export.state)
    assert download.size == len(b"".join(download.read()))
    assert [("open", None), ("download", mailed.id)] == [
        (entry.facts["purpose"], entry.facts.get("opened_from")) for entry in events(house, "link_issued")
    ]


def test_an_open_link_lives_as_long_as_the_file(house):
    """
    A second before the end it begins a download, which ends with the file; at the end nothing is left.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id)
    expires_at = house.service.status(ALICE, job_id).expires_at
    house.clock.advance(timedelta(days=7, seconds=-1))
    begun = house.service.begin(ALICE, job_id, ticket(mailed))
    download = house.service.open(ALICE, job_id, ticket(begun))

    assert [expires_at] * 2 == [mailed.expires_at, begun.expires_at]
    house.clock.advance(timedelta(seconds=1))
    for call, token in ((house.service.look, mailed), (house.service.begin, mailed), (house.service.open, begun)):
        with pytest.raises(TicketExpired):
            call(ALICE, job_id, ticket(token))
    chunks = download.read()
    next(chunks, None)
    with pytest.raises(ExportGone):
        download._require_still_allowed()


def test_an_open_link_is_nothing_without_its_person(house):
    """
    Whoever else is signed in is told what an unknown id is told; nothing is counted.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id, limit=1)
    for call in (house.service.look, house.service.begin):
        with pytest.raises(NotFound):
            call(BOB, job_id, ticket(mailed))
        with pytest.raises(InvalidTicket):
            call(Actor(id="alice", tenant="other"), job_id, ticket(mailed))

    assert house.service.begin(ALICE, job_id, ticket(mailed))


def test_tickets_are_good_for_their_own_purpose(house):
    """
    A mailed ticket downloads nothing by itself, and a download's opens no page.
    """
    job_id = ready(house)
    mailed, link = house.service.open_link(ALICE, job_id), house.service.link(ALICE, job_id)
    for call, token in ((house.service.open, mailed), (house.service.look, link), (house.service.begin, link)):
        with pytest.raises(InvalidTicket):
            call(ALICE, job_id, ticket(token))


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_is_a_number_of_downloads(house, limit):
    """
    From 1 to 1,000; anything else is refused by its name.
    """
    with pytest.raises(InvalidRequest, match="limit"):
        house.service.open_link(ALICE, ready(house), limit=limit)


def test_a_link_begins_as_many_downloads_as_it_may(house):
    """
    Looking counts nothing, nor do retries in a session; another link costs nothing while the file is there.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id, limit=1)
    for _ in range(3):
        house.service.look(ALICE, job_id, ticket(mailed))
    begun = house.service.begin(ALICE, job_id, ticket(mailed))
    for _ in range(3):
        house.service.open(ALICE, job_id, ticket(begun))
    for call in (house.service.look, house.service.begin):
        with pytest.raises(TicketExpired):
            call(ALICE, job_id, ticket(mailed))

    assert house.service.begin(ALICE, job_id, ticket(house.service.open_link(ALICE, job_id, limit=1)))


def test_who_comes_second_is_refused_by_the_store(house, monkeypatch):
    """
    Two looked and both may; the statement that counts lets one begin.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id, limit=1)
    house.service.begin(ALICE, job_id, ticket(mailed))
    really = house.jobs.may_open
    answers = iter([True])
    monkeypatch.setattr(house.jobs, "may_open", lambda *names: next(answers, None) or really(*names))

    with pytest.raises(TicketExpired):
        house.service.begin(ALICE, job_id, ticket(mailed))


def test_an_export_that_ends_meanwhile_is_gone(house, monkeypatch):
    """
    It was ready when it was looked up, and is not when the link is stored: no link.
    """
    job_id = ready(house)
    monkeypatch.setattr(house.jobs, "add_link", lambda *_, **__: False)
    for call in (house.service.link, house.service.open_link):
        with pytest.raises(ExportGone):
            call(ALICE, job_id)


def test_a_begun_download_has_five_minutes_to_start_and_an_hour_to_end(house):
    """
    From the button on, as from any link.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id)
    late, used = (house.service.begin(ALICE, job_id, ticket(mailed)) for _ in range(2))
    house.clock.advance(timedelta(minutes=4, seconds=59))
    house.service.open(ALICE, job_id, ticket(used))
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(TicketExpired):
        house.service.open(ALICE, job_id, ticket(late))
    house.clock.advance(HOUR - timedelta(seconds=2))

    assert house.service.open(ALICE, job_id, ticket(used))
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(TicketExpired):
        house.service.open(ALICE, job_id, ticket(used))


def test_refusals_come_in_their_order(house):
    """
    A deleted export is gone while its ticket lasts; one that is not ready, whatever made it so, is not ready.
    """
    job_id, other = ready(house), ready(house, BOB)
    mailed, bobs = house.service.open_link(ALICE, job_id), house.service.open_link(BOB, other)
    house.service.delete(ALICE, job_id)
    with pytest.raises(ExportGone):
        house.service.look(ALICE, job_id, ticket(mailed))
    with pytest.raises(ExportGone):
        house.service.open_link(ALICE, job_id)
    # As after an older database was restored.
    job = house.jobs.get("default", other)
    house.jobs._jobs["default", other] = evolve(job, state=State.QUEUED)
    with pytest.raises(ExportNotReady):
        house.service.look(BOB, other, ticket(bobs))


def test_without_audit_no_link_is_given_and_nothing_begins(house):
    """
    The page is still shown: it hands out nothing.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id, limit=1)
    house.audit.down = True
    with pytest.raises(AuditUnavailable):
        house.service.open_link(ALICE, job_id)
    with pytest.raises(AuditUnavailable):
        house.service.begin(ALICE, job_id, ticket(mailed))
    assert house.service.look(ALICE, job_id, ticket(mailed))
    house.audit.down = False

    assert house.service.begin(ALICE, job_id, ticket(mailed))


def test_a_mail_needs_no_fresh_proof_and_the_button_does():
    """
    With step-up before downloads, an open link is given and shown without; nothing begins.
    """
    house = MemoryDeployment({"payouts": payouts(1)})
    job_id = ready(house)
    fresh = evolve(house.wiring, step_up=evolve(house.wiring.step_up, download=timedelta(minutes=5)))
    service = ExportService(fresh)
    mailed = service.open_link(ALICE, job_id)
    service.look(ALICE, job_id, ticket(mailed))

    with pytest.raises(StepUpRequired):
        service.begin(ALICE, job_id, ticket(mailed))
    proven = evolve(ALICE, authenticated_at=house.clock())
    assert service.begin(proven, job_id, ticket(mailed))


def test_a_form_token_is_one_persons_for_one_link(house):
    """
    Another person's, another link's and an altered one are refused.
    """
    job_id = ready(house)
    mailed, other = (ticket(house.service.open_link(ALICE, job_id)) for _ in range(2))
    token = house.service.look(ALICE, job_id, mailed).form_token

    assert house.service.is_form_token(ALICE, mailed, token)
    for actor, link, given in (
        (BOB, mailed, token),
        (evolve(ALICE, tenant="other"), mailed, token),
        (ALICE, other, token),
        (ALICE, mailed, token[:-1]),
        (ALICE, mailed, token.upper()),
        (ALICE, mailed, ""),
        (ALICE, mailed, "\udc80"),
    ):
        assert not house.service.is_form_token(actor, link, given)


# --- links that need nobody signed in -----------------------------------------------------------------------------

BEARER = Actor(id="bearer", capacity=Capacity.BEARER)


@pytest.fixture
def open_house():
    """
    A deployment whose links may need nobody, and whose authoriser says yes to everything.
    """
    return MemoryDeployment({"payouts": payouts(3)}, authorize=lambda _: True, bearer_life=timedelta(hours=24))


def test_links_need_somebody_unless_said_otherwise(house):
    """
    By default a bearer link is not made, and one that is genuine all the same is not valid.
    """
    job_id = ready(house)
    with pytest.raises(InvalidConfiguration, match="bearer_life"):
        house.service.open_link(ALICE, job_id, bearer=True)
    before = ExportService(evolve(house.wiring, bearer_life=timedelta(hours=1)))
    mailed = ticket(before.open_link(ALICE, job_id, bearer=True))
    begun = ticket(before.begin(BEARER, job_id, mailed))
    for call, token in ((house.service.look, mailed), (house.service.begin, mailed), (house.service.open, begun)):
        with pytest.raises(InvalidTicket):
            call(BEARER, job_id, token)


def test_a_bearer_link_is_short_and_counted(open_house):
    """
    One download unless a number is given, and a day at most; the audit says that nobody in particular had it.
    """
    service, job_id = open_house.service, ready(open_house)
    mailed = service.open_link(ALICE, job_id, bearer=True)
    assert service.look(BEARER, job_id, ticket(mailed)).bearer
    begun = service.begin(BEARER, job_id, ticket(mailed))
    download = service.open(BEARER, job_id, ticket(begun))

    assert download.size == len(b"".join(download.read()))
    assert open_house.clock() + timedelta(hours=24) == mailed.expires_at
    with pytest.raises(TicketExpired):
        service.begin(BEARER, job_id, ticket(mailed))
    (authorised,) = events(open_house, "download_authorised")
    assert "bearer" == authorised.capacity
    late = service.open_link(ALICE, job_id, bearer=True, limit=2)
    open_house.clock.advance(timedelta(hours=24))
    with pytest.raises(TicketExpired):
        service.look(BEARER, job_id, ticket(late))


def test_a_bearer_link_outlives_no_file(open_house):
    """
    Made in a file's last hour, it has that hour.
    """
    job_id = ready(open_house)
    open_house.clock.advance(timedelta(days=6, hours=23))

    assert open_house.clock() + HOUR == open_house.service.open_link(ALICE, job_id, bearer=True).expires_at


def test_a_bearer_has_the_link_and_nothing_else(open_house):
    """
    Whatever the authoriser says: no other kind of ticket, no other call. Nor is the ticket one for the signed-in.
    """
    service, job_id = open_house.service, ready(open_house)
    mailed, ordinary = (service.open_link(ALICE, job_id, bearer=bearer) for bearer in (True, False))
    with pytest.raises(InvalidTicket):
        service.look(ALICE, job_id, ticket(mailed))
    with pytest.raises(InvalidTicket):
        service.begin(BEARER, job_id, ticket(ordinary))
    with pytest.raises(InvalidTicket):
        service.open(BEARER, job_id, ticket(service.link(ALICE, job_id)))
    for call in (service.status, service.link, service.delete, service.open_link):
        with pytest.raises(NotFound):
            call(BEARER, job_id)
    with pytest.raises(NotFound):
        service.request(BEARER, Subject("alice"))
    assert () == service.list(BEARER).items
    open_house.jobs.end("default", job_id, expected={State.READY}, state=State.ERASED)
    with pytest.raises(NotFound):
        service.look(BEARER, job_id, ticket(mailed))


def test_a_bearer_link_is_revoked_like_any(open_house):
    """
    With its session.
    """
    service, job_id = open_house.service, ready(open_house)
    mailed = service.open_link(ALICE, job_id, bearer=True)
    begun = service.begin(BEARER, job_id, ticket(mailed))

    assert 2 == service.revoke_all(STAFF, WHY)
    with pytest.raises(TicketExpired):
        service.open(BEARER, job_id, ticket(begun))


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1), timedelta(hours=24, seconds=1)])
def test_a_bearer_link_lives_a_day_at_most(life):
    """
    Nothing, less than nothing, and more are refused when configured.
    """
    with pytest.raises(InvalidConfiguration, match="bearer_life"):
        MemoryDeployment(bearer_life=life)


# --- revoking ----------------------------------------------------------------------------------------------------


def _revoke(service, what, job_id, link):
    match what:
        case "link":
            return service.revoke_link(STAFF, job_id, link.id, WHY)
        case "export":
            return service.revoke_export(STAFF, job_id, WHY)
        case "subject":
            return service.revoke_subject(STAFF, Subject("alice"), WHY)
        case _:
            return service.revoke_all(STAFF, WHY)


REVOKING = ["link", "export", "subject", "everything"]


@pytest.mark.parametrize("what", REVOKING)
def test_what_is_revoked_is_refused_at_once(house, what):
    """
    The page, the button and a session that was begun; afterwards a new link is given. Recorded with its reason.
    """
    job_id, bobs = ready(house), ready(house, BOB)
    mailed = house.service.open_link(ALICE, job_id)
    begun = house.service.begin(ALICE, job_id, ticket(mailed))
    house.service.open(ALICE, job_id, ticket(begun))
    others = house.service.link(BOB, bobs)
    revoked = _revoke(house.service, what, job_id, mailed)

    assert {"everything": 3}.get(what, 2) == revoked
    for call, token in ((house.service.look, mailed), (house.service.begin, mailed), (house.service.open, begun)):
        with pytest.raises(TicketExpired):
            call(ALICE, job_id, ticket(token))
    assert house.service.open(ALICE, job_id, ticket(house.service.link(ALICE, job_id)))
    if what == "everything":
        with pytest.raises(TicketExpired):
            house.service.open(BOB, bobs, ticket(others))
    else:
        assert house.service.open(BOB, bobs, ticket(others))
    (entry,) = events(house, "revoked")
    assert ("desk", "operator", what, WHY) == (
        entry.actor,
        entry.capacity,
        entry.facts["what"],
        entry.facts["reason"],
    )
    assert (job_id if what in {"link", "export"} else "", what == "everything") == (entry.job_id, not entry.subject)


@pytest.mark.parametrize("what", REVOKING)
def test_revoking_goes_on_while_the_audit_is_down(house, what):
    """
    It is done, and recorded once the sink is back.
    """
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id)
    house.audit.down = True
    _revoke(house.service, what, job_id, mailed)
    with pytest.raises(TicketExpired):
        house.service.look(ALICE, job_id, ticket(mailed))
    house.audit.down = False

    assert 1 == house.sweeper.sweep().delivered
    assert [what] == [entry.facts["what"] for entry in events(house, "revoked")]


@pytest.mark.parametrize("what", REVOKING)
def test_revoking_is_for_whom_the_authoriser_says(what):
    """
    Nobody by default: not the person, and not staff. Nothing is revoked then, and the refusal is recorded.
    """
    house = MemoryDeployment({"payouts": payouts(1)})
    job_id = ready(house)
    mailed = house.service.open_link(ALICE, job_id)
    with pytest.raises(NotFound):
        _revoke(house.service, what, job_id, mailed)
    with pytest.raises(NotFound):
        house.service.revoke_all(ALICE, WHY)

    assert ["revoke", "revoke"] == [entry.facts["action"] for entry in events(house, "denied")]
    assert house.service.look(ALICE, job_id, ticket(mailed))


def test_revoking_ends_at_the_tenant(house):
    """
    Everything is everything of one tenant.
    """
    elsewhere = Actor(id="alice", tenant="elsewhere")
    job_id = ready(house, elsewhere)
    link = house.service.link(elsewhere, job_id)

    assert 0 == house.service.revoke_all(STAFF, WHY)
    assert house.service.open(elsewhere, job_id, ticket(link))


@pytest.mark.parametrize("link_id", ["", "A", "a" * 64, "../x", "a b", "\udc80"])
def test_what_is_no_link_id_is_refused(house, link_id):
    """
    And so is a revocation without a reason, before anything happens.
    """
    job_id = ready(house)
    with pytest.raises(InvalidRequest, match="link"):
        house.service.revoke_link(STAFF, job_id, link_id, WHY)
    with pytest.raises(InvalidRequest, match="reason"):
        house.service.revoke_all(STAFF, "")
    assert [] == events(house, "revoked")


@pytest.mark.parametrize("what", REVOKING)
def test_a_running_transfer_feels_it_within_seconds(what):
    """
    It breaks off short of the whole, and the audit says how far it came.
    """
    house = MemoryDeployment({"payouts": incompressible(150)}, authorize=staff_may_revoke)
    job_id = ready(house)
    link = house.service.link(ALICE, job_id)
    download = house.service.open(ALICE, job_id, ticket(link))
    chunks = download.read()
    got = len(next(chunks))
    _revoke(house.service, what, job_id, link)
    house.clock.advance(timedelta(seconds=3))
    with pytest.raises(ExportGone):
        list(chunks)

    assert got < download.size
    (broken,) = events(house, "download_broken_off")
    assert ("0", str(got), "gone") == (broken.facts["from"], broken.facts["to"], broken.facts["why"])


def test_a_clock_set_back_puts_no_check_off():
    """
    A host whose clock jumps eight days back asks at once, and then every few seconds again.
    """
    house = MemoryDeployment({"payouts": incompressible(150)}, authorize=staff_may_revoke)
    job_id = ready(house)
    hosts = ManualClock(house.clock())
    service = ExportService(evolve(house.wiring, clock=hosts))
    download = service.open(ALICE, job_id, ticket(service.link(ALICE, job_id)))
    chunks = download.read()
    next(chunks)
    service.revoke_export(STAFF, job_id, WHY)
    hosts.advance(timedelta(days=-8))

    with pytest.raises(ExportGone):
        next(chunks)


# --- what breaks -------------------------------------------------------------------------------------------------


def test_storage_that_breaks_off_is_told_to_the_byte(monkeypatch):
    """
    What came is a beginning of the file; the audit says of how many bytes, and the transfer ends in an error.
    """
    house = MemoryDeployment({"payouts": incompressible(150)})
    job_id = ready(house)
    whole = b"".join(house.service.open(ALICE, job_id, ticket(house.service.link(ALICE, job_id))).read())
    really, left = house.storage.read, [150_000]

    def slow(key, start=0, end=None):
        for block in really(key, start, end):
            for at in range(0, len(block), 10_000):
                if start and left[0] <= 0:
                    raise StorageUnavailable("it did not answer for 30 s")
                left[0] -= 10_000 * bool(start)
                yield block[at : at + 10_000]

    monkeypatch.setattr(house.storage, "read", slow)
    link = house.service.link(ALICE, job_id)
    response = download_response(
        Request(method="GET", path="/", headers={"Range": "bytes=70000-"}),
        house.service.open(ALICE, job_id, ticket(link)),
    )
    came = []
    with pytest.raises(StorageUnavailable):
        came.extend(response.chunks())
    got = b"".join(came)

    assert whole[70_000 : 70_000 + len(got)] == got
    assert 0 < len(got) < len(whole) - 70_000
    (broken,) = events(house, "download_broken_off")
    assert ("70000", str(70_000 + len(got)), "storage-unavailable") == (
        broken.facts["from"],
        broken.facts["to"],
        broken.facts["why"],
    )


@pytest.mark.parametrize("name", ["link_life", "session_life"])
@pytest.mark.parametrize(
    "life", [timedelta(0), timedelta(seconds=-1), timedelta(days=8), timedelta(milliseconds=999)]
)
def test_a_life_that_is_none_is_refused_when_configured(name, life):
    """
    Nothing, less than nothing, longer than any file is kept, and less than the second that tickets speak in.
    """
    with pytest.raises(InvalidConfiguration, match=name):
        MemoryDeployment(**{name: life})


@pytest.mark.parametrize(
    "job_id", ['a"b', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "a" * 300, "\U0001f4b8", "a;b", "a%22", ""]
)
def test_no_file_name_is_made_of_what_a_caller_typed(house, job_id):
    """
    Quotes, line breaks, paths, 300 characters, emoji: no ticket names such an id, so no header does.
    """
    ours = ready(house)
    token = ticket(house.service.link(ALICE, ours))
    with pytest.raises(InvalidTicket):
        house.service.open(ALICE, job_id, token)
    response = download_response(Request(method="HEAD", path="/"), house.service.open(ALICE, ours, token))

    assert f'attachment; filename="streampay-export-{ours}.zip"' == response.header("Content-Disposition")
    assert re.fullmatch("[a-z0-9]+", ours)
