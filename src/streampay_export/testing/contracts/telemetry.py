"""
The contract of `ports.telemetry`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import pytest
from attrs import frozen

from ...errors import AuditUnavailable
from ...ports.telemetry import Fact, Measure, Span, Telemetry


@frozen(kw_only=True)
class SeenSpan:
    """
    A span as it arrived: its name, that of the span it belongs to, its facts, and whether it failed.
    """

    span: str
    within: str | None
    facts: Mapping[str, object]
    failed: bool


class Seen(Protocol):
    """
    What arrived where the signals go, read without the telemetry under test.
    """

    def spans(self) -> Sequence[SeenSpan]:
        """
        Return the spans that ended, in that order.
        """

    def value(self, measure: Measure, **facts: Fact) -> float:
        """
        Return the sum of a counter, or what a gauge was told last, under exactly these facts.
        """


class TelemetryContract:
    """
    What every `Telemetry` keeps. Give two fixtures: *telemetry*, and *seen*, what arrived of it (see `Seen`).
    """

    @pytest.fixture
    def telemetry(self) -> Telemetry:
        """
        The telemetry under test.
        """
        raise NotImplementedError("give a fixture `telemetry` that returns your telemetry")

    @pytest.fixture
    def seen(self) -> Seen:
        """
        What arrived.
        """
        raise NotImplementedError("give a fixture `seen` that reads what your telemetry told")

    def test_a_span_has_its_facts(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        A span arrives once, when it ends, with what was said at its beginning and since.
        """
        with telemetry.span(Span.PART, dataset="payouts", number=3) as span:
            assert not seen.spans()
            span.add(rows=7)

        [told] = seen.spans()
        assert ("part", None, False) == (told.span, told.within, told.failed)
        assert {"dataset": "payouts", "number": 3, "rows": 7} == told.facts

    def test_spans_belong_to_those_around_them(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        A span begun within another of its thread belongs to it; that of another thread, or a later one, does not.
        """

        def other() -> None:
            with telemetry.span(Span.SWEEP):
                pass

        with telemetry.span(Span.ATTEMPT):
            with telemetry.span(Span.DATASET), telemetry.span(Span.PART):
                pass
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        with telemetry.span(Span.REQUEST):
            pass

        belongs = {told.span: told.within for told in seen.spans()}
        expected = {"part": "dataset", "dataset": "attempt", "sweep": None, "attempt": None, "request": None}
        assert expected == belongs

    def test_an_error_is_its_slug(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        An error passes, and the span fails by its slug, or its class: what it says is not told.
        """
        for error in (AuditUnavailable("canary"), ValueError("canary")):
            with suppress(type(error)), telemetry.span(Span.ATTEMPT, job="job-1"):
                raise error
        with telemetry.span(Span.ATTEMPT, job="job-1") as span:
            span.add(slug="null-key")

        slugs = ["audit-unavailable", "ValueError", "null-key"]
        assert [{"job": "job-1", "slug": slug} for slug in slugs] == [told.facts for told in seen.spans()]
        assert [True] * 3 == [told.failed for told in seen.spans()]
        assert "canary" not in repr(seen.spans())

    def test_a_download_is_left_open(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        A download's span encloses nothing, so that one may end in any order with others, and in another thread.
        """

        def reading() -> Iterator[None]:
            with telemetry.span(Span.DOWNLOAD):
                yield
                yield

        one, two = reading(), reading()
        next(one)
        next(two)
        with telemetry.span(Span.REQUEST):
            list(one)
            thread = threading.Thread(target=list, args=(two,))
            thread.start()
            thread.join()

        assert [("download", None), ("download", None), ("request", None)] == [
            (told.span, told.within) for told in seen.spans()
        ]

    def test_counts_add_up(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        What is counted adds up by its facts, and what is running falls again.
        """
        telemetry.count(Measure.ROWS, 50_000, dataset="payouts")
        telemetry.count(Measure.ROWS, 7, dataset="payouts")
        telemetry.count(Measure.ROWS, 1, dataset="events")
        telemetry.count(Measure.SWEEPS)
        telemetry.count(Measure.RUNNING, 1)
        telemetry.count(Measure.RUNNING, 1)
        telemetry.count(Measure.RUNNING, -1)

        assert 50_007 == seen.value(Measure.ROWS, dataset="payouts")
        assert 1 == seen.value(Measure.ROWS, dataset="events")
        assert 1 == seen.value(Measure.SWEEPS) == seen.value(Measure.RUNNING)

    def test_a_gauge_is_what_it_was_told_last(self, telemetry: Telemetry, seen: Seen) -> None:
        """
        A gauge rises and falls.
        """
        telemetry.gauge(Measure.QUEUE_AGE, 12.5)
        telemetry.gauge(Measure.QUEUE_AGE, 0)

        assert 0 == seen.value(Measure.QUEUE_AGE)
