"""
What staff do about a request, over a deployment in memory: backdate, extend, pause, resume, refuse.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve

from streampay_export import Access, Action, Actor, Capacity, Export, Subject, owner_only
from streampay_export._core.deadline import CalendarMonths, Extension
from streampay_export._core.job import Failure
from streampay_export._core.lifecycle import ACTIVE, State
from streampay_export.access import operator_on_this_machine
from streampay_export.errors import (
    AuditUnavailable,
    ExportNotActive,
    ExportNotReady,
    InvalidRequest,
    JobStoreUnavailable,
    NotExtendable,
    NotFound,
)
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON

ALICE, OLGA = Actor(id="alice"), Actor(id="olga", capacity=Capacity.OPERATOR)
DAY = timedelta(days=1)
DUE = datetime(2026, 2, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 4, 2, 12, tzinfo=UTC)
REMEDIES = "You may complain to the authority, or go to court."
# What a database of their rows could not give.
BROKEN = Failure(slug="null-key", sentence="The rows have no order.")


def staff_handle(access: Access) -> bool:
    """
    Allow operators to handle any export, and people their own.
    """
    if access.actor.capacity is Capacity.OPERATOR:
        return access.action in {Action.HANDLE, Action.READ, Action.REQUEST}
    return owner_only(access)


@pytest.fixture
def house() -> MemoryDeployment:
    """
    Alice has one payout; Olga handles requests.
    """
    payout = {"id": 1, "requested_at": NOON - DAY, "payer": "alice", "payee": "bob", "amount": "1", "note": ""}
    return MemoryDeployment({"payouts": [payout]}, authorize=staff_handle)


@pytest.fixture
def job_id(house: MemoryDeployment) -> str:
    """
    Alice's request of today.
    """
    return ask(house).id


def ask(house: MemoryDeployment, **more: object) -> Export:
    """
    Return the export that Alice asks for.
    """
    return house.service.request(ALICE, Subject("alice"), **more).export


def fail(house: MemoryDeployment, job_id: str, state: State = State.FAILED) -> None:
    """
    End a queued job without an answer.
    """
    failure = BROKEN if state is State.FAILED else None
    assert house.jobs.end("default", job_id, expected=ACTIVE, state=state, failure=failure)


# --- when it was received -----------------------------------------------------------------------------------


def test_a_letter_counts_from_when_it_arrived(house: MemoryDeployment) -> None:
    """
    A backdated request is due from its receipt on; the trail has both instants; lists go by when it was made.
    """
    arrived = datetime(2025, 12, 31, 9, tzinfo=timezone(timedelta(hours=1)))
    letter = house.service.request(OLGA, Subject("alice"), received_at=arrived).export
    assert (arrived, arrived.replace(month=1, year=2026)) == (letter.received_at, letter.due_at)
    assert timedelta(0) == letter.received_at.utcoffset()
    (requested,) = house.audit.entries("default", letter.id)
    assert (NOON, "2025-12-31T08:00:00.000000Z") == (requested.at, requested.facts["received_at"])
    house.clock.advance(timedelta(seconds=1))
    newer = house.service.request(OLGA, Subject("bob"), received_at=arrived - DAY).export
    assert [newer.id, letter.id] == [each.id for each in house.service.list(OLGA).items]
    page = house.service.list(OLGA, limit=1)
    assert [letter.id] == [each.id for each in house.service.list(OLGA, cursor=page.next_cursor).items]
    assert letter.id == house.worker.work().id, "backdating jumps no queue"


@pytest.mark.parametrize("received_at", [NOON + timedelta(microseconds=1), NOON.replace(tzinfo=None)])
def test_nothing_is_received_tomorrow_or_somewhere(house: MemoryDeployment, received_at: datetime) -> None:
    """
    An instant to come, or without an offset, is refused by name.
    """
    with pytest.raises(InvalidRequest, match=r"^received-at: "):
        house.service.request(OLGA, Subject("alice"), received_at=received_at)
    assert [] == list(house.audit.entries("default"))


def test_people_do_not_say_when_they_asked(house: MemoryDeployment) -> None:
    """
    A subject's own `received_at` is refused, and nothing is queued.
    """
    with pytest.raises(NotFound):
        ask(house, received_at=NOON)
    assert not house.jobs.waiting()


# --- who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "handle",
    [
        lambda service, actor, job_id: service.extend(actor, job_id, "Much."),
        lambda service, actor, job_id: service.pause(actor, job_id),
        lambda service, actor, job_id: service.resume(actor, job_id),
        lambda service, actor, job_id: service.refuse(actor, job_id, "No.", REMEDIES),
    ],
    ids=["extend", "pause", "resume", "refuse"],
)
def test_only_staff_handle_requests(house: MemoryDeployment, job_id: str, handle) -> None:
    """
    The subject, a stranger, an auditor and another tenant's operator get what an unknown id gets.
    """
    before = house.jobs.get("default", job_id)
    auditor, elsewhere = evolve(OLGA, capacity="auditor"), evolve(OLGA, tenant="other")
    for actor, wanted in (
        (ALICE, job_id),
        (Actor(id="bob"), job_id),
        (auditor, job_id),
        (elsewhere, job_id),
        (OLGA, "a" * 26),
    ):
        with pytest.raises(NotFound):
            handle(house.service, actor, wanted)
    assert before == house.jobs.get("default", job_id)
    denied = [entry for entry in house.audit.entries("default") if entry.event == "denied"]
    assert ["handle"] * 4 == [entry.facts["action"] for entry in denied]


def test_operators_on_this_machine_handle_what_they_asked_for() -> None:
    """
    The command line's operator handles their own exports and nobody else's.
    """
    house = MemoryDeployment(authorize=operator_on_this_machine)
    export = house.service.request(OLGA, Subject("alice"), received_at=NOON - DAY).export
    assert LATER - DAY == house.service.extend(OLGA, export.id, "Much.").due_at
    with pytest.raises(NotFound):
        house.service.pause(evolve(OLGA, id="otto"), export.id)


# --- extend -------------------------------------------------------------------------------------------------


def test_an_extension_is_told_to_the_person(house: MemoryDeployment, job_id: str) -> None:
    """
    The due date moves by two months, the person reads when and why, and the export goes on.
    """
    house.clock.advance(DAY)
    assert LATER == house.service.extend(OLGA, job_id, " You have\nvery many payments. ").due_at
    seen = house.service.status(ALICE, job_id)
    assert (NOON, LATER) == (seen.received_at, seen.due_at)
    assert Extension(reason="You have very many payments.", at=NOON + DAY) == seen.extension
    assert State.READY is house.worker.work().state
    (extended,) = (e for e in house.audit.entries("default", job_id) if e.event == "extended")
    assert ("olga", "operator") == (extended.actor, extended.capacity)
    assert {"was_due_at": "2026-02-02T12:00:00.000000Z", "due_at": "2026-04-02T12:00:00.000000Z"} == extended.facts


def test_an_extension_counts_from_receipt_and_keeps_what_a_pause_added() -> None:
    """
    Three months after 31 January is 30 April; a pause of two days before makes it 2 May.
    """
    house = MemoryDeployment(authorize=staff_handle)
    house.clock.advance(datetime(2026, 1, 31, tzinfo=UTC) - NOON)
    job_id = ask(house).id
    house.service.pause(OLGA, job_id)
    house.clock.advance(2 * DAY)
    assert datetime(2026, 3, 2, tzinfo=UTC) == house.service.resume(OLGA, job_id).due_at
    assert datetime(2026, 5, 2, tzinfo=UTC) == house.service.extend(OLGA, job_id, "Much.").due_at


def test_once_and_before_it_is_due(house: MemoryDeployment, job_id: str) -> None:
    """
    A second extension, and one at the due date, are conflicts that say so; nothing is recorded.
    """
    house.service.extend(OLGA, job_id, "Much.")
    with pytest.raises(NotExtendable, match="extended before"):
        house.service.extend(OLGA, job_id, "More.")
    other = house.service.request(Actor(id="bob"), Subject("bob")).export
    house.clock.advance(DUE - NOON)
    with pytest.raises(NotExtendable, match="has passed"):
        house.service.extend(OLGA, other.id, "Late.")
    assert (True, False) == (
        house.service.status(OLGA, other.id).overdue,
        house.service.status(OLGA, job_id).overdue,
    )
    assert ["extended"] == [e.event for e in house.audit.entries("default") if e.event == "extended"]


def test_what_is_answered_is_not_extended(house: MemoryDeployment, job_id: str) -> None:
    """
    A ready, a refused and a cancelled export are not put off; one that has failed is, as it is owed still.
    """
    fail(house, job_id)
    assert LATER == house.service.extend(OLGA, job_id, "We mend it.").due_at
    again = ask(house)
    assert (LATER, "We mend it.") == (again.due_at, again.extension.reason)
    house.service.refuse(OLGA, again.id, "No.", REMEDIES)
    cancelled = ask(house).id
    house.service.delete(ALICE, cancelled)
    ready = ask(house).id
    house.worker.work()
    for answered, state in ((again.id, "failed"), (cancelled, "cancelled"), (ready, "ready")):
        with pytest.raises(NotExtendable, match=state):
            house.service.extend(OLGA, answered, "Much.")


def test_another_law_counts_otherwise() -> None:
    """
    The rule is the deployment's: two months, and one more.
    """
    house = MemoryDeployment(authorize=staff_handle, deadline=CalendarMonths(answer=2, extension=1))
    export = ask(house)
    assert datetime(2026, 3, 2, 12, tzinfo=UTC) == export.due_at
    assert LATER == house.service.extend(OLGA, export.id, "Much.").due_at


# --- pause and resume ---------------------------------------------------------------------------------------


def test_while_identity_is_awaited_nothing_is_handed_out(house: MemoryDeployment) -> None:
    """
    Asked for with a doubt, the export waits: no bell, no work, no link; resumed, it is due so much later.
    """
    export = ask(house, identity_awaited=True)
    assert (State.QUEUED, NOON, DUE) == (export.state, export.paused_at, export.due_at)
    assert [] == house.rings.rings
    assert export.id == ask(house).id
    house.clock.advance(40 * DAY)
    assert house.worker.work() is None
    assert (0, 0) == (house.sweeper.sweep().rung, house.sweeper.sweep().exhausted)
    with pytest.raises(ExportNotReady, match="the export is paused"):
        house.service.link(ALICE, export.id)
    assert not house.service.status(ALICE, export.id).overdue
    resumed = house.service.resume(OLGA, export.id)
    assert (None, DUE + 40 * DAY) == (resumed.paused_at, resumed.due_at)
    assert [("default", export.id)] == house.rings.rings
    assert State.READY is house.worker.work().state
    assert ["requested", "paused", "resumed", "started", "completed"] == house.audit.events(export.id)


def test_a_pause_stops_a_worker(house: MemoryDeployment, job_id: str) -> None:
    """
    Paused while a worker is at it, the export publishes nothing, and goes on later with all its attempts.
    """
    claim = house.jobs.claim(lease=house.wiring.lease, max_attempts=1)
    assert claim is not None
    paused = house.service.pause(OLGA, job_id)
    assert (State.QUEUED, NOON) == (paused.state, paused.paused_at)
    assert house.jobs.get("default", job_id).fence > claim.fence
    house.service.resume(OLGA, job_id)
    house.worker.work()
    job = house.jobs.get("default", job_id)
    assert (State.READY, 1) == (job.state, job.attempts)


def test_pausing_and_resuming_twice_is_once(house: MemoryDeployment, job_id: str) -> None:
    """
    The second time nothing changes and nothing is recorded; another pause later is another one.
    """
    for _ in range(2):
        first = [house.service.pause(OLGA, job_id) for _ in range(2)]
        house.clock.advance(DAY)
        second = [house.service.resume(OLGA, job_id) for _ in range(2)]
        assert (first[0], second[0]) == (first[1], second[1])
    assert DUE + 2 * DAY == second[0].due_at
    assert ["requested", "paused", "resumed", "paused", "resumed"] == house.audit.events(job_id)


@pytest.mark.parametrize("state", [State.READY, State.FAILED, State.CANCELLED])
def test_only_active_exports_are_paused_or_refused(house: MemoryDeployment, job_id: str, state: State) -> None:
    """
    What has ended, or is ready, stays what it is.
    """
    if state is State.READY:
        house.worker.work()
    else:
        fail(house, job_id, state)
    before = house.jobs.get("default", job_id)
    for call in (house.service.pause, house.service.resume):
        with pytest.raises(ExportNotActive, match=state):
            call(OLGA, job_id)
    with pytest.raises(ExportNotActive, match=state):
        house.service.refuse(OLGA, job_id, "No.", REMEDIES)
    assert before == house.jobs.get("default", job_id)


def test_asking_again_does_not_get_round_a_pause(house: MemoryDeployment) -> None:
    """
    Cancelled and asked for again, the export still awaits the proof, since when it did, and the trail says so.
    """
    first = ask(house, identity_awaited=True)
    house.service.delete(ALICE, first.id)
    house.clock.advance(90 * DAY)
    second = ask(house)
    assert (NOON, NOON, DUE) == (second.paused_at, second.received_at, second.due_at)
    assert house.worker.work() is None
    assert ["requested", "paused"] == house.audit.events(second.id)


# --- refuse -------------------------------------------------------------------------------------------------


def test_a_refusal_gives_reason_and_remedies(house: MemoryDeployment, job_id: str) -> None:
    """
    The person reads why and what they may do; key and sealed subject are gone; it is no debt any more.
    """
    refused = house.service.refuse(OLGA, job_id, "This is the ninth this week.", REMEDIES)
    expected = Failure(slug="refused", sentence="This is the ninth this week.", remedies=REMEDIES)
    assert (State.FAILED, expected) == (refused.state, refused.failure)
    house.clock.advance(60 * DAY)
    seen = house.service.status(ALICE, job_id)
    assert (expected, False, False) == (seen.failure, seen.unanswered, seen.overdue)
    job = house.jobs.get("default", job_id)
    assert (None, None) == (job.wrapped_key, job.sealed)
    assert ["requested", "refused"] == house.audit.events(job_id)
    assert house.clock() == ask(house).received_at, "a new request after an answer is new"


@pytest.mark.parametrize(
    ("reason", "remedies", "field"), [("", REMEDIES, "reason"), ("No.", " ", "remedies"), ("\x1b", "x", "reason")]
)
def test_a_refusal_without_words_is_none(
    house: MemoryDeployment, job_id: str, reason: str, remedies: str, field: str
) -> None:
    """
    An empty reason or remedies is refused by its name, and the export goes on.
    """
    with pytest.raises(InvalidRequest) as wrong:
        house.service.refuse(OLGA, job_id, reason, remedies)
    assert field == wrong.value.field
    with pytest.raises(InvalidRequest, match="reason"):
        house.service.extend(OLGA, job_id, reason.replace("No.", ""))
    assert State.READY is house.worker.work().state


# --- the request outlives its jobs (decision 17) ------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "after", "same"),
    [
        (State.FAILED, DUE - NOON, True),
        (State.FAILED, 400 * DAY, True),
        (State.CANCELLED, DUE - NOON - timedelta(microseconds=1), True),
        (State.CANCELLED, DUE - NOON, False),
    ],
)
def test_asking_again_begins_no_new_month(
    house: MemoryDeployment, job_id: str, state: State, after: timedelta, *, same: bool
) -> None:
    """
    After a failure the first receipt counts, for ever; after a cancellation until it was due.
    """
    fail(house, job_id, state)
    house.clock.advance(after)
    again = ask(house, formats=["csv"])
    assert same is ((NOON, DUE) == (again.received_at, again.due_at))
    assert same or NOON + after == again.received_at


def test_a_chain_of_failures_is_one_request(house: MemoryDeployment, job_id: str) -> None:
    """
    Each job hands the dates on to the next, through failures and cancellations alike.
    """
    for state in (State.FAILED, State.CANCELLED, State.FAILED):
        fail(house, job_id, state)
        house.clock.advance(DAY)
        job_id = ask(house).id
    last = house.service.status(ALICE, job_id)
    assert (NOON, DUE) == (last.received_at, last.due_at)


def test_the_earlier_receipt_counts(house: MemoryDeployment) -> None:
    """
    A letter older than the failed request sets the dates anew; a younger one does not.
    """
    first = house.service.request(OLGA, Subject("alice"), received_at=NOON - DAY).export
    fail(house, first.id)
    younger = house.service.request(OLGA, Subject("alice"), received_at=NOON).export
    assert NOON - DAY == younger.received_at
    fail(house, younger.id)
    older = house.service.request(OLGA, Subject("alice"), received_at=NOON - 2 * DAY).export
    assert (NOON - 2 * DAY, DUE - 2 * DAY) == (older.received_at, older.due_at)


# --- things that happen at once, or not at all --------------------------------------------------------------


def test_the_trail_may_be_away(house: MemoryDeployment, job_id: str) -> None:
    """
    Extending, pausing and refusing go on and are recorded later; asking does not.
    """
    house.audit.down = True
    house.service.extend(OLGA, job_id, "Much.")
    house.service.pause(OLGA, job_id)
    house.service.refuse(OLGA, job_id, "No.", REMEDIES)
    with pytest.raises(AuditUnavailable):
        ask(house)
    house.audit.down = False
    house.sweeper.sweep()
    assert ["requested", "extended", "paused", "refused"] == house.audit.events(job_id)


def meanwhile(house: MemoryDeployment, happens, *, often: int = 1) -> None:
    """
    Let something happen just before the next change of a deadline, so *often*.
    """
    reschedule, left = house.jobs.reschedule, [None] * often

    def change(*given, **more):
        if left:
            left.pop()
            happens()
        return reschedule(*given, **more)

    house.jobs.reschedule = change


def test_what_happened_meanwhile_is_looked_at_again(house: MemoryDeployment, job_id: str) -> None:
    """
    A pause that comes between keeps its effect; an end that comes between is a conflict.
    """
    meanwhile(house, lambda: house.service.pause(OLGA, job_id))
    extended = house.service.extend(OLGA, job_id, "Much.")
    assert (NOON, LATER) == (extended.paused_at, extended.due_at)
    meanwhile(house, lambda: house.service.delete(ALICE, job_id))
    with pytest.raises(ExportNotActive, match="cancelled"):
        house.service.resume(OLGA, job_id)


def test_an_erased_export_is_not_found(house: MemoryDeployment, job_id: str) -> None:
    """
    Erased between two looks, the export was never there.
    """
    meanwhile(house, lambda: fail(house, job_id, State.ERASED))
    with pytest.raises(NotFound):
        house.service.pause(OLGA, job_id)


def test_a_store_that_never_agrees_is_given_up(house: MemoryDeployment, job_id: str) -> None:
    """
    After a few tries the caller is told to come back.
    """

    def extend_by_a_second() -> None:
        job = house.jobs.get("default", job_id)
        type(house.jobs).reschedule(
            house.jobs, job, evolve(job.deadline, due_at=job.due_at + timedelta(seconds=1)), expected=ACTIVE
        )

    meanwhile(house, extend_by_a_second, often=99)
    with pytest.raises(JobStoreUnavailable, match="others kept changing"):
        house.service.pause(OLGA, job_id)
