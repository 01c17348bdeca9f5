"""
The contract of `ports.jobs`, divided as it is.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from ...._core.lifecycle import State
from ....ports.jobs import JobStore
from ....ports.outbox import Outbox
from .claims import ClaimsContract
from .deadlines import DeadlinesContract
from .ends import EndsContract
from .erasures import ErasuresContract
from .keys import KeysContract
from .links import LinksContract
from .open_links import OpenLinksContract
from .parts import PartsContract
from .pruning import PruningContract
from .requests import RequestsContract
from .samples import HOSTILE, LEASE, MOST, SESSION, Advance, claim_one, completion, make_job, make_ready

__all__ = ["LEASE", "JobStoreContract", "claim_one", "completion", "make_job", "make_ready"]


class JobStoreContract(
    RequestsContract,
    ClaimsContract,
    PartsContract,
    DeadlinesContract,
    EndsContract,
    PruningContract,
    KeysContract,
    LinksContract,
    OpenLinksContract,
    ErasuresContract,
):
    """
    What every `JobStore` keeps. Give three fixtures: *store*, empty, and *advance*, a function that moves the
    store's clock by so many seconds; the clock must stand still otherwise. And *outbox*, where the
    store's *entries* come out: the store itself, where it is its own outbox.
    """

    @pytest.fixture
    def store(self) -> JobStore:
        """
        The store under test.
        """
        raise NotImplementedError("give a fixture `store` that returns your store, empty")

    @pytest.fixture
    def advance(self) -> Advance:
        """
        Moves the store's clock.
        """
        raise NotImplementedError("give a fixture `advance`: a function that moves the store's clock")

    @pytest.fixture
    def outbox(self) -> Outbox:
        """
        The outbox in which the store puts entries.
        """
        raise NotImplementedError("give a fixture `outbox` that returns the outbox of `store`")

    def test_the_clock_is_utc_and_moves_as_told(self, store: JobStore, advance: Advance) -> None:
        """
        `now` is aware, in UTC, and exact to the microsecond.
        """
        before = store.now()
        advance(1.000001)
        assert timedelta(0) == before.utcoffset()
        assert timedelta(seconds=1, microseconds=1) == store.now() - before

    @pytest.mark.parametrize("name", HOSTILE)
    def test_unknown_names_are_nobodys(self, store: JobStore, name: str) -> None:
        """
        A tenant or id that no job has is unknown to every method, whatever it is made of.
        """
        make_ready(store)
        for tenant, job_id in (("default", name), (name, "job-1")):
            assert store.get(tenant, job_id) is None
            assert not store.get_many(tenant, [job_id])
            assert store.end(tenant, job_id, expected={State.READY}, state=State.ERASED) is None
            assert not store.add_link(tenant, job_id, "link", expires_at=store.now() + LEASE)
            assert store.use_link(tenant, job_id, "link", session=SESSION) is None
            assert not store.may_open(tenant, job_id, "link")
            assert 0 == store.revoke_links(tenant, job_id=job_id)
            store.forget_artifact(tenant, job_id)
            assert store.erasure_of(tenant, [job_id]) is None
            assert store.finish_erasure(tenant, job_id) is None
            assert store.claim(lease=LEASE, max_attempts=MOST, tenant=tenant, job_id=job_id) is None
        assert 0 == store.revoke_links("default", owner_tag=name) == store.revoke_links("default", link_id=name)
        assert not store.list(name, "owner of job-1", limit=9)
        assert {0} == set(store.overview(name).counts.values())
        assert not store.list("default", name, limit=9)
