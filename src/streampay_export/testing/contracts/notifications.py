"""
The contract of what waits to be told, in `ports.outbox` and `ports.jobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve

from ..._core.deadline import Deadline
from ..._core.job import WrappedKey
from ..._core.lifecycle import State
from ..._core.notification import Occasion, PendingNotification
from ...errors import ActiveExportDiffers, LeaseLost
from ...ports.jobs import JobStore
from ...ports.outbox import Outbox
from .concurrency import at_once
from .erasure import make_tombstone
from .jobs import claim_one, completion, make_job
from .outbox import make_entry

LEASE = timedelta(minutes=5)
MANY = 8


def make_pending(job_id: str = "job-1", occasion: Occasion = Occasion.ASKED) -> PendingNotification:
    """
    Return what is to be told about a job, with all its parts filled in.
    """
    return PendingNotification(
        id=f"{job_id}:{occasion}",
        tenant="default",
        job_id=job_id,
        occasion=occasion,
        sealed=b"\x00sealed \xff",
        wrapped_key=WrappedKey(key_id=f"key of {occasion}", ciphertext=b"\x00wrapped \xff"),
    )


def claimed(outbox: Outbox) -> list[str]:
    """
    Claim until nothing waits; return the ids.
    """
    found = []
    while pending := outbox.claim_notification(lease=LEASE):
        found.append(pending.id)
    return found


class NotificationsContract:
    """
    What every store keeps of notifications. Give the fixtures of `JobStoreContract`: *store*, empty, *outbox*
    of the same store, and *advance*, which moves its clock by so many seconds.
    """

    @pytest.fixture
    def store(self) -> JobStore:
        """
        The store under test.
        """
        raise NotImplementedError("give a fixture `store` that returns your job store, empty")

    @pytest.fixture
    def outbox(self) -> Outbox:
        """
        Its outbox.
        """
        raise NotImplementedError("give a fixture `outbox` that returns the outbox of your store")

    @pytest.fixture
    def advance(self) -> Callable[[float], None]:
        """
        Moves the store's clock.
        """
        raise NotImplementedError("give a fixture `advance` that moves your store's clock by seconds")

    def test_each_change_stores_what_is_to_be_told(
        self, store: JobStore, outbox: Outbox, advance: Callable[[float], None]
    ) -> None:
        """
        Request, deadline, completion, ending and erasure store it with the change, whole, the oldest first.
        """
        store.add(make_job(store), notifications=[make_pending()])
        advance(1)
        job = store.get("default", "job-1")
        assert job is not None
        later = Deadline(due_at=job.due_at + timedelta(days=60), extension=None, paused_at=None)
        expected = {State.QUEUED}
        store.reschedule(job, later, expected=expected, notifications=[make_pending(occasion=Occasion.EXTENDED)])
        advance(1)
        store.complete(claim_one(store), completion(store), notifications=[make_pending(occasion=Occasion.READY)])
        advance(1)
        store.add(make_job(store, "job-2", owner="other"))
        refused = make_pending("job-2", Occasion.REFUSED)
        store.end("default", "job-2", expected={State.QUEUED}, state=State.FAILED, notifications=[refused])
        advance(1)
        receipt = make_pending("receipt", Occasion.ERASED)
        store.erase(evolve(make_tombstone("receipt"), at=store.now()), 1, [receipt])
        first = outbox.claim_notification(lease=LEASE)

        assert evolve(make_pending(), attempts=1) == first
        assert ["job-1:extended", "job-1:ready", "job-2:refused", "receipt:erased"] == claimed(outbox)

    def test_what_changed_nothing_tells_nothing(self, store: JobStore, outbox: Outbox) -> None:
        """
        A request handed back, a late worker's completion and an ending that matches nothing store none.
        """
        told = [make_pending()]
        store.add(make_job(store))
        store.add(make_job(store, "job-2"), notifications=told)
        with pytest.raises(ActiveExportDiffers):
            store.add(
                evolve(make_job(store, "job-3"), request=evolve(make_job(store).request, formats=("csv",))),
                notifications=told,
            )
        late = claim_one(store)
        store.release(late)
        with pytest.raises(LeaseLost):
            store.complete(late, completion(store), notifications=told)
        store.end("default", "job-1", expected={State.READY}, state=State.DELETED, notifications=told)

        assert not claimed(outbox)

    @pytest.mark.parametrize("state", [State.CANCELLED, State.FAILED, State.ERASED])
    def test_an_end_clears_what_was_to_be_told(self, store: JobStore, outbox: Outbox, state: State) -> None:
        """
        Ended, a job's waiting notifications are gone, and with them the keys; others' stay.
        """
        store.add(make_job(store), tags=["tag"], notifications=[make_pending()])
        store.add(make_job(store, "job-2", owner="other"), notifications=[make_pending("job-2")])
        if state is State.ERASED:
            store.erase(evolve(make_tombstone("receipt", "tag"), at=store.now()), 1)
        else:
            store.end("default", "job-1", expected={State.QUEUED}, state=state)

        assert ["job-2:asked"] == claimed(outbox)

    def test_the_same_waits_once(self, store: JobStore, outbox: Outbox) -> None:
        """
        An erasure done again stores nothing anew.
        """
        stone, receipt = evolve(make_tombstone("receipt"), at=store.now()), make_pending("receipt", Occasion.ERASED)
        store.erase(stone, 1, [receipt])
        store.erase(stone, 1, [receipt])

        assert ["receipt:erased"] == claimed(outbox)

    def test_a_claim_ends_with_its_lease(
        self, store: JobStore, outbox: Outbox, advance: Callable[[float], None]
    ) -> None:
        """
        Claimed, it waits for nobody until the lease is over; then it is claimed again, the attempts counted.
        """
        store.add(make_job(store), notifications=[make_pending()])
        first = outbox.claim_notification(lease=LEASE)
        advance(LEASE.total_seconds() - 1)
        between = outbox.claim_notification(lease=LEASE)
        advance(1)
        second = outbox.claim_notification(lease=LEASE)

        assert (1, None, 2) == (first and first.attempts, between, second and second.attempts)

    def test_what_was_stored_first_is_claimed_by_its_age(
        self, store: JobStore, outbox: Outbox, advance: Callable[[float], None]
    ) -> None:
        """
        Of those stored before an instant the first, however long each has waited since it was tried last; none
        that was stored at it, and none that does not wait.
        """
        store.add(make_job(store), notifications=[make_pending()])
        advance(1)
        store.add(make_job(store, "job-2", owner="other"), notifications=[make_pending("job-2")])
        advance(1)
        first = outbox.claim_notification(lease=LEASE)
        assert first is not None
        outbox.postpone(first, store.now())
        store.add(make_job(store, "job-3", owner="third"), notifications=[make_pending("job-3")])
        found = []
        while pending := outbox.claim_notification(lease=LEASE, stored_before=store.now()):
            found.append(pending.id)

        assert ["job-1:asked", "job-2:asked"] == found
        assert ["job-3:asked"] == claimed(outbox)

    def test_postponed_it_waits_until_then(
        self, store: JobStore, outbox: Outbox, advance: Callable[[float], None]
    ) -> None:
        """
        Not before the instant named; given back, the attempt is not counted; a late one postpones nothing.
        """
        store.add(make_job(store), notifications=[make_pending()])
        first = outbox.claim_notification(lease=LEASE)
        assert first is not None
        outbox.postpone(first, store.now() + timedelta(seconds=10), give_back=True)
        assert not claimed(outbox)
        advance(10)
        again = outbox.claim_notification(lease=timedelta(0))
        second = outbox.claim_notification(lease=timedelta(0))
        assert again is not None
        assert second is not None
        outbox.postpone(again, store.now() + timedelta(days=1))

        assert (1, 2) == (again.attempts, second.attempts)
        assert ["job-1:asked"] == claimed(outbox)

    def test_notified_it_is_forgotten(self, store: JobStore, outbox: Outbox) -> None:
        """
        Row and key are gone, also when it is said twice; what is gone cannot be postponed back.
        """
        store.add(make_job(store), notifications=[make_pending(), make_pending(occasion=Occasion.READY)])
        keys = outbox.notification_keys()
        pending = outbox.claim_notification(lease=timedelta(0))
        assert pending is not None
        outbox.notified(pending)
        outbox.notified(pending)
        outbox.postpone(pending, store.now())

        assert {"key of asked", "key of ready"} == set(keys)
        assert {"key of ready"} == set(outbox.notification_keys())
        assert ["job-1:ready"] == claimed(outbox)

    def test_how_it_ended_is_taken_with_its_end(self, store: JobStore, outbox: Outbox) -> None:
        """
        Entries wait from then on; what is gone already has ended otherwise, and stores none.
        """
        store.add(make_job(store), notifications=[make_pending()])
        pending = outbox.claim_notification(lease=LEASE)
        assert pending is not None
        for name in ("first", "late"):
            outbox.notified(pending, [make_entry(name)])

        assert ["first"] == [entry.id for entry in outbox.pending()]

    def test_of_many_at_once_each_is_claimed_by_one(self, store: JobStore, outbox: Outbox) -> None:
        """
        As many claims at once as there are notifications get each of them once.
        """
        occasions = tuple(Occasion)
        store.add(make_job(store), notifications=[make_pending(occasion=each) for each in occasions])
        found = [each for some in at_once(MANY, lambda _: claimed(outbox)) for each in some]

        assert sorted(make_pending(occasion=each).id for each in occasions) == sorted(found)
