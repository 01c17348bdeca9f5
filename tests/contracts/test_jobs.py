"""
Our job stores keep the contracts of the port, and the contracts catch stores that do not.
"""

import inspect
import sqlite3
from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export._core.job import Claim
from streampay_export.errors import LeaseLost
from streampay_export.jobs.memory import MemoryJobStore
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.ports.jobs import Admission, Admitted
from streampay_export.testing.contracts.jobs import JobStoreContract
from streampay_export.testing.contracts.outbox import OutboxContract
from streampay_export.testing.fakes import ManualClock


class _Clocked:
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def advance(self, clock):
        return lambda seconds: clock.advance(timedelta(seconds=seconds))

    @pytest.fixture
    def outbox(self, store):
        return store


class _InMemory(_Clocked):
    @pytest.fixture
    def store(self, clock):
        return MemoryJobStore(clock)


class _OnSqlite(_Clocked):
    @pytest.fixture
    def store(self, clock, tmp_path):
        store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.db'}", clock=clock)
        store.create_tables()
        yield store
        store.close()


class TestMemoryJobStore(_InMemory, JobStoreContract):
    pass


class TestMemoryOutbox(_InMemory, OutboxContract):
    pass


class TestSqliteJobStore(_OnSqlite, JobStoreContract):
    pass


class TestSqliteOutbox(_OnSqlite, OutboxContract):
    pass
