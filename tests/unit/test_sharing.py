"""
A long dataset read by several workers at once is the same export as one read by one.
"""

import io
import threading
import zipfile
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export import Catalog, Policies, Subject
from streampay_export._core.closed_part import KeyRange, read_key_range, spell_key_range
from streampay_export._core.lifecycle import State
from streampay_export._core.selection import Census
from streampay_export.errors import Interrupted, LeaseLost, SourceUnavailable
from streampay_export.ports.telemetry import Measure
from streampay_export.testing.deployment import PAYOUTS, MemoryDeployment, keep_everything
from streampay_export.worker import Worker

from .test_service import ALICE, payouts, token
from .test_worker import Meddling

PART = 5
BOTH = Catalog([PAYOUTS, evolve(PAYOUTS, name="refunds", table="refunds")], timezone="UTC")
ROWS = {"payouts": payouts(43), "refunds": payouts(7)}


class House(MemoryDeployment):
    """
    A deployment of small parts, shared out or not. *meddle* is called before each page of rows, with them.
    """

    def __init__(self, *, fan_out=True, meddle=lambda _: None, tables=ROWS) -> None:
        self.meddle = meddle
        super().__init__(
            source=Meddling(tables, self.before_page),
            catalog=BOTH,
            policies=Policies.of(keep_everything(BOTH)),
            part_rows=PART,
            fan_out=fan_out,
        )

    def before_page(self, rows):
        """
        Call what meddles at the moment; pages of keys alone are let by.
        """
        return self.meddle(rows) if rows and len(rows[0]) > 4 else None

    def request(self) -> str:
        """
        Ask for alice's export and return its id.
        """
        return self.service.request(ALICE, Subject("alice")).export.id

    def bundle(self, job_id: str) -> bytes:
        """
        Return the ready bundle.
        """
        assert self.service.status(ALICE, job_id).state is State.READY
        link = self.service.link(ALICE, job_id)
        return b"".join(self.service.open(ALICE, job_id, token(link.url)).read())


def alone(tables=ROWS) -> bytes:
    """
    Return the bundle that one worker makes without sharing.
    """
    house = House(fan_out=False, tables=tables)
    job_id = house.request()
    house.worker.work()
    return house.bundle(job_id)


WHOLE = alone()


def test_one_worker_that_shares_makes_the_same_bytes() -> None:
    """
    With nobody to help, the worker reads every planned part itself.
    """
    house = House()
    job_id = house.request()
    house.worker.work()
    assert WHOLE == house.bundle(job_id)
    assert 7 < len(house.rings.rings)
    assert 1 == len(list(house.storage.list()))


@pytest.mark.parametrize("helpers", [1, 3])
def test_several_workers_make_the_same_bytes(helpers) -> None:
    """
    Whoever reads which part, and in which order they close, the bundle is what one worker would have made.
    """
    read_by = set()
    house = House(meddle=lambda _: read_by.add(threading.current_thread().name))
    job_id = house.request()
    done = threading.Event()
    first = threading.Thread(target=lambda: (house.worker.work(), done.set()), name="first")

    def help_out():
        worker = Worker(house.wiring)
        while not done.is_set():
            worker.work()
            done.wait(0.001)

    others = [threading.Thread(target=help_out, name=f"helper {number}") for number in range(helpers)]
    for thread in (first, *others):
        thread.start()
    for thread in (first, *others):
        thread.join(60)
    assert WHOLE == house.bundle(job_id)
    assert "first" in read_by
    assert () == tuple(house.jobs.planned_parts("default", job_id))


def planned() -> tuple[House, str]:
    """
    Return a deployment whose export was stopped once its parts were planned, and the export's id.
    """
    pages = []

    def stop(rows):
        pages.append(rows)
        if len(pages) == 2:  # the second page of whole rows belongs to the first planned part
            house.worker.stop.set()

    house = House(meddle=stop)
    job_id = house.request()
    with pytest.raises(Interrupted):
        house.worker.work()
    house.worker.stop.clear()
    house.meddle = lambda _: None
    return house, job_id


def failed_parts(house: House) -> dict[str, int]:
    """
    Return how many parts failed by which error.
    """
    counts = house.telemetry.counts.items()
    return {dict(facts)["slug"]: n for (measure, facts), n in counts if measure is Measure.PART_FAILURES}


def test_a_plan_outlives_whoever_made_it() -> None:
    """
    The next worker reads what is left of the plan, and nothing twice.
    """
    house, job_id = planned()
    left = len(house.jobs.planned_parts("default", job_id))
    assert left == 8
    assert State.READY is Worker(house.wiring).work().state
    assert WHOLE == house.bundle(job_id)


def test_a_part_that_was_lost_is_read_by_another() -> None:
    """
    A helper that dies leaves a lease that runs out; one that comes back late changes nothing.
    """
    house, _ = planned()
    claim = house.jobs.claim(lease=house.wiring.lease, max_attempts=5)
    late = house.jobs.claim_part(lease=house.wiring.lease)
    assert late.part.number == 1
    assert house.jobs.claim_part(lease=house.wiring.lease).part.number == 2
    house.clock.advance(house.wiring.lease)
    again = house.jobs.claim_part(lease=house.wiring.lease)
    assert (late.part.number, late.part.fence + 1) == (again.part.number, again.part.fence)
    for verb in (
        lambda: house.jobs.renew_part(late, house.wiring.lease),
        lambda: house.jobs.close_part(late, None),
    ):
        with pytest.raises(LeaseLost):
            verb()
    house.jobs.release_part(late)
    house.jobs.release_part(again)
    assert 1 == house.jobs.claim_part(lease=house.wiring.lease).part.number
    house.jobs.release(claim)
    house.clock.advance(house.wiring.lease)
    assert State.READY is Worker(house.wiring).work().state


def test_who_finds_a_part_calls_the_next() -> None:
    """
    A queue may make one ring of many: a helper rings before it reads, and one that finds nothing rings for nobody.
    """
    house, job_id = planned()
    house.jobs.claim(lease=house.wiring.lease, max_attempts=5)
    house.rings.rings.clear()
    heard = []
    house.meddle = lambda _: heard.extend(house.rings.rings)
    Worker(house.wiring).work("default", job_id)
    assert [("default", job_id)] == heard
    Worker(house.wiring).work("default", "another")
    assert [("default", job_id)] == house.rings.rings


def test_a_helper_with_a_fault_ends_nothing(caplog) -> None:
    """
    What goes wrong with a part where it is helped is the job's own worker's to say: the part is free again.
    """
    house, job_id = planned()
    house.jobs.claim(lease=house.wiring.lease * 10, max_attempts=5)

    def away(_):
        raise SourceUnavailable("away")

    house.meddle = away
    assert State.RUNNING is Worker(house.wiring).work().state
    assert "could not be read here: the history source is not available" in caplog.text

    def broken(_):
        raise RuntimeError("a bug")

    house.meddle = broken
    house.clock.advance(house.wiring.lease)
    Worker(house.wiring).work()
    assert "met an error this library does not know" in caplog.text
    assert 8 == len(house.jobs.planned_parts("default", job_id))
    assert {"source-unavailable": 1, "internal": 1} == failed_parts(house)
    assert 0 == house.telemetry.total(Measure.FAILURES)


def test_a_part_that_fails_its_own_worker_is_counted_as_that() -> None:
    """
    Under its kind, beside the attempt that fails by it; one that is let go, as the job was cancelled, is none.
    """
    house, job_id = planned()

    def away(_):
        raise SourceUnavailable("away")

    house.meddle = away
    assert State.QUEUED is Worker(house.wiring).work().state
    assert {"source-unavailable": 1} == failed_parts(house)
    assert 1 == house.telemetry.total(Measure.FAILURES)

    house.clock.advance(timedelta(hours=1))
    house.meddle = lambda _: house.service.delete(ALICE, job_id) and None
    assert State.CANCELLED is Worker(house.wiring).work().state
    assert {"source-unavailable": 1} == failed_parts(house)


@pytest.mark.parametrize("error", [SourceUnavailable("away"), RuntimeError("a bug")])
def test_the_next_attempt_need_not_wait_for_the_parts_of_one_that_failed(error) -> None:
    """
    Whatever ended it, a part that was claimed is free at once.
    """
    house, _ = planned()

    def broken(_):
        raise error

    house.meddle = broken
    assert State.QUEUED is Worker(house.wiring).work().state
    house.clock.advance(timedelta(seconds=10))
    assert house.wiring.lease > timedelta(seconds=10)
    house.meddle = lambda _: None
    assert State.READY is Worker(house.wiring).work().state


def test_a_helper_told_to_stop_gives_its_part_back() -> None:
    """
    The next one may claim it at once.
    """
    house, _ = planned()
    house.jobs.claim(lease=house.wiring.lease, max_attempts=5)
    helper = Worker(house.wiring)
    house.meddle = lambda _: helper.stop.set()
    with pytest.raises(Interrupted):
        helper.work()
    assert 1 == house.jobs.claim_part(lease=house.wiring.lease).part.number


def test_a_helper_whose_job_ended_leaves_nothing() -> None:
    """
    A job that is cancelled takes its plan along; what the helper had put into storage is swept.
    """
    house, job_id = planned()
    house.meddle = lambda _: house.service.delete(ALICE, job_id) and None
    house.jobs.claim(lease=house.wiring.lease, max_attempts=5)
    assert State.CANCELLED is Worker(house.wiring).work().state
    house.sweeper.sweep()
    assert [] == list(house.storage.list())
    assert Worker(house.wiring).work() is None


def test_a_helper_of_another_policy_reads_nothing(caplog) -> None:
    """
    During a roll-out workers of two policies do not mix their rows.
    """
    house, job_id = planned()
    house.jobs.claim(lease=house.wiring.lease, max_attempts=5)
    rules = dict(keep_everything(BOTH).rules["payouts"])
    del rules["note"]
    policy = evolve(keep_everything(BOTH), rules={"payouts": rules})
    Worker(evolve(house.wiring, policies=Policies.of(policy))).work()
    assert "planned under another policy" in caplog.text
    assert 8 == len(house.jobs.planned_parts("default", job_id))


def test_rows_erased_meanwhile_leave_no_hole() -> None:
    """
    A planned part whose rows are all gone has no place in the manifest, and the others close up.
    """
    house, job_id = planned()
    fewer = {"payouts": [row for row in ROWS["payouts"] if not 10 <= row["id"] < 15], "refunds": ROWS["refunds"]}
    house.wiring.source._inner._tables.update(fewer)
    Worker(house.wiring).work()
    with zipfile.ZipFile(io.BytesIO(house.bundle(job_id))) as bundle:
        lines = bundle.read("data/payouts.csv").decode().splitlines()
    assert [str(row["id"]) for row in fewer["payouts"]] == [line.split(",")[0] for line in lines[1:]]


def test_a_short_dataset_is_not_shared() -> None:
    """
    Below four parts that are left, sharing costs more than it saves.
    """
    house = House(tables={"payouts": payouts(19), "refunds": []})
    house.request()
    house.worker.work()
    assert 1 == len(house.rings.rings)


def test_a_key_range_survives_its_json_form() -> None:
    """
    Of another cut, or in another form, it is none.
    """
    for after in (None, ("a", 1)):
        range_ = KeyRange(after=after, upto=("b", 2), census=Census(included=9, null_keys=(0, 0)))
        spelled = spell_key_range("payouts", range_, "cut")
        assert range_ == read_key_range(spelled, "payouts", "cut")
        assert read_key_range(spelled, "payouts", "another") is None
        assert read_key_range(spelled, "refunds", "cut") is None
    assert read_key_range(b"{}", "payouts", "cut") is None


class Viewed:
    """
    A source whose snapshots can be joined by name until the one that shares is left.
    """

    def __init__(self, inner) -> None:
        self._inner = inner
        self.joined_in = []
        self.gone = False

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def share(self, snapshot):
        """
        Return a name.
        """
        return "the view"

    def joined(self, view):
        """
        Open a snapshot as the inner source does, and note it.
        """
        if self.gone:
            raise SourceUnavailable("the view is gone")
        self.joined_in.append(view)
        return self._inner.snapshot()


@pytest.mark.parametrize("gone", [False, True])
def test_parts_are_read_in_one_view_while_it_can_be_joined(gone) -> None:
    """
    With a view every planned part is read in it; once it is gone each is read as things are, and all goes on.
    """
    house = House()
    viewed = Viewed(house.wiring.source)
    viewed.gone = gone
    worker = Worker(evolve(house.wiring, source=viewed))
    job_id = house.request()
    worker.work()
    assert WHOLE == house.bundle(job_id)
    assert ([] if gone else ["the view"] * 9) == viewed.joined_in
