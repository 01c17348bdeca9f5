"""
What a deployment tells those who watch it: all of an export, what went wrong by its kind, and nothing of anybody.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export import Actor, Capacity, Subject
from streampay_export._core.lifecycle import State
from streampay_export.errors import MissingExtra, NotFound, SourceUnavailable, UnknownName
from streampay_export.ports.telemetry import Measure, Span
from streampay_export.telemetry.opentelemetry import OpenTelemetry
from streampay_export.testing.deployment import MemoryDeployment

from .test_service import ALICE, payouts, token
from .test_worker import meddled, requested


def told(house: MemoryDeployment, span: Span) -> list[dict]:
    """
    Return the facts of each span of this kind, in the order in which they ended.
    """
    return [each.facts for each in house.telemetry.spans if each.span is span]


def test_an_export_is_told_from_request_to_download() -> None:
    """
    Request, attempt, dataset, parts, publishing and download are spans, each within the one it is part of.
    """
    house = MemoryDeployment({"payouts": payouts(5)}, part_rows=2)
    job = requested(house, formats=["ndjson"])
    house.worker.work()
    download = house.service.open(ALICE, job, token(house.service.link(ALICE, job).url))
    size = len(b"".join(download.read()))

    names = [(each.span, each.within) for each in house.telemetry.spans]
    parts = [(Span.PART, Span.DATASET)] * 3
    assert [
        (Span.REQUEST, None), *parts, (Span.DATASET, Span.ATTEMPT), (Span.PUBLISH, Span.ATTEMPT),
        (Span.ATTEMPT, None), (Span.DOWNLOAD, None),
    ] == names  # fmt: skip
    whose = {"tenant": "default", "job": job}
    assert [{**whose, "profile": "self", "created": True}] == told(house, Span.REQUEST)
    assert [{**whose, "attempt": 1, "state": "ready"}] == told(house, Span.ATTEMPT)
    assert [{**whose, "dataset": "payouts", "rows": 5}] == told(house, Span.DATASET)
    assert [(0, 2), (1, 2), (2, 1)] == [(each["number"], each["rows"]) for each in told(house, Span.PART)]
    assert [{**whose, "bytes": size}] == told(house, Span.PUBLISH) == told(house, Span.DOWNLOAD)
    counted = {measure: house.telemetry.total(measure) for measure in Measure}
    expected = dict.fromkeys(Measure, 0) | {Measure.ROWS: 5, Measure.PUBLISHED: size, Measure.DOWNLOADED: size}
    assert expected == counted


def test_rows_are_told_part_by_part() -> None:
    """
    Nothing is told for a row or a page: 20,000 rows more cost not one call more.
    """
    calls = []
    for rows in (10, 20_010):
        house = MemoryDeployment({"payouts": payouts(rows)})
        count = house.telemetry.count
        made: list[Measure] = []
        house.telemetry.count = lambda measure, *n, made=made, count=count, **f: (
            made.append(measure),
            count(measure, *n, **f),
        )
        requested(house)
        house.worker.work()
        calls.append((made, len(house.telemetry.spans)))
    assert calls[0] == calls[1]


def test_what_runs_is_counted_while_it_does() -> None:
    """
    An export being worked on is running, and no longer once it has ended.
    """
    running = []
    house = meddled(lambda _: running.append(house.telemetry.total(Measure.RUNNING)))
    requested(house)
    house.worker.work()
    assert [1] == running
    assert 0 == house.telemetry.total(Measure.RUNNING)


def test_failures_are_counted_by_kind() -> None:
    """
    Each failed attempt is counted under its slug; the attempt that ends the job says so itself.
    """

    def away(_):
        raise SourceUnavailable("away")

    house = meddled(away, max_attempts=2)
    requested(house)
    for _ in range(2):
        house.worker.work()
        house.clock.advance(timedelta(hours=1))
    kind = (("slug", "source-unavailable"), ("tenant", "default"))
    assert 2 == house.telemetry.counts[Measure.FAILURES, kind]
    assert ["queued", "failed"] == [each["state"] for each in told(house, Span.ATTEMPT)]
    assert [None, "source-unavailable"] == [each.get("slug") for each in told(house, Span.ATTEMPT)]
    assert ["source-unavailable"] * 2 == [each["slug"] for each in told(house, Span.PART)]


def test_a_lost_lease_is_counted_with_what_became_of_the_job() -> None:
    """
    A cancelled export is one lease lost, and no failure.
    """

    def cancel(_):
        house.service.delete(ALICE, job)

    house = meddled(cancel)
    job = requested(house)
    assert State.CANCELLED is house.worker.work().state
    lost = (("state", "cancelled"), ("tenant", "default"))
    assert 1 == house.telemetry.counts[Measure.LEASES_LOST, lost]
    assert 0 == house.telemetry.total(Measure.FAILURES)


def test_a_sweep_says_how_old_the_queue_is() -> None:
    """
    A sweep tells what it did and how long the longest has waited: from when it began to, not from its request.
    """
    house = MemoryDeployment({"payouts": payouts(1)}, max_attempts=1)
    house.sweeper.sweep()
    assert {Measure.QUEUE_AGE: 0} == house.telemetry.gauges
    requested(house)
    house.clock.advance(timedelta(seconds=60))
    house.service.request(Actor(id="bob"), Subject("bob"))
    house.clock.advance(timedelta(seconds=30))
    house.sweeper.sweep()
    assert {Measure.QUEUE_AGE: 90} == house.telemetry.gauges
    house.jobs.claim(lease=timedelta(seconds=60), max_attempts=1)
    house.clock.advance(timedelta(seconds=61))
    house.sweeper.sweep()
    assert {Measure.QUEUE_AGE: 91} == house.telemetry.gauges
    kind = (("slug", "attempts-exhausted"), ("tenant", "default"))
    assert 1 == house.telemetry.counts[Measure.FAILURES, kind]
    assert [(0, 0), (2, 0), (1, 1)] == [(each["rung"], each["exhausted"]) for each in told(house, Span.SWEEP)]
    assert 3 == house.telemetry.total(Measure.SWEEPS)


def test_nothing_told_is_of_anybody() -> None:
    """
    Canaries in every id, identifier, value and parameter are in no span and no measure, whatever happens.
    """
    canary = "canary"
    rows = [dict(row, payer=f"{canary}-wallet", note=f"{canary}-note") for row in payouts(3)]
    ann = Actor(id=f"{canary}-ann")
    subject = Subject(f"{canary}-ann", [f"{canary}-wallet"])

    def fails(_):
        raise RuntimeError(f"{canary}-driver")

    good, bad = MemoryDeployment({"payouts": rows}), meddled(fails, max_attempts=1)
    for house in (good, bad):
        job = house.service.request(ann, subject, idempotency_key=f"{canary}-key").export.id
        house.worker.work()
        house.sweeper.sweep()
        with pytest.raises(UnknownName):
            house.service.request(ann, subject, profile=f"{canary}-profile")
        with pytest.raises(NotFound):
            house.service.request(Actor(id=f"{canary}-olga", capacity=Capacity.OPERATOR), subject)
    [stored] = good.storage.list()
    job = stored.key.split("/")[1]
    chunks = good.service.open(ann, job, token(good.service.link(ann, job).url)).read()
    next(chunks)
    chunks.close()

    everything = [str((each.spans, each.counts, each.gauges)) for each in (t.telemetry for t in (good, bad))]
    assert 4 == sum(text.count("'unknown-name'") + text.count("'not-found'") for text in everything)
    assert "RuntimeError" in everything[1]
    assert "GeneratorExit" in everything[0]
    assert job in everything[0]
    for text in everything:
        assert canary not in text
        assert stored.key not in text


def test_nobody_watches_by_default() -> None:
    """
    A whole export without telemetry imports nothing of OpenTelemetry.
    """
    script = (
        "import sys\n"
        "from streampay_export import Actor, Subject\n"
        "from streampay_export.telemetry.none import NoTelemetry\n"
        "from streampay_export.testing.deployment import MemoryDeployment\n"
        "house = MemoryDeployment({'payouts': []}, telemetry=NoTelemetry())\n"
        "house.service.request(Actor(id='ann'), Subject('ann'))\n"
        "assert house.worker.work().state == 'ready' and house.sweeper.sweep()\n"
        "sys.exit('opentelemetry' in sys.modules)\n"
    )
    assert 0 == subprocess.run([sys.executable, "-c", script], check=False).returncode


def test_the_extra_that_is_missing_is_named(monkeypatch) -> None:
    """
    Without OpenTelemetry's API the error says what to install.
    """
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match=r"pip install 'streampay-export\[otel\]'"):
        OpenTelemetry()


def test_without_an_sdk_nothing_is_told() -> None:
    """
    OpenTelemetry's API alone takes everything and keeps nothing.
    """
    house = MemoryDeployment({"payouts": payouts(1)})
    wiring = evolve(house.wiring, telemetry=OpenTelemetry())
    requested(house)
    assert State.READY is type(house.worker)(wiring).work().state
