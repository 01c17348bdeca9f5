"""
Our job stores keep the contracts of the port, and the contracts catch stores that do not.
"""

import inspect
import time
from datetime import timedelta

import pytest
from attrs import evolve

from streampay_export._core.job import Claim
from streampay_export._core.lifecycle import State
from streampay_export.jobs.memory import MemoryJobStore
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.ports.jobs import Admission, Admitted
from streampay_export.testing.contracts.jobs import JobStoreContract
from streampay_export.testing.contracts.notifications import NotificationsContract
from streampay_export.testing.contracts.outbox import OutboxContract
from streampay_export.testing.fakes import ManualClock


class _Clocked:
    @pytest.fixture
    def clock(self):
        """
        A clock that stands still.
        """
        return ManualClock()

    @pytest.fixture
    def advance(self, clock):
        """
        Moves that clock.
        """
        return lambda seconds: clock.advance(timedelta(seconds=seconds))

    @pytest.fixture
    def outbox(self, store):
        """
        The store is its own outbox.
        """
        return store


class _InMemory(_Clocked):
    @pytest.fixture
    def store(self, clock):
        """
        A new, empty store.
        """
        return MemoryJobStore(clock)


class _OnSqlite(_Clocked):
    @pytest.fixture
    def store(self, clock, tmp_path):
        """
        A new, empty store.
        """
        store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.db'}", clock=clock)
        store.create_tables()
        yield store
        store.close()


class TestMemoryJobStore(_InMemory, JobStoreContract):
    pass


class TestMemoryOutbox(_InMemory, OutboxContract):
    pass


class TestMemoryNotifications(_InMemory, NotificationsContract):
    pass


class TestSqliteJobStore(_OnSqlite, JobStoreContract):
    pass


class TestSqliteOutbox(_OnSqlite, OutboxContract):
    pass


class TestSqliteNotifications(_OnSqlite, NotificationsContract):
    pass


class _ClaimsWithoutFence(MemoryJobStore):
    """
    Leaves the fence as it is, so that a worker that was replaced is not found out.
    """

    def claim(self, **which):
        claim = super().claim(**which)
        if claim is None:
            return None
        job = evolve(claim.job, fence=0)
        self._jobs[job.tenant, job.id] = job
        return Claim(job=job, at=claim.at)


class _AddsWithoutLooking(MemoryJobStore):
    """
    Adds whatever comes.
    """

    def add(self, job, *, idempotency=None, entries=()):
        self._jobs[job.tenant, job.id] = job
        self.keep(entries)
        return Admitted(job=job, admission=Admission.CREATED)


class _ChecksThenAdds(MemoryJobStore):
    """
    Looks for an active job, lets go of the lock, then adds: right, as long as nobody else calls.
    """

    def add(self, job, *, idempotency=None, entries=()):
        for other in self._all():
            if other.active and other.owner_tag == job.owner_tag:
                return Admitted(job=other, admission=Admission.ACTIVE)
        time.sleep(0.01)
        self._jobs[job.tenant, job.id] = job
        return Admitted(job=job, admission=Admission.CREATED)


class _KeepsTheKey(MemoryJobStore):
    """
    Ends a job but shreds nothing.
    """

    def end(self, tenant, job_id, **how):
        before = self.get(tenant, job_id)
        ended = super().end(tenant, job_id, **how)
        if ended is not None:
            ended = evolve(ended, wrapped_key=before.wrapped_key)
            self._jobs[tenant, job_id] = ended
        return ended


class _ServesUntilSwept(MemoryJobStore):
    """
    Believes the state alone: an export is served until a sweeper comes by.
    """

    def _downloadable(self, tenant, job_id):
        job = self.get(tenant, job_id)
        return job is not None and job.state == "ready"


class _LooksThenCounts(MemoryJobStore):
    """
    Asks whether one more may be opened, lets go of the lock, then opens: more than allowed, at once.
    """

    def add_link(self, tenant, job_id, link_id, *, expires_at, opened_from=None, **terms):
        if opened_from is not None and not self.may_open(tenant, job_id, opened_from):
            return False
        time.sleep(0.01)
        if opened_from is not None:
            name = (tenant, job_id, opened_from)
            self._links[name] = evolve(self._links[name], begun=self._links[name].begun + 1)
        return super().add_link(tenant, job_id, link_id, expires_at=expires_at, **terms)


class _LetsSessionsRun(MemoryJobStore):
    """
    Revokes what was not begun.
    """

    def revoke_links(self, tenant, **which):
        begun = {key: link for key, link in self._links.items() if link.begun_at is not None}
        revoked = super().revoke_links(tenant, **which)
        self._links |= begun
        return revoked


class _ForgetsTenants(MemoryJobStore):
    """
    Finds a job by its id alone.
    """

    def get(self, tenant, job_id):
        return next((job for job in self._all() if job.id == job_id), None)


class _PrunesWhatWasNotAnswered(MemoryJobStore):
    """
    Deletes whatever has ended, and with it the dates that a next request takes over.
    """

    def _prunable(self, before):
        return [job for job in self._all() if job.finished_at is not None and job.finished_at < before]


class _TellsWhatDidNotHappen(MemoryJobStore):
    """
    Stores what is to be told before it knows whether there is anything to tell.
    """

    def end(self, tenant, job_id, *, notifications=(), **how):
        self._post((), notifications)
        return super().end(tenant, job_id, notifications=notifications, **how)


class _TellsOfTheDead(MemoryJobStore):
    """
    Ends a job and still has to tell of it.
    """

    def _forget(self, ended):
        before = self._notifications
        super()._forget(ended)
        self._notifications = before


class _ClaimsWithoutLease(MemoryJobStore):
    """
    Hands the same notification to whoever asks.
    """

    def claim_notification(self, *, lease, stored_before=None):
        return super().claim_notification(lease=timedelta(0), stored_before=stored_before)


class _GivesUpWhatIsNew(MemoryJobStore):
    """
    Hands out whatever waits when it is asked for what is old.
    """

    def claim_notification(self, *, lease, stored_before=None):
        return super().claim_notification(lease=lease)


class _PostponesWhatAnotherHas(MemoryJobStore):
    """
    Lets a late sweeper put off what was claimed since.
    """

    def postpone(self, pending, until, *, give_back=False):
        held = self._notifications.get((pending.tenant, pending.id))
        super().postpone(held.pending if held else pending, until, give_back=give_back)


@pytest.mark.parametrize(
    ("store_type", "test"),
    [
        (_TellsWhatDidNotHappen, "test_what_changed_nothing_tells_nothing"),
        (_TellsOfTheDead, "test_an_end_clears_what_was_to_be_told"),
        (_ClaimsWithoutLease, "test_a_claim_ends_with_its_lease"),
        (_GivesUpWhatIsNew, "test_what_was_stored_first_is_claimed_by_its_age"),
        (_PostponesWhatAnotherHas, "test_postponed_it_waits_until_then"),
    ],
)
def test_a_store_that_tells_wrongly_is_caught(store_type, test):
    """
    The contract of notifications fails for a store that breaks one of its sentences.
    """
    clock = ManualClock()
    store = store_type(clock)
    given = {
        "store": store,
        "outbox": store,
        "advance": lambda seconds: clock.advance(timedelta(seconds=seconds)),
        "state": State.CANCELLED,
    }
    asked = inspect.signature(getattr(NotificationsContract, test)).parameters
    with pytest.raises(AssertionError):
        getattr(NotificationsContract(), test)(**{name: given[name] for name in asked if name != "self"})


@pytest.mark.parametrize(
    ("store_type", "tests"),
    [
        (_PrunesWhatWasNotAnswered, ["test_what_was_not_answered_stays_until_it_was_due"]),
        (_ClaimsWithoutFence, ["test_a_claim_is_a_lease_with_a_fence", "test_a_late_worker_changes_nothing"]),
        (_AddsWithoutLooking, ["test_an_equal_request_gets_the_active_job", "test_an_idempotency_key_repeats"]),
        (_ChecksThenAdds, ["test_one_of_many_concurrent_requests_creates"]),
        (_KeepsTheKey, ["test_ending_shreds"]),
        (_ServesUntilSwept, ["test_an_expired_export_serves_nothing"]),
        (_LooksThenCounts, ["test_one_of_many_concurrent_openings_wins"]),
        (_LetsSessionsRun, ["test_links_are_revoked_by_job_by_owner_or_all"]),
        (_ForgetsTenants, ["test_unknown_names_are_nobodys"]),
    ],
)
def test_a_broken_store_is_caught(store_type, tests):
    """
    The contract fails for a store that breaks one of its sentences, in the tests that state it.
    """
    given = {
        "key": None,
        "name": "nobody",
        "what": "taken over",
        "before": State.READY,
        "state": State.FAILED,
    }
    for test in tests:
        clock = ManualClock()
        store = store_type(clock)
        given |= {
            "store": store,
            "outbox": store,
            "advance": lambda seconds, clock=clock: clock.advance(timedelta(seconds=seconds)),
        }
        asked = inspect.signature(getattr(JobStoreContract, test)).parameters
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            getattr(JobStoreContract(), test)(**{name: given[name] for name in asked if name != "self"})
