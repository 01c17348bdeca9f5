"""
The contract of `ports.dispatch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import pytest

from ...ports.dispatch import Dispatcher
from .concurrency import at_once

PROMPTLY = 5.0
"""Seconds that one ring may take, whatever is down: a person waits for it."""

SOON = 20.0
"""Seconds after which a ring must have been heard where somebody listens."""

HOSTILE = ("", "nobody", "../../etc/passwd", "job\x00", "job\r\nLPUSH", "\ud800", "Ж" * 3_000)


class DispatcherContract:
    """
    What every `Dispatcher` keeps. Give three fixtures: *dispatcher*, which somebody listens to; *heard*,
    which returns the rings that arrived there so far, in any order and number, and *unreachable*, a
    dispatcher of the same kind whose workers or broker are away.
    """

    @pytest.fixture
    def dispatcher(self) -> Dispatcher:
        """
        The dispatcher under test.
        """
        raise NotImplementedError("give a fixture `dispatcher` that returns your dispatcher, with a listener")

    @pytest.fixture
    def heard(self) -> Callable[[], Collection[tuple[str, str]]]:
        """
        What the listener heard so far.
        """
        raise NotImplementedError("give a fixture `heard` that returns a function: the rings that arrived so far")

    @pytest.fixture
    def unreachable(self) -> Dispatcher:
        """
        A dispatcher that nobody can hear.
        """
        raise NotImplementedError("give a fixture `unreachable` that returns a dispatcher whose workers are away")

    def test_a_ring_is_heard(
        self, dispatcher: Dispatcher, heard: Callable[[], Collection[tuple[str, str]]]
    ) -> None:
        """
        Where somebody listens, tenant and job id of each ring arrive, and no other.
        """
        rings = {("default", "job-1"), ("default", "job-2"), ("elsewhere", "job-1")}
        for ring in sorted(rings):
            dispatcher.ring(*ring)
        deadline = time.monotonic() + SOON
        while not (arrived := set(heard())) >= rings and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rings == arrived

    def test_a_ring_is_prompt_and_silent(self, dispatcher: Dispatcher) -> None:
        """
        Ringing takes no time to speak of, and waits for no work.
        """
        begun = time.monotonic()
        for n in range(20):
            dispatcher.ring("default", f"job-{n}")
        assert time.monotonic() - begun < PROMPTLY

    def test_a_repeated_ring_is_harmless(self, dispatcher: Dispatcher) -> None:
        """
        Five rings for one job raise nothing; neither do five at once.
        """
        for _ in range(5):
            dispatcher.ring("default", "job-1")
        assert [None] * 5 == at_once(5, lambda _: dispatcher.ring("default", "job-1"))

    def test_an_unknown_id_is_harmless(self, dispatcher: Dispatcher) -> None:
        """
        An id that nobody made, or nobody should have, raises nothing: the job store knows which there are.
        """
        for name in HOSTILE:
            dispatcher.ring("default", name)
            dispatcher.ring(name, "job-1")

    def test_an_unreachable_worker_costs_a_moment(
        self, unreachable: Dispatcher, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        Ringing for nobody returns in time, raises nothing, and says so once at most, without the ids.
        """
        begun = time.monotonic()
        for _ in range(20):
            unreachable.ring("tenant-1", "job-1")
        assert time.monotonic() - begun < PROMPTLY
        ours = [record.getMessage() for record in caplog.records if record.name == "streampay_export"]
        assert len(ours) <= 1
        assert not any(name in line for line in ours for name in ("tenant-1", "job-1"))
