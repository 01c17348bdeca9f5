"""
Parts that last: an export goes on behind its last closed part, on any machine, and is the same export.
"""

import io
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from streampay_export import Catalog, FieldRule, Policies, Policy, Pseudonymise, Subject
from streampay_export._core.closed_part import ClosedPart, read_closed_part, spell_closed_part
from streampay_export._core.figures import Figures, Held, MonthKey, Total, TotalKey
from streampay_export._core.lifecycle import State
from streampay_export._core.manifest import Digest, PartSummary
from streampay_export._core.selection import Census
from streampay_export.errors import Interrupted, SourceUnavailable
from streampay_export.testing.deployment import PAYOUTS, MemoryDeployment, keep_everything
from streampay_export.testing.fakes import NOON
from streampay_export.verify import verify_bundle
from streampay_export.worker import Worker

from .test_service import ALICE, payouts, token
from .test_worker import Meddling

PART = 5
BOTH = Catalog([evolve(PAYOUTS, state="note"), evolve(PAYOUTS, name="refunds", table="refunds")], timezone="UTC")
KEPT = keep_everything(BOTH).rules
SOME = {**KEPT["payouts"], "payee": FieldRule(rule=Pseudonymise(), reason="x")}
POLICY = Policy(profile="self", rules={"payouts": SOME, "refunds": KEPT["refunds"]})
ROWS = {"payouts": payouts(13), "refunds": payouts(10, "alice", "carol")}
FORMATS = ["csv", "ndjson", "json"]


class House(MemoryDeployment):
    """
    A deployment of small parts whose source calls *meddle* before each page it gives.
    """

    def __init__(self, meddle=lambda _: None, **changes) -> None:
        settings = {"catalog": BOTH, "policies": Policies.of(POLICY), "part_rows": PART} | changes
        self.meddle = meddle
        self.pages = 0
        super().__init__(source=Meddling(ROWS, self.before_page), **settings)

    def before_page(self, rows):
        """
        Call what meddles at the moment.
        """
        return self.meddle(rows)

    def request(self) -> str:
        """
        Ask for alice's export and return its id.
        """
        return self.service.request(ALICE, Subject("alice"), formats=FORMATS).export.id

    def bundle(self, job_id: str) -> bytes:
        """
        Return the ready bundle.
        """
        assert self.service.status(ALICE, job_id).state is State.READY
        link = self.service.link(ALICE, job_id)
        return b"".join(self.service.open(ALICE, job_id, token(link.url)).read())

    def objects(self) -> list[str]:
        """
        Return what is in storage: the ends of the keys.
        """
        return sorted(stored.key.rpartition("/")[2] for stored in self.storage.list())


def counting(house, at, act):
    """
    Return what lets pages by until the one at *at* (from 0), and then acts once.
    """

    def meddle(_):
        house.pages += 1
        if house.pages - 1 == at:
            act()

    return meddle


def uninterrupted() -> tuple[bytes, int]:
    """
    Return the bundle of an export that nothing interrupts, and how many pages it read.
    """
    house = House()
    house.meddle = counting(house, -1, None)
    job_id = house.request()
    house.worker.work()
    return house.bundle(job_id), house.pages


WHOLE, PAGES = uninterrupted()


@pytest.mark.parametrize("at", range(PAGES))
def test_stopped_anywhere_it_ends_in_the_same_bytes(at) -> None:
    """
    A worker told to stop at any page hands back; another goes on behind the last closed part, and the bundle is
    byte for byte what it would have been.
    """
    house = House()
    house.meddle = counting(house, at, house.worker.stop.set)
    job_id = house.request()
    with pytest.raises(Interrupted):
        house.worker.work()
    house.meddle = counting(house, -1, None)
    assert State.READY is Worker(house.wiring).work().state
    assert WHOLE == house.bundle(job_id)
    assert house.pages <= PAGES + 2  # the part at hand is read again, and no other
    assert ["2.zip"] == house.objects()


@pytest.mark.parametrize("at", range(PAGES))
def test_killed_anywhere_it_ends_in_the_same_files(at, tmp_path) -> None:
    """
    A process that dies at any page leaves a lease that runs out; then another machine makes the same files.
    """
    house = House()
    house.meddle = counting(house, at, _die)
    job_id = house.request()
    with pytest.raises(KeyboardInterrupt):
        house.worker.work()
    house.clock.advance(house.wiring.lease)
    house.meddle = lambda _: None
    Worker(house.wiring).work()
    data = house.bundle(job_id)
    (tmp_path / "bundle.zip").write_bytes(data)
    verify_bundle(tmp_path / "bundle.zip", house.wiring.manifests.public_keys())
    with zipfile.ZipFile(io.BytesIO(data)) as ours, zipfile.ZipFile(io.BytesIO(WHOLE)) as theirs:
        files = [name for name in theirs.namelist() if name.startswith("data/")]
        assert {name: theirs.read(name) for name in files} == {name: ours.read(name) for name in files}


def _die():
    raise KeyboardInterrupt


def interrupted(at: int) -> tuple[House, str]:
    """
    Return a deployment whose export was stopped at a page, and the export's id.
    """
    house = House()
    house.meddle = counting(house, at, house.worker.stop.set)
    job_id = house.request()
    with pytest.raises(Interrupted):
        house.worker.work()
    house.worker.stop.clear()
    house.meddle = lambda _: None
    return house, job_id


LAST = PAGES - 1


def test_a_small_export_keeps_nothing() -> None:
    """
    A dataset that fits into one part costs no object and no row more.
    """
    house = House(part_rows=50)
    puts = []
    put = house.storage.put
    house.storage.put = lambda key, stage: (puts.append(key), put(key, stage))
    job_id = house.request()
    house.worker.work()
    assert 1 == len(puts)
    assert () == tuple(house.jobs.kept_parts("default", job_id))


def test_what_is_kept_is_encrypted_and_goes_with_the_export() -> None:
    """
    While an export is under way its parts are in storage, unreadable; once it is ready, or ended, they are gone.
    """
    house, job_id = interrupted(LAST)
    closed = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {f"1-{place}-{number}-{name}.part" for place, number in closed for name in FORMATS} == set(
        house.objects()
    )
    for stored in house.storage.list():
        content = b"".join(house.storage.read(stored.key))
        assert b"note" not in content
    kept = house.jobs.kept_parts("default", job_id)
    assert [("payouts", 0), ("payouts", 1), ("refunds", 0), ("refunds", 1)] == [
        (part.dataset, part.number) for part in kept
    ]
    assert not any(b"note" in part.sealed or b"2025-01" in part.sealed for part in kept)
    assert 0 == house.sweeper.sweep().orphans
    house.service.delete(ALICE, job_id)
    assert () == tuple(house.jobs.kept_parts("default", job_id))
    house.sweeper.sweep()
    assert [] == house.objects()


@pytest.mark.parametrize("harm", ["deleted", "altered", "swapped"])
def test_a_part_that_cannot_be_read_back_is_read_again_from_the_source(harm) -> None:
    """
    What is missing, altered or another's is not gone on from; the export is the same all the same.
    """
    house, job_id = interrupted(LAST)
    keys = [stored.key for stored in house.storage.list()]
    first = next(key for key in keys if key.endswith("1-0-0-csv.part"))
    content = b"".join(house.storage.read(first))
    if harm == "swapped":
        content = b"".join(house.storage.read(next(key for key in keys if key.endswith("1-0-1-csv.part"))))
    house.storage.delete(first)
    if harm != "deleted":
        house.storage.put(first, io.BytesIO(content[:-1] + bytes([content[-1] ^ (harm == "altered")])))
    assert State.READY is house.worker.work().state
    assert WHOLE == house.bundle(job_id)


def test_a_part_cut_under_another_policy_is_not_gone_on_from() -> None:
    """
    A field withheld since is in no row of the export, also not in those read before.
    """
    house, job_id = interrupted(LAST)
    fewer = {name: KEPT["refunds"][name] for name in ("id", "requested_at")}
    stricter = Policy(profile="self", rules={"payouts": SOME, "refunds": fewer})
    later = evolve(house.wiring, policies=Policies.of(stricter))
    assert State.READY is Worker(later).work().state
    with zipfile.ZipFile(io.BytesIO(house.bundle(job_id))) as bundle:
        assert b"carol" not in bundle.read("data/refunds.csv")
        with zipfile.ZipFile(io.BytesIO(WHOLE)) as whole:
            assert whole.read("data/payouts.csv") == bundle.read("data/payouts.csv")


def test_an_attempt_that_fails_is_gone_on_from_too() -> None:
    """
    A source that is away for a while costs the part at hand.
    """
    house = House()

    def away():
        raise SourceUnavailable("away")

    house.meddle = counting(house, LAST, away)
    house.request()
    assert State.QUEUED is house.worker.work().state
    house.pages = 0
    house.meddle = counting(house, -1, None)
    house.clock.advance(timedelta(minutes=15))
    assert State.READY is house.worker.work().state
    assert house.pages <= 2


def test_a_closed_part_survives_its_json_form() -> None:
    """
    Reading what was spelled gives the same part; of another cut, or in another form, it is none.
    """
    key = TotalKey(amount="amount", asset="XLM", direction="in")
    total = Total(rows=2, sum=Decimal(1))
    figures = Figures(
        totals={key: total},
        months={MonthKey(total=key, month="2026-01"): total},
        states={"ended": 2},
        invariants={"escrow": Held(rows=2, broken=1)},
        first=("1", None),
        last=("2", "z"),
        latest=(("1", None, "memo"), ("2", "z", "")),
    )
    summary = PartSummary(
        dataset="payouts",
        number=3,
        expected=2,
        rows=2,
        read_at=NOON,
        files={"csv": Digest(size=7, sha256="ab" * 32)},
        figures=figures,
    )
    census = Census(included=9, null_keys=(0, 0))
    part = ClosedPart(
        summary=summary,
        after=None,
        last=(NOON, 7),
        exhausted=False,
        census=census,
        inexact=("fee",),
        packed={"csv": 3},
    )
    spelled = spell_closed_part(part, "cut")
    assert part == read_closed_part(spelled, "payouts", "cut")
    given_up = evolve(part, summary=evolve(summary, figures=Figures(totals=None, months=None, states=None)))
    assert given_up == read_closed_part(spell_closed_part(given_up, "cut"), "payouts", "cut")
    assert read_closed_part(spelled, "payouts", "another") is None
    assert read_closed_part(spelled, "refunds", "cut") is None
    assert read_closed_part(b'{"cut": "cut"}', "payouts", "cut") is None
    assert read_closed_part(b"no json", "payouts", "cut") is None
