"""
Erasing a person: in every state, interrupted anywhere, and what becomes of whoever asks again.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from attrs import evolve

from streampay_export import Actor, Catalog, Policies, Retain, Subject, Sweeper, Worker
from streampay_export._core.lifecycle import State
from streampay_export._core.retained import retained_policy
from streampay_export.access import operator_on_this_machine, owner_only
from streampay_export.errors import (
    ErasuresMissing,
    ExportGone,
    InvalidConfiguration,
    InvalidRequest,
    NotFound,
    StepUpRequired,
    StorageUnavailable,
    SubjectErased,
    TicketExpired,
    TombstonesUnavailable,
)
from streampay_export.ports.authorize import Action
from streampay_export.ports.erasure import AfterErasure
from streampay_export.service import ExportService
from streampay_export.testing.contracts.erasure import make_tombstone
from streampay_export.testing.deployment import PAYOUTS, MemoryDeployment, keep_everything
from streampay_export.testing.fakes import NOON, MemoryTombstoneLog, RecordingEraser

from .test_service import payouts, token

ALICE, OLGA = Actor(id="alice"), Actor(id="olga", capacity="operator")
WHOM = Subject("alice", ("GALICE",))
BASIS = "GDPR Art. 17(1)(b)"
CATALOG = Catalog(
    (
        evolve(
            PAYOUTS,
            fields=[
                each
                if each.name == "note"
                else evolve(each, on_erasure=Retain(basis="Tax act", until="ten years after the year of payment"))
                for each in PAYOUTS.fields
            ],
        ),
    ),
    timezone="UTC",
)


def staff_too(access) -> bool:
    """
    Let people have their own copies, and operators do as they do on a command line.
    """
    return owner_only(access) or operator_on_this_machine(access)


def house(**changes) -> MemoryDeployment:
    """
    Return a deployment in which alice has three payouts, an eraser listens, and a minute passes at each sweep.
    """
    policy = keep_everything(CATALOG)
    changes = {"policies": Policies.of(policy, retained_policy(CATALOG, policy)), "authorize": staff_too, **changes}
    changes.setdefault("eraser", RecordingEraser())
    return MemoryDeployment({"payouts": payouts(3)}, catalog=CATALOG, **changes)


def olga(there: MemoryDeployment) -> Actor:
    """
    Return the operator, who has just proven that it is her.
    """
    return evolve(OLGA, authenticated_at=there.clock())


def ask(house: MemoryDeployment, **parameters):
    """
    Alice asks for an export.
    """
    return house.service.request(ALICE, WHOM, **parameters).export


def erase(house: MemoryDeployment, whom: Subject = WHOM):
    """
    Olga erases somebody.
    """
    return house.service.erase(olga(house), whom, basis=BASIS)


def in_state(house: MemoryDeployment, state: State) -> str:
    """
    Bring an export of alice's into a state; return its id.
    """
    job_id = ask(house).id
    if state is State.RUNNING:
        house.jobs.claim(lease=timedelta(seconds=60), max_attempts=5)
        house.storage.put(f"default/{job_id}/1.zip", io.BytesIO(b"put by a worker that died"))
    if state in {State.READY, State.EXPIRED, State.DELETED}:
        house.worker.work()
    if state is State.EXPIRED:
        house.clock.advance(timedelta(days=7))
        house.jobs.end("default", job_id, expected={State.READY}, state=State.EXPIRED)
    if state in {State.CANCELLED, State.DELETED}:
        house.service.delete(ALICE, job_id)
    if state is State.FAILED:
        house.service.refuse(OLGA, own(house, job_id), "Alice asked before.", "Complain.")
    return job_id


def own(house: MemoryDeployment, job_id: str) -> str:
    """
    Have olga be the one who asked, so that she may handle it.
    """
    job = house.jobs.get("default", job_id)
    house.jobs._jobs["default", job_id] = evolve(
        job, requester_tag=house.wiring.tagger.owner_tag("default", OLGA.requester)
    )
    return job_id


def assert_erased(house: MemoryDeployment, *job_ids: str) -> None:
    """
    Nothing is left of these exports: no key, no sealed subject, no object, nobody's words, no way to them.
    """
    assert [] == [stored for stored in house.storage.list() if stored.key.split("/")[1] in job_ids]
    for job_id in job_ids:
        job = house.jobs.get("default", job_id)
        kept = (job.state, job.wrapped_key, job.sealed, job.artifact, job.failure, job.extension)
        assert (State.ERASED, None, None, None, None, None) == kept
        with pytest.raises(NotFound):
            house.service.status(ALICE, job_id)


# --- erased means erased ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in State if state is not State.ERASED])
def test_an_export_in_any_state_is_erased(state: State) -> None:
    """
    Whatever an export is, it is erased, its objects are gone, and so says the receipt.
    """
    there = house()
    job_id = in_state(there, state)
    receipt = erase(there)
    assert_erased(there, job_id)
    assert (1, there.clock(), there.clock()) == (receipt.exports, receipt.at, receipt.finished_at)
    assert () == there.service.list(ALICE).items
    assert there.worker.work() is None


def test_the_trail_says_so_before_and_after() -> None:
    """
    The intent comes first, with who ordered it; the outcome once all is done, with the receipt and a count.
    """
    there = house()
    ask(there)
    receipt = erase(there)
    intent, outcome = list(there.audit.entries("default"))[1:]
    assert ("erasure_begun", "olga", receipt.id) == (intent.event, intent.actor, intent.facts["receipt"])
    assert ("erased", "system", "1", BASIS) == (
        outcome.event,
        outcome.actor,
        outcome.facts["exports"],
        outcome.facts["basis"],
    )
    assert intent.subject == outcome.subject
    assert [outcome.subject] == [each.subject for each in there.audit.entries("default", subject=outcome.subject)][
        :1
    ]


def test_a_person_reads_their_own_erasure() -> None:
    """
    It stands in the trail of theirs, as staff's doing and without a name.
    """
    there = house()
    erase(there)
    assert [("erasure_begun", "operator"), ("erased", "system")] == [
        (each.event, each.capacity) for each in there.service.trail(ALICE)
    ]


def test_it_goes_on_without_the_trail() -> None:
    """
    With the sink down, all is erased, and both entries arrive once it is back.
    """
    there = house()
    job_id = in_state(there, State.READY)
    there.audit.down = True
    assert erase(there).finished_at is not None
    there.audit.down = False
    assert there.sweeper.sweep().delivered == 2
    assert_erased(there, job_id)
    assert {"erasure_begun", "erased"} <= {entry.event for entry in there.audit.entries("default")}


def test_a_second_erasure_is_the_first() -> None:
    """
    It has the same receipt, asks no eraser, and adds no tombstone; the trail says who asked again.
    """
    there = house()
    in_state(there, State.READY)
    receipt = erase(there)
    there.clock.advance(timedelta(days=1))
    assert receipt == erase(there) == erase(there, Subject("GALICE", ("alice",))) == erase(there, Subject("alice"))
    assert (1, 1) == (len(there.wiring.eraser.orders), len(there.tombstones.read()))
    events = [entry.event for entry in there.audit.entries("default")]
    assert (1, 3) == (events.count("erased"), events.count("repeated"))


def test_an_identifier_more_is_another_erasure() -> None:
    """
    A wallet that was not known at first is erased too, under a receipt of its own.
    """
    there = house()
    first = erase(there, Subject("alice"))
    job_id = there.service.request(Actor(id="GALICE"), Subject("GALICE")).export.id
    second = erase(there)
    assert_erased(there, job_id)
    assert first.id != second.id
    assert (0, 1) == (first.exports, second.exports)


def test_links_and_transfers_break_off() -> None:
    """
    A link of before opens nothing, and bytes that were flowing stop within seconds.
    """
    there = MemoryDeployment({"payouts": payouts(60_000)}, authorize=staff_too)
    there.service.request(ALICE, WHOM, formats=["ndjson"])
    job_id = there.worker.work().id
    links = [token(there.service.link(ALICE, job_id).url) for _ in range(2)]
    flowing = there.service.open(ALICE, job_id, links[0]).read()
    next(flowing)
    erase(there)
    there.clock.advance(timedelta(seconds=4))
    with pytest.raises(ExportGone):
        list(flowing)
    for link in links:
        with pytest.raises((NotFound, TicketExpired)):
            there.service.open(ALICE, job_id, link)


def test_others_keep_theirs() -> None:
    """
    Bob's exports of the same payments, and those he asked for, are as they were.
    """
    there = house()
    bob = Actor(id="bob")
    ready = there.service.request(bob, Subject("bob")).export.id
    there.worker.work()
    in_state(there, State.READY)
    erase(there)
    assert State.READY is there.service.status(bob, ready).state
    assert b"".join(there.service.open(bob, ready, token(there.service.link(bob, ready).url)).read(0, 2)) == b"PK"


@pytest.mark.parametrize(
    "actor", [ALICE, Actor(id="bob"), evolve(OLGA, capacity="auditor"), evolve(OLGA, capacity="representative")]
)
def test_only_operators_erase(actor: Actor) -> None:
    """
    Nobody else does, not even the person, and nobody else replays; the refusal is recorded.
    """
    there = house()
    job_id = ask(there).id
    with pytest.raises(NotFound):
        there.service.erase(actor, WHOM, basis=BASIS)
    with pytest.raises(NotFound):
        there.service.replay_erasures(actor)
    assert State.QUEUED is there.service.status(ALICE, job_id).state
    assert ["erase"] * 2 == [
        entry.facts["action"] for entry in there.audit.entries("default") if entry.event == "denied"
    ]
    assert () == there.tombstones.read()


def test_an_operator_has_just_signed_in() -> None:
    """
    An erasure cannot be undone, so a screen left open orders none, nor a replay.
    """
    there = house()
    job_id = ask(there).id
    stale = evolve(OLGA, authenticated_at=there.clock() - timedelta(minutes=15, seconds=1))
    for actor in (OLGA, stale):
        with pytest.raises(StepUpRequired):
            there.service.erase(actor, WHOM, basis=BASIS)
        with pytest.raises(StepUpRequired):
            there.service.replay_erasures(actor)
    assert State.QUEUED is there.service.status(ALICE, job_id).state


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"basis": " "}, "basis"),
        ({"basis": "x" * 1001}, "basis"),
        ({"basis": "Alice, by letter"}, "basis"),
        ({"basis": "of GALICE."}, "basis"),
        ({"basis": BASIS, "retain_until": datetime(2033, 1, 1)}, "retain-until"),  # noqa: DTZ001  # what is refused
    ],
)
def test_wrong_parameters_are_named(parameters, field: str) -> None:
    """
    A basis that is none, or names the person, and an instant without an offset are refused; nothing is begun.
    """
    there = house()
    with pytest.raises(InvalidRequest) as wrong:
        there.service.erase(olga(there), WHOM, **parameters)
    assert field == wrong.value.field
    assert ((), []) == (there.tombstones.read(), list(there.audit.entries("default")))


def test_short_ids_stand_in_many_a_sentence() -> None:
    """
    An id such as 17 is no reason to refuse a basis that has a 17 in it.
    """
    assert BASIS == erase(house(), Subject("17")).basis


# --- at the same time ---------------------------------------------------------------------------------------


class Meddled:
    """
    A port around one call of which something else happens, once.
    """

    def __init__(self, inner, name: str, when: str, meddle) -> None:
        self._inner, self._name, self._when, self._meddle = inner, name, when, meddle

    def __getattr__(self, name):
        call = getattr(self._inner, name)
        return self._around(call) if name == self._name else call

    def _around(self, call):
        def around(*args, **how):
            meddle, self._meddle = self._meddle, lambda: None
            if self._when == "before":
                meddle()
            answer = call(*args, **how)
            if self._when == "after":
                meddle()
            return answer

        return around


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("jobs", "claim"),
        ("audit", "append"),
        ("source", "snapshot"),
        ("storage", "put"),
        ("storage", "read"),
        ("jobs", "complete"),
    ],
)
def test_an_erasure_ends_a_job_under_its_worker(port: str, name: str, when: str) -> None:
    """
    At whatever step of the worker it comes: no artifact, no completion told of, nothing to work on.
    """
    there = house()
    job_id = ask(there).id
    meddled = Meddled(getattr(there.wiring, port), name, when, lambda: erase(there))
    worker = Worker(evolve(there.wiring, **{port: meddled}))
    worker.work()
    there.sweeper.sweep()
    assert_erased(there, job_id)
    assert [] == list(there.storage.list())
    completed = "completed" in there.audit.events(job_id)
    assert completed is ((port, name, when) == ("jobs", "complete", "after"))
    assert worker.work() is None
    with pytest.raises(SubjectErased):
        ask(there)


@pytest.mark.parametrize("name", ["erasure_of", "add", "now"])
def test_an_erasure_while_asking(name: str) -> None:
    """
    Whether the request or the erasure comes first, no export of the person's is left.
    """
    there = house()
    meddled = Meddled(there.jobs, name, "before", lambda: erase(there))
    service = ExportService(evolve(there.wiring, jobs=meddled))
    with pytest.raises(SubjectErased):
        service.request(ALICE, WHOM)
    assert not there.jobs.waiting()


def test_an_erasure_while_a_link_is_made() -> None:
    """
    The link is not.
    """
    there = house()
    job_id = in_state(there, State.READY)
    meddled = Meddled(there.jobs, "add_link", "before", lambda: erase(there))
    with pytest.raises(ExportGone):
        ExportService(evolve(there.wiring, jobs=meddled)).link(ALICE, job_id)


# --- interrupted --------------------------------------------------------------------------------------------

STEPS = (
    "append",
    "begin_erasure",
    "erase",
    "list",
    "delete",
    "forget_artifact",
    "finish_erasure",
    "keep",
    "__call__",
)


class Crash(BaseException):
    """
    The process is gone.
    """


class Crashing:
    """
    Ports that count their steps together, and crash at one of them.
    """

    def __init__(self, at: int | None, when: str) -> None:
        self.steps, self._at, self._when = 0, at, when

    def around(self, inner):
        """
        Return a port whose steps are counted.
        """
        crashing = self

        class Port:
            def __getattr__(self, name):
                call = getattr(inner, name)
                return partial(crashing.step, call) if name in STEPS else call

            def __call__(self, *args):
                return crashing.step(inner, *args)

        return Port()

    def step(self, call, *args, **how):
        """
        Do one step, or die before or after it.
        """
        self.steps += 1
        if (self.steps, self._when) == (self._at, "before"):
            raise Crash
        answer = call(*args, **how)
        if (self.steps, self._when) == (self._at, "after"):
            raise Crash
        return answer

    def service(self, there: MemoryDeployment) -> ExportService:
        """
        Return a service whose ports these are.
        """
        ports = ("jobs", "outbox", "storage", "audit", "tombstones", "eraser")
        return ExportService(
            evolve(there.wiring, **{port: self.around(getattr(there.wiring, port)) for port in ports})
        )


def golden_steps() -> int:
    """
    Return how many steps an erasure of two exports has that nothing interrupts.
    """
    there, counting = house(), Crashing(None, "")
    in_state(there, State.READY)
    ask(there)
    assert counting.service(there).erase(olga(there), WHOM, basis=BASIS).finished_at is not None
    return counting.steps


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_anywhere_is_finished_by_the_sweeper(when: str) -> None:
    """
    Once it is begun, the sweeper ends it, with one tombstone, one receipt and one `erased`; else it never began.
    """
    steps = golden_steps()
    assert steps >= 10
    for at in range(1, steps + 1):
        there = house()
        ids = [in_state(there, State.READY), ask(there).id]
        with pytest.raises(Crash):
            Crashing(at, when).service(there).erase(olga(there), WHOM, basis=BASIS)
        begun = [each.tombstone.receipt for each in there.jobs.erasures()]
        if begun:
            with pytest.raises(SubjectErased):
                ask(there)
        there.clock.advance(timedelta(minutes=1))
        there.sweeper.sweep()
        assert begun == [each.tombstone.receipt for each in there.jobs.erasures() if each.finished_at], at
        receipt = erase(there)
        assert_erased(there, *ids)
        assert 2 == receipt.exports
        assert ([receipt.id], True) == (
            [stone.receipt for stone in there.tombstones.read()],
            receipt.id in begun or not begun,
        )
        there.sweeper.sweep()
        assert 1 == [entry.event for entry in there.audit.entries("default")].count("erased")
        assert [(None, None)] == [(each.sealed, each.wrapped_key) for each in there.jobs.erasures()]


def test_a_log_that_is_down_is_waited_for() -> None:
    """
    Nothing is erased before its tombstone is kept elsewhere; nobody asks meanwhile, and the sweeper goes on.
    """
    there = house()
    job_id = in_state(there, State.READY)

    class Down(MemoryTombstoneLog):
        def append(self, tombstone):
            raise TombstonesUnavailable("away")

    down = ExportService(evolve(there.wiring, tombstones=Down()))
    with pytest.raises(TombstonesUnavailable):
        down.erase(olga(there), WHOM, basis=BASIS)
    assert State.READY is there.jobs.get("default", job_id).state
    with pytest.raises(SubjectErased):
        ask(there)
    there.clock.advance(timedelta(minutes=1))
    assert Sweeper(evolve(there.wiring, tombstones=Down())).sweep().failures == 1
    assert there.sweeper.sweep().erased == 1
    assert_erased(there, job_id)


def test_an_eraser_that_fails_is_asked_again(caplog) -> None:
    """
    The exports are gone at once; the receipt is not finished, and nobody's name is logged.
    """
    there = house()
    job_id = in_state(there, State.READY)
    there.wiring.eraser.failing = True
    receipt = erase(there)
    assert_erased(there, job_id)
    assert receipt.finished_at is None
    assert "erased" not in [entry.event for entry in there.audit.entries("default")]
    assert (0, 0) == (there.sweeper.sweep().erased, there.sweeper.sweep().failures), "whoever began may be at it"
    there.clock.advance(timedelta(minutes=1))
    assert there.sweeper.sweep().failures == 1
    there.wiring.eraser.failing = False
    assert there.sweeper.sweep().erased == 1
    (order,) = there.wiring.eraser.orders
    assert (receipt.id, receipt.at, WHOM) == (order.receipt, order.at, order.subject)
    assert evolve(receipt, finished_at=there.clock()) == erase(there)
    assert "RuntimeError" in caplog.text
    assert "alice" not in caplog.text


def test_whoever_goes_on_knows_no_less_than_who_began() -> None:
    """
    An erasure that is ordered again with fewer identifiers erases all that it began with.
    """
    there = house()
    there.wiring.eraser.failing = True
    erase(there)
    there.wiring.eraser.failing = False
    assert erase(there, Subject("alice")).finished_at is not None
    assert [WHOM] == [order.subject for order in there.wiring.eraser.orders]


def test_a_storage_that_is_down_is_tried_again(monkeypatch) -> None:
    """
    The export opens for nobody from the start; once the storage is back, its objects are deleted, and it ends.
    """
    there = house()
    job_id = in_state(there, State.READY)

    def away(_: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(there.storage, "delete", away)
        assert erase(there).finished_at is None
        there.clock.advance(timedelta(minutes=1))
        assert there.sweeper.sweep().erased == 0
    assert there.jobs.get("default", job_id).wrapped_key is None
    assert there.sweeper.sweep().erased == 1
    assert_erased(there, job_id)


def test_whom_it_is_about_outlives_key_versions() -> None:
    """
    An erasure that cannot be finished for weeks keeps the version that sealed its subject, and then lets it go.
    """
    there = house()
    there.sweeper.sweep()
    there.wiring.eraser.failing = True
    erase(there)
    (erasure,) = there.jobs.erasures()
    for _ in range(20):
        there.clock.advance(timedelta(days=1))
        there.sweeper.sweep()
    assert erasure.wrapped_key.key_id in there.wiring.versions.retired()
    there.wiring.eraser.failing = False
    assert there.sweeper.sweep().erased == 1
    assert erasure.wrapped_key.key_id not in there.wiring.versions.retired()


# --- afterwards ---------------------------------------------------------------------------------------------


def test_a_later_request_is_told_why_not() -> None:
    """
    It is refused with the date, and with what is retained, on which basis and until when.
    """
    there = house()
    erase(there)
    there.clock.advance(timedelta(days=400))
    for subject in (WHOM, Subject("alice")):
        with pytest.raises(SubjectErased) as refused:
            there.service.request(ALICE, subject)
    kept = "payouts.id, payouts.requested_at, payouts.payee, payouts.amount"
    assert (NOON, (f"Tax act, until ten years after the year of payment: {kept}",)) == (
        refused.value.erased_at,
        refused.value.retained,
    )
    assert "2026-01-02" in str(refused.value)
    with pytest.raises(NotFound):
        there.service.request(Actor(id="bob"), WHOM)


def test_a_copy_of_what_is_retained() -> None:
    """
    Where the application chose so, the later request leads to a copy of that alone, each field with its basis.
    """
    there = house(after_erasure=lambda *_: AfterErasure.RETAINED)
    erase(there)
    there.clock.advance(timedelta(seconds=1))
    export = ask(there, formats=["csv"])
    assert "retained" == export.profile
    assert State.READY is there.worker.work().state
    listed = {each.name: (each.rule, each.reason) for each in there.service.policy("retained")["payouts"]}
    assert ("withhold", "Scrubbed when you were erased.") == listed["note"]
    assert ("keep", "Retained: Tax act, until ten years after the year of payment.") == listed["amount"]
    assert b"PK" == b"".join(
        there.service.open(ALICE, export.id, token(there.service.link(ALICE, export.id).url)).read(0, 2)
    )


def test_a_key_that_is_not_retained_is_a_pseudonym() -> None:
    """
    Rows stay apart although what tells them apart is scrubbed; what was withheld stays withheld as it was.
    """
    policy = keep_everything(CATALOG)
    bare = Catalog((PAYOUTS,), timezone="UTC")
    rules = retained_policy(bare, policy).rules["payouts"]
    assert {"id": "Pseudonymise", "requested_at": "Pseudonymise", "payee": "Withhold"} == {
        name: type(rules[name].rule).__name__ for name in ("id", "requested_at", "payee")
    }
    withheld = evolve(policy, rules={})
    assert withheld.rule("payouts", "amount") == retained_policy(CATALOG, withheld).rules["payouts"]["amount"]


def test_a_retained_copy_needs_its_policy() -> None:
    """
    An application that chose so without a policy of that profile is told.
    """
    there = house(after_erasure=lambda *_: AfterErasure.RETAINED, policies=Policies.of(keep_everything(CATALOG)))
    erase(there)
    with pytest.raises(InvalidConfiguration, match="'retained'"):
        ask(there)


def test_whoever_came_back_is_not_erased_again() -> None:
    """
    Once the application says that they came back they have exports, which no old tombstone reaches, though
    it is replayed; erased anew, they have another receipt.
    """
    there = house(after_erasure=lambda *_: AfterErasure.RETURNED)
    first = erase(there)
    there.clock.advance(timedelta(days=30))
    job_id = ask(there).id
    assert State.READY is there.worker.work().state
    (stone,) = there.tombstones.read()
    there.jobs.erase(stone, 1)
    there.sweeper.sweep()
    assert State.READY is there.service.status(ALICE, job_id).state
    second = erase(there)
    assert_erased(there, job_id)
    assert first.id != second.id
    there.clock.advance(timedelta(days=30))
    third = erase(there)
    assert 3 == len({first.id, second.id, third.id}), "back, but without an export since"
    assert [first.at, second.at, third.at] == [order.at for order in there.wiring.eraser.orders]


# --- a restored database ------------------------------------------------------------------------------------


def test_a_database_behind_the_log_serves_nothing() -> None:
    """
    Service, worker and sweeper refuse, and say what to do, until it is replayed; then who was erased is again.
    """
    there = house()
    job_id = in_state(there, State.READY)
    queued = ask(there, formats=["csv"]).id
    receipt_of_another = make_tombstone("another-receipt", "f" * 64)
    there.tombstones.append(receipt_of_another)
    tags = [there.wiring.tagger.tombstone_tag("default", "alice")]
    there.tombstones.append(evolve(make_tombstone("alices-receipt", *tags), at=there.clock()))
    restored = ExportService(there.wiring)
    for act in (
        lambda: restored.status(ALICE, job_id),
        lambda: restored.link(ALICE, job_id),
        lambda: restored.list(ALICE),
        lambda: restored._gate.find_for_bearer(ALICE, job_id, Action.DOWNLOAD),
        lambda: restored.request(ALICE, WHOM),
        lambda: restored.trail(ALICE),
        lambda: restored.erase(olga(there), WHOM, basis=BASIS),
        Worker(there.wiring).work,
        Sweeper(there.wiring).sweep,
    ):
        with pytest.raises(ErasuresMissing, match=r"2 people were erased .* erase --replay"):
            act()
    assert State.QUEUED is there.jobs.get("default", queued).state
    replayed = restored.replay_erasures(olga(there))
    assert (2, 2, 0) == (replayed.tombstones, replayed.exports, replayed.written_back)
    assert_erased(there, job_id, queued)
    assert () == restored.list(ALICE).items
    with pytest.raises(SubjectErased):
        restored.request(ALICE, Subject("alice"))
    (entry,) = (each for each in there.audit.entries("default") if each.event == "erasures_replayed")
    assert {"tombstones": "2", "exports": "2", "written_back": "0"}.items() <= entry.facts.items()
    assert (0, 0) == (
        restored.replay_erasures(olga(there)).tombstones,
        restored.replay_erasures(olga(there)).written_back,
    )


def test_what_was_replayed_is_finished_when_it_is_asked_for() -> None:
    """
    The log names nobody, so the eraser is asked once somebody says again whom: under the same receipt.
    """
    there = house()
    erase(there)
    (stone,) = there.tombstones.read()
    restored = house(tombstones=there.tombstones)
    restored.service.replay_erasures(olga(restored))
    assert [] == restored.wiring.eraser.orders
    assert erase(restored, Subject("alice")).finished_at is None, "she had a wallet too"
    receipt = erase(restored)
    assert (stone.receipt, True) == (receipt.id, receipt.finished_at is not None)
    assert [Subject("alice"), WHOM] == [order.subject for order in restored.wiring.eraser.orders]


def test_a_log_that_lost_entries_is_filled_again() -> None:
    """
    What only the database knows is written back: the log is what protects the next restored backup.
    """
    there = house()
    erase(there)
    lost = MemoryTombstoneLog()
    wiring = evolve(there.wiring, tombstones=lost)
    with pytest.raises(ErasuresMissing, match="the tombstone log lacks 1"):
        Worker(wiring).work()
    assert 1 == ExportService(wiring).replay_erasures(olga(there)).written_back
    assert there.tombstones.read() == lost.read()
    assert Worker(wiring).work() is None


def test_an_erasure_of_meanwhile_is_no_loss() -> None:
    """
    What somebody erased between two looks, at the log and at the database, keeps nobody from starting.
    """
    there = house()
    meddled = Meddled(there.jobs, "erasures", "before", lambda: erase(there))
    assert Worker(evolve(there.wiring, jobs=meddled)).work() is None


def test_a_crash_between_log_and_database_serves_nothing_of_theirs() -> None:
    """
    Whoever starts next erases the exports at once, before it serves anybody.
    """
    there = house()
    job_id = in_state(there, State.READY)
    meddled = Meddled(there.jobs, "erase", "before", lambda: (_ for _ in ()).throw(Crash()))
    with pytest.raises(Crash):
        ExportService(evolve(there.wiring, jobs=meddled)).erase(olga(there), WHOM, basis=BASIS)
    with pytest.raises(NotFound):
        ExportService(there.wiring).status(ALICE, job_id)
    assert State.ERASED is there.jobs.get("default", job_id).state


def test_the_log_is_asked_once_per_start() -> None:
    """
    Whoever has started reads it no more; one that does not answer keeps from starting.
    """
    there = house()
    there.service.list(ALICE)
    there.tombstones.down = True
    assert () == there.service.list(ALICE).items
    with pytest.raises(TombstonesUnavailable):
        there.worker.work()


def test_receipts_tell_until_when() -> None:
    """
    What the law retains, and the instant at which it goes too, stands in the receipt, in UTC.
    """
    until = datetime(2033, 1, 1, tzinfo=UTC)
    there = house()
    receipt = there.service.erase(olga(there), WHOM, basis=BASIS, retain_until=until)
    assert (until, ["id", "requested_at", "payee", "amount"]) == (
        receipt.retain_until,
        [each.field for each in receipt.retained],
    )
