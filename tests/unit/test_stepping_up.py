"""
A sign-in that is fresh enough, and a wait after what one signs in with changed.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve
from tests.house_rules import ANN, PEOPLE, POWER_OF_ATTORNEY, house

from streampay_export import Action, Actor, ExportService, StepUp, Subject
from streampay_export._core.lifecycle import ACTIVE, State
from streampay_export.errors import (
    ActiveExportDiffers,
    CoolingOff,
    InvalidConfiguration,
    InvalidRequest,
    NotFound,
    StepUpRequired,
    TooManyRequests,
)
from streampay_export.stepping_up import CLOCK_TOLERANCE, require_fresh
from streampay_export.testing.fakes import NOON

OWNER = PEOPLE["owner"]
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def proven(ago: timedelta) -> Actor:
    """
    Ann, who proved at that distance from noon who she is.
    """
    return evolve(OWNER, authenticated_at=NOON - ago)


def test_by_default_only_erasing_asks_for_a_proof():
    """
    Of the last fifteen minutes; everything else takes whoever is signed in.
    """
    for action in Action:
        if action is Action.ERASE:
            with pytest.raises(StepUpRequired) as refused:
                require_fresh(StepUp(), OWNER, action, NOON)
            assert 900 == refused.value.max_age
        else:
            require_fresh(StepUp(), OWNER, action, NOON)
    require_fresh(StepUp(erase=None), OWNER, Action.ERASE, NOON)


@pytest.mark.parametrize(
    ("ago", "fresh"),
    [
        (timedelta(0), True),
        (5 * MINUTE, True),
        (5 * MINUTE + TICK, False),
        (-CLOCK_TOLERANCE, True),
        (-CLOCK_TOLERANCE - TICK, False),
        (timedelta(days=3000), False),
    ],
)
def test_a_proof_is_fresh_until_its_age_and_not_from_the_future(ago, fresh):
    """
    The age itself is still fresh; of clocks that differ a minute is forgiven.
    """
    step_up = StepUp(request=5 * MINUTE)
    if fresh:
        require_fresh(step_up, proven(ago), Action.REQUEST, NOON)
    else:
        with pytest.raises(StepUpRequired):
            require_fresh(step_up, proven(ago), Action.REQUEST, NOON)


def test_requests_links_and_bytes_ask_for_a_proof_and_looking_does_not():
    """
    Each by its own setting; a link asks for what the bytes ask for.
    """
    h = house(step_up=StepUp(request=MINUTE, download=5 * MINUTE))
    with pytest.raises(StepUpRequired):
        h.service.request(OWNER, ANN)
    job_id = h.service.request(proven(MINUTE), ANN).export.id
    h.worker.work()
    ticket = h.service.link(proven(5 * MINUTE), job_id).url.split("ticket=")[1]
    for call in (lambda: h.service.link(OWNER, job_id), lambda: h.service.open(OWNER, job_id, ticket)):
        with pytest.raises(StepUpRequired) as refused:
            call()
        assert 300 == refused.value.max_age

    assert job_id == h.service.status(OWNER, job_id).id == h.service.list(OWNER).items[0].id
    assert h.service.open(proven(timedelta(0)), job_id, ticket).size > 0
    assert ["insufficient_user_authentication"] * 3 == [
        each.facts["why"] for each in h.audit.entries("default") if each.event == "denied"
    ]


def test_who_may_not_is_not_asked_to_sign_in_again():
    """
    404 before the step-up: it would tell that there is such an export.
    """
    h = house(step_up=StepUp(request=MINUTE, download=MINUTE), cooling_off=timedelta(days=2))
    job_id = h.service.request(proven(MINUTE), ANN).export.id
    for call in (
        lambda: h.service.link(PEOPLE["other"], job_id),
        lambda: h.service.link(OWNER, "a" * 26),
        lambda: h.service.request(PEOPLE["other"], ANN),
    ):
        with pytest.raises(NotFound):
            call()


def test_after_a_change_of_address_or_wallet_copies_wait():
    """
    For as long as the wiring says, and the error says until when; what is under way can be seen and deleted.
    """
    h = house(cooling_off=timedelta(days=2))
    job_id = h.service.request(OWNER, ANN).export.id
    h.worker.work()
    ticket = h.service.link(OWNER, job_id).url.split("ticket=")[1]
    moved = evolve(OWNER, identifiers_changed_at=NOON - timedelta(days=2) + MINUTE)
    for call in (
        lambda: h.service.request(moved, ANN),
        lambda: h.service.link(moved, job_id),
        lambda: h.service.open(moved, job_id, ticket),
    ):
        with pytest.raises(CoolingOff) as waits:
            call()
        assert (NOON + MINUTE, 60) == (waits.value.until, waits.value.retry_after)
    assert job_id == h.service.status(moved, job_id).id
    h.clock.advance(MINUTE)

    assert h.service.open(moved, job_id, ticket).size > 0
    h.service.delete(evolve(OWNER, identifiers_changed_at=h.clock()), job_id)


def test_copies_of_staff_do_not_wait_for_their_own_address():
    """
    The wait protects a person's copies from whoever took over their account.
    """
    h = house(cooling_off=timedelta(days=2))
    moved = evolve(PEOPLE["operator"], identifiers_changed_at=NOON)

    assert h.service.request(moved, ANN, profile="support").created


@pytest.mark.parametrize(
    ("setting", "bad"),
    [
        ("cooling_off", timedelta(0)),
        ("cooling_off", timedelta(days=14) + TICK),
        ("request_cooldown", timedelta(0)),
        ("request_cooldown", timedelta(days=1) + TICK),
    ],
)
def test_waits_are_bounded(setting, bad):
    """
    None is no wait, and none eats up the month in which an answer is due.
    """
    with pytest.raises(InvalidConfiguration, match=setting):
        house(**{setting: bad})


@pytest.mark.parametrize("bad", [timedelta(0), timedelta(milliseconds=999), -MINUTE])
def test_a_proof_is_asked_for_in_whole_seconds(bad):
    """
    Nobody can prove who they are in no time.
    """
    with pytest.raises(InvalidConfiguration, match="step_up"):
        StepUp(request=bad)


def test_instants_of_an_actor_are_aware_and_kept_in_utc():
    """
    One without an offset is nobody's instant; when an actor signed in does not make them another actor.
    """
    cet = timezone(timedelta(hours=1))

    assert NOON == Actor(id="ann", authenticated_at=NOON.astimezone(cet)).authenticated_at
    assert UTC is Actor(id="ann", identifiers_changed_at=NOON.astimezone(cet)).identifiers_changed_at.tzinfo
    assert OWNER == proven(MINUTE)
    for name in ("authenticated_at", "identifiers_changed_at"):
        with pytest.raises(InvalidRequest, match="actor"):
            Actor(id="ann", **{name: datetime(2026, 1, 1)})  # noqa: DTZ001


# --- a cooldown ---------------------------------------------------------------------------------------------------


def test_within_a_cooldown_the_same_request_gets_the_copy_there_is():
    """
    And another has to wait until it is over, to the second; without the setting nobody waits.
    """
    h = house(request_cooldown=timedelta(hours=1))
    first = h.service.request(OWNER, ANN).export.id
    h.worker.work()
    h.clock.advance(10 * MINUTE)
    again = h.service.request(OWNER, ANN)
    with pytest.raises(TooManyRequests) as limited:
        h.service.request(OWNER, ANN, formats=["csv"])

    assert (first, False, "ready") == (again.export.id, again.created, again.export.state)
    assert 3000 == limited.value.retry_after
    assert ["requested", "repeated"] == [each.event for each in h.audit.entries("default")][-2:]
    h.clock.advance(50 * MINUTE)
    assert h.service.request(OWNER, ANN, formats=["csv"]).created
    assert first != h.service.list(OWNER).items[0].id


def test_a_cooldown_is_of_one_person_profile_and_requester():
    """
    What others ask for, or for another profile, holds nobody up.
    """
    h = house(request_cooldown=timedelta(hours=1))
    h.service.request(OWNER, ANN)
    h.worker.work()

    assert h.service.request(OWNER, ANN, profile="portability", formats=["csv"]).created
    assert h.service.request(PEOPLE["representative"], ANN, formats=["csv"]).created
    assert h.service.request(PEOPLE["other"], Subject("bob"), formats=["csv"]).created
    assert h.service.request(PEOPLE["other tenant"], ANN, formats=["csv"]).created


def test_a_cooldown_holds_up_after_a_deletion_and_not_after_a_failure():
    """
    A deleted copy was an answer; a cancelled or failed request was none, and one under way is handed back.
    """
    h = house(request_cooldown=timedelta(hours=1))
    cancelled = h.service.request(OWNER, ANN).export.id
    h.service.delete(OWNER, cancelled)
    failed = h.service.request(OWNER, ANN).export.id
    h.jobs.end("default", failed, expected=ACTIVE, state=State.FAILED)
    active = h.service.request(OWNER, ANN)
    assert (True, active.export.id) == (active.created, h.service.request(OWNER, ANN).export.id)
    with pytest.raises(ActiveExportDiffers):
        h.service.request(OWNER, ANN, formats=["csv"])
    h.worker.work()
    h.service.delete(OWNER, active.export.id)
    with pytest.raises(TooManyRequests):
        h.service.request(OWNER, ANN)


def test_what_is_under_way_is_handed_back_within_a_cooldown_too():
    """
    Also where the setting is newer than an answer and the export after it.
    """
    h = house()
    h.service.request(OWNER, ANN)
    h.worker.work()
    active = h.service.request(OWNER, ANN, formats=["csv"]).export.id
    service = ExportService(evolve(h.wiring, request_cooldown=timedelta(hours=1)))

    assert active == service.request(OWNER, ANN, formats=["csv"]).export.id


def test_a_cooldown_looks_past_a_page_of_others():
    """
    A representative of many people: the limit is found among a hundred and twenty later requests.
    """
    h = house(authorize=lambda _: POWER_OF_ATTORNEY, request_cooldown=timedelta(hours=1))
    rob = PEOPLE["representative"]
    h.service.request(rob, ANN)
    h.worker.work()
    for number in range(120):
        h.clock.advance(timedelta(seconds=1))
        h.service.request(rob, Subject(f"client {number}"))
    with pytest.raises(TooManyRequests) as limited:
        h.service.request(rob, ANN, formats=["csv"])

    assert 3600 - 120 == limited.value.retry_after
