"""
The contract of `ports.audit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import pytest
from attrs import evolve

from ..._core.checkpoint import Checkpoint
from ..._core.verification import verify_chain
from ..._core.wire import spell_entry
from ...errors import AuditUnavailable
from ...keys.chaining import HmacChain
from ...ports.audit import AuditReader, AuditSink, ChainedTrail
from .concurrency import at_once
from .outbox import make_entry


class ReadableSink(AuditSink, AuditReader, Protocol):
    """
    A sink that reads back what it recorded.
    """


class ChainedSink(ReadableSink, ChainedTrail, Protocol):
    """
    A sink whose entries are a chain per tenant.
    """


MakeSink = Callable[[], AuditSink]
MakeReadableSink = Callable[[], ReadableSink]
MakeChainedSink = Callable[[], ChainedSink]
RawIds = Callable[[], Sequence[tuple[str, str]]]
THREADS = 8
TEST_CHAIN = HmacChain(bytes(32))
"""What links the entries of a trail under `ChainedTrailContract`: it checks them with this."""


class AuditSinkContract:
    """
    What every `AuditSink` keeps. Give three fixtures: *make_sink*, which opens the same empty trail each
    time it is called; *raw_ids*, which reads the (tenant, id) of what is recorded, in order, past the
    sink; and *break_trail*, which makes the trail unwritable until the function it returns is called.
    """

    @pytest.fixture
    def make_sink(self) -> MakeSink:
        """
        Opens the trail under test.
        """
        raise NotImplementedError("give a fixture `make_sink`: a function that opens the same trail")

    @pytest.fixture
    def raw_ids(self) -> RawIds:
        """
        Reads the trail without the sink.
        """
        raise NotImplementedError("give a fixture `raw_ids`: a function that returns (tenant, id) pairs")

    @pytest.fixture
    def break_trail(self) -> Callable[[], Callable[[], None]]:
        """
        Makes the trail unwritable; returns what mends it.
        """
        raise NotImplementedError("give a fixture `break_trail`: a function that returns how to mend it")

    def test_entries_are_recorded_in_order(self, make_sink: MakeSink, raw_ids: RawIds) -> None:
        """
        Each entry is there when append returns, after those before it.
        """
        sink = make_sink()
        for n, name in enumerate(("z", "a", "m"), 1):
            sink.append(make_entry(name))
            assert n == len(raw_ids())
        assert [("default", "z"), ("default", "a"), ("default", "m")] == list(raw_ids())

    def test_the_same_id_is_recorded_once(self, make_sink: MakeSink, raw_ids: RawIds) -> None:
        """
        The same tenant and id again changes nothing, even with other facts; another tenant's is another entry.
        """
        sink = make_sink()
        sink.append(make_entry("1"))
        sink.append(make_entry("1", job_id="other"))
        sink.append(make_entry("1", tenant="other"))
        sink.append(make_entry("1"))
        assert [("default", "1"), ("other", "1")] == list(raw_ids())

    def test_other_instances_know_what_is_recorded(self, make_sink: MakeSink, raw_ids: RawIds) -> None:
        """
        What one instance recorded another neither repeats nor loses, in whatever turn they append.
        """
        first, second = make_sink(), make_sink()
        turns = [(first, "1"), (second, "1"), (second, "2"), (first, "2"), (first, "3"), (second, "3")]
        for sink, name in turns:
            sink.append(make_entry(name))
        make_sink().append(make_entry("1"))
        assert [("default", "1"), ("default", "2"), ("default", "3")] == list(raw_ids())

    def test_threads_append_whole_entries_once(self, make_sink: MakeSink, raw_ids: RawIds) -> None:
        """
        Threads that append the same entries at once, through two instances, leave each exactly once.
        """
        sinks = [make_sink(), make_sink()]

        def append(thread: int) -> None:
            for n in range(10):
                sinks[thread % 2].append(make_entry(f"shared-{n}"))
                sinks[thread % 2].append(make_entry(f"own-{thread}-{n}"))

        at_once(THREADS, append)
        recorded = [name for _, name in raw_ids()]
        expected = [f"shared-{n}" for n in range(10)] + [f"own-{t}-{n}" for t in range(THREADS) for n in range(10)]
        assert sorted(expected) == sorted(recorded)

    def test_a_trail_that_is_down_refuses(
        self, make_sink: MakeSink, raw_ids: RawIds, break_trail: Callable[[], Callable[[], None]]
    ) -> None:
        """
        An entry that cannot be recorded is refused by `AuditUnavailable`, and taken once the trail is back.
        """
        sink = make_sink()
        sink.append(make_entry("1"))
        mend = break_trail()
        for _ in range(2):
            with pytest.raises(AuditUnavailable):
                sink.append(make_entry("2"))
        mend()
        sink.append(make_entry("2"))
        assert [("default", "1"), ("default", "2")] == list(raw_ids())


class AuditReaderContract(AuditSinkContract):
    """
    What every sink keeps that is an `AuditReader` too. The fixtures are those of `AuditSinkContract`.
    """

    def test_entries_come_back_as_they_were(self, make_sink: MakeReadableSink) -> None:
        """
        A tenant's entries are read whole, in the order recorded, all of them or one job's.
        """
        sink, reader = make_sink(), make_sink()
        entries = [make_entry("3", job_id="job-2"), make_entry("1"), make_entry("2", tenant="other")]
        for entry in entries:
            sink.append(entry)
        assert entries[:2] == list(reader.entries("default"))
        assert entries[1:2] == list(reader.entries("default", "job-1"))
        assert entries[2:] == list(reader.entries("other"))
        assert [] == list(reader.entries("other", "job-2"))

    def test_an_empty_trail_has_no_entries(self, make_sink: MakeReadableSink) -> None:
        """
        Before anything was recorded there is nothing to read, and no error.
        """
        assert not list(make_sink().entries("default"))

        assert not list(make_sink().entries("default", subject="b" * 64))

    def test_a_persons_entries_are_read_apart(self, make_sink: MakeReadableSink) -> None:
        """
        Entries about one subject come in the order recorded, and nobody else's with them.
        """
        sink = make_sink()
        entries = [evolve(make_entry(str(n)), subject=subject * 64) for n, subject in enumerate("bBb")]
        for entry in entries:
            sink.append(entry)
        sink.append(make_entry("3", tenant="other"))
        assert [entries[0], entries[2]] == list(sink.entries("default", subject="b" * 64))
        assert not list(sink.entries("default", subject="B"))


class ChainedTrailContract(AuditReaderContract):
    """
    What every sink keeps that is a `ChainedTrail` too. The fixtures are those of `AuditSinkContract`; the
    sinks that *make_sink* opens chain with `TEST_CHAIN`.
    """

    def test_each_tenant_has_a_chain_of_its_own(self, make_sink: MakeChainedSink) -> None:
        """
        A tenant's entries are numbered from 1 without a gap, in the order recorded, and the chain holds.
        """
        first, second = make_sink(), make_sink()
        for n in range(6):
            for sink in (first, second):
                sink.append(make_entry(str(n), tenant=("default", "other", "third")[n % 3]))
        links = list(first.chain("default"))
        assert ["default", "other", "third"] == list(first.tenants())
        assert [1, 2] == [each.number for each in links]
        assert [spell_entry(each).encode() for each in first.entries("default")] == [each.entry for each in links]
        for tenant in first.tenants():
            verdict = verify_chain(TEST_CHAIN, tenant, second.chain(tenant), ())
            assert (2, None) == (verdict.size, verdict.finding)

    def test_threads_make_one_dense_chain(self, make_sink: MakeChainedSink) -> None:
        """
        Entries that threads append at once, through two instances, are one chain per tenant without a gap.
        """
        sinks = [make_sink(), make_sink()]

        def append(thread: int) -> None:
            for n in range(10):
                sinks[thread % 2].append(make_entry(f"{thread}-{n}", tenant=("default", "other")[n % 2]))

        at_once(THREADS, append)
        for tenant in ("default", "other"):
            verdict = verify_chain(TEST_CHAIN, tenant, sinks[0].chain(tenant), ())
            assert (THREADS * 5, None) == (verdict.size, verdict.finding)

    def test_a_pruned_chain_goes_on(self, make_sink: MakeChainedSink) -> None:
        """
        Behind a pruned checkpoint the chain still holds, and entries that come later follow on; the last
        entry stays, whatever is pruned, and other tenants lose nothing.
        """
        sink, other = make_sink(), make_sink()
        for n in range(5):
            sink.append(make_entry(str(n)))
            other.append(make_entry(str(n), tenant="other"))
        links = list(sink.chain("default"))
        checkpoints = [
            Checkpoint(tenant="default", size=n, link=links[n - 1].link.hex(), at=make_entry("0").at, pruned=True)
            for n in (3, 3, 5)
        ]
        assert [3, 0, 1] == [other.prune(each) for each in checkpoints]
        sink.append(make_entry("5"))
        checkpoints.append(evolve(checkpoints[0], size=4, link=links[3].link.hex()))
        verdict = verify_chain(TEST_CHAIN, "default", other.chain("default"), checkpoints)
        assert [5, 6] == [each.number for each in sink.chain("default")]
        assert (6, 5, None) == (verdict.size, verdict.proven_to, verdict.finding)
        assert 5 == len(list(sink.chain("other")))

    def test_an_empty_trail_has_no_chain(self, make_sink: MakeChainedSink) -> None:
        """
        Before anything was recorded there are no tenants and no links, and nothing is due to be signed.
        """
        sink = make_sink()
        sink.checkpoint()
        assert ([], []) == (list(sink.tenants()), list(sink.chain("default")))
