"""
The contract of `JobLinks`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from ...._core.lifecycle import State
from ....errors import (
    InvalidRequest,
)
from ....ports.jobs import JobStore, LinkUse
from ..concurrency import at_once
from .samples import (
    LEASE,
    SESSION,
    WEEK,
    Advance,
    claim_one,
    make_job,
    make_ready,
)


class LinksContract:
    """
    A link serves as often and as long as it says, and no longer than its job.
    """

    def test_a_link_begins_one_session(self, store: JobStore, advance: Advance) -> None:
        """
        The first use begins the session; later ones, until an hour after it, say when that was.
        """
        make_ready(store)
        assert store.add_link("default", "job-1", "link", expires_at=store.now() + timedelta(minutes=5))
        advance(299.999999)
        begun = store.now()
        assert LinkUse(begun_at=begun, first=True) == store.use_link("default", "job-1", "link", session=SESSION)
        advance(3599.999999)
        again = store.use_link("default", "job-1", "link", session=SESSION)
        assert LinkUse(begun_at=begun, first=False) == again
        advance(0.000001)
        assert store.use_link("default", "job-1", "link", session=SESSION) is None

    def test_a_late_link_begins_nothing(self, store: JobStore, advance: Advance) -> None:
        """
        At its expiry a link that was not begun is over.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + timedelta(minutes=5))
        advance(300)
        assert store.use_link("default", "job-1", "link", session=SESSION) is None

    def test_a_link_is_good_for_its_job_alone(self, store: JobStore) -> None:
        """
        Another job, tenant or link id uses nothing.
        """
        make_ready(store)
        make_ready(store, "job-2")
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        for names in (("default", "job-2", "link"), ("other", "job-1", "link"), ("default", "job-1", "LINK")):
            assert store.use_link(*names, session=SESSION) is None

    def test_an_expired_export_serves_nothing(self, store: JobStore, advance: Advance) -> None:
        """
        At `expires_at` no link is made, begun or gone on with, whoever swept or did not.
        """
        make_ready(store, life=timedelta(seconds=60))
        store.add_link("default", "job-1", "begun", expires_at=store.now() + WEEK)
        store.add_link("default", "job-1", "fresh", expires_at=store.now() + WEEK)
        advance(59.999999)
        assert store.use_link("default", "job-1", "begun", session=SESSION)
        advance(0.000001)
        assert store.use_link("default", "job-1", "begun", session=SESSION) is None
        assert store.use_link("default", "job-1", "fresh", session=SESSION) is None
        assert not store.add_link("default", "job-1", "late", expires_at=store.now() + WEEK)

    @pytest.mark.parametrize("state", [State.EXPIRED, State.DELETED, State.ERASED])
    def test_ending_revokes_links(self, store: JobStore, state: State) -> None:
        """
        From the end of a job on, no link of it is made, begun or gone on with.
        """
        make_ready(store)
        store.add_link("default", "job-1", "begun", expires_at=store.now() + LEASE)
        store.add_link("default", "job-1", "fresh", expires_at=store.now() + LEASE)
        store.use_link("default", "job-1", "begun", session=SESSION)
        store.end("default", "job-1", expected={State.READY}, state=state)
        assert store.use_link("default", "job-1", "begun", session=SESSION) is None
        assert store.use_link("default", "job-1", "fresh", session=SESSION) is None
        assert not store.add_link("default", "job-1", "late", expires_at=store.now() + LEASE)

    def test_a_job_that_is_not_ready_has_no_links(self, store: JobStore) -> None:
        """
        A queued or running job takes no link.
        """
        store.add(make_job(store))
        assert not store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        claim_one(store)
        assert not store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)

    def test_a_taken_link_id_is_refused(self, store: JobStore) -> None:
        """
        A second link under one id is refused, and the first session goes on.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        begun = store.use_link("default", "job-1", "link", session=SESSION)
        with pytest.raises(InvalidRequest):
            store.add_link("default", "job-1", "link", expires_at=store.now() + WEEK)
        again = store.use_link("default", "job-1", "link", session=SESSION)
        assert begun is not None
        assert LinkUse(begun_at=begun.begun_at, first=False) == again

    def test_one_of_many_concurrent_uses_is_the_first(self, store: JobStore) -> None:
        """
        Of uses at once exactly one begins the session.
        """
        make_ready(store)
        store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
        used = at_once(8, lambda _: store.use_link("default", "job-1", "link", session=SESSION))
        assert [False] * 7 + [True] == sorted(use.first for use in used if use is not None)
