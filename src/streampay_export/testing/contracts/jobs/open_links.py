"""
The contract of `JobLinks` for links that are mailed, and for taking links back.
"""

from __future__ import annotations

from datetime import timedelta

from ...._core.lifecycle import State
from ...._core.ticket import Purpose
from ....ports.jobs import JobStore
from ....ports.outbox import Outbox
from ..concurrency import at_once
from ..outbox import make_entry
from .samples import (
    LEASE,
    SESSION,
    Advance,
    make_ready,
    open_link,
)


def opened(store: JobStore, link_id: str, *, job_id: str = "job-1", opened_from: str = "mailed") -> bool:
    """
    Open a download, to be begun within five minutes, from an open link; return whether that was allowed.
    """
    soon = store.now() + timedelta(minutes=5)
    return store.add_link("default", job_id, link_id, expires_at=soon, opened_from=opened_from)


def usable(store: JobStore, *link_ids: str, job_id: str = "job-1") -> list[str]:
    """
    Use links; return those that could be.
    """
    return [each for each in link_ids if store.use_link("default", job_id, each, session=SESSION) is not None]


class OpenLinksContract:
    """
    An open link begins as many downloads as it says, and none once it is revoked.
    """

    def test_an_open_link_downloads_nothing_itself(self, store: JobStore) -> None:
        """
        What is opened from it does; what is opened from a download link, or from nothing, is not made.
        """
        make_ready(store)
        open_link(store)
        assert [] == usable(store, "mailed")
        assert opened(store, "one")
        assert ["one"] == usable(store, "one")
        assert [False, False] == [opened(store, "two", opened_from=other) for other in ("one", "nothing")]
        assert [] == usable(store, "two")
        assert [True, False, False] == [store.may_open("default", "job-1", it) for it in ("mailed", "one", "two")]

    def test_a_bearers_links_are_links_like_others(self, store: JobStore) -> None:
        """
        What is opened from one is counted, used and revoked as if somebody had to be signed in.
        """
        make_ready(store)
        until = store.now() + LEASE
        assert store.add_link("default", "job-1", "mailed", expires_at=until, purpose=Purpose.BEARER_OPEN, limit=1)
        assert [] == usable(store, "mailed")
        assert [True, False] == [
            store.add_link(
                "default",
                "job-1",
                each,
                expires_at=until,
                purpose=Purpose.BEARER_DOWNLOAD,
                opened_from="mailed",
            )
            for each in ("one", "two")
        ]
        assert ["one"] == usable(store, "one", "two")
        assert 2 == store.revoke_links("default", link_id="mailed")
        assert [] == usable(store, "one")

    def test_an_open_link_begins_as_many_downloads_as_it_may(self, store: JobStore, advance: Advance) -> None:
        """
        Looking counts nothing, nor does a session that goes on; without a limit there is none.
        """
        make_ready(store)
        open_link(store, limit=2)
        open_link(store, id="unlimited")
        assert opened(store, "one")
        for _ in range(3):
            assert store.may_open("default", "job-1", "mailed")
            assert ["one"] == usable(store, "one")
        assert opened(store, "two")
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "three")
        advance(60)
        assert ["one", "two"] == usable(store, "one", "two", "three")
        assert [True] * 5 == [opened(store, f"more-{n}", opened_from="unlimited") for n in range(5)]

    def test_an_open_link_is_over_at_its_expiry(self, store: JobStore, advance: Advance) -> None:
        """
        From then on nothing is opened from it; what was begun before goes on.
        """
        make_ready(store)
        until = store.now() + timedelta(seconds=60)
        store.add_link("default", "job-1", "mailed", expires_at=until, purpose=Purpose.OPEN)
        advance(59.999999)
        assert opened(store, "one")
        advance(0.000001)
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "two")
        assert ["one"] == usable(store, "one")

    def test_an_open_link_is_over_with_its_job(self, store: JobStore, advance: Advance) -> None:
        """
        At `expires_at`, swept or not, and from the job's end on nothing is opened.
        """
        for job_id in ("job-1", "job-2"):
            make_ready(store, job_id, life=timedelta(seconds=60))
            open_link(store, job_id)
        store.end("default", "job-2", expected={State.READY}, state=State.DELETED)
        assert not store.may_open("default", "job-2", "mailed")
        assert not opened(store, "one", job_id="job-2")
        advance(60)
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "one")

    def test_one_of_many_concurrent_openings_wins(self, store: JobStore) -> None:
        """
        Of twenty at once from a link that may begin one, one begins.
        """
        make_ready(store)
        open_link(store, limit=1)
        assert [False] * 19 + [True] == sorted(at_once(20, lambda n: opened(store, f"session-{n}")))
        assert 1 == len(usable(store, *(f"session-{n}" for n in range(20))))

    def test_one_link_is_revoked_with_what_was_opened_from_it(self, store: JobStore, outbox: Outbox) -> None:
        """
        Begun or not, sessions too; others go on, and new ones are made.
        """
        make_ready(store)
        open_link(store)
        store.add_link("default", "job-1", "other", expires_at=store.now() + LEASE)
        assert [True, True] == [opened(store, each) for each in ("begun", "fresh")]
        assert ["begun", "other"] == usable(store, "begun", "other")
        revoked = store.revoke_links("default", job_id="job-1", link_id="mailed", entries=[make_entry("1")])
        assert (3, [make_entry("1")]) == (revoked, list(outbox.pending()))
        assert ["other"] == usable(store, "begun", "fresh", "other")
        assert not store.may_open("default", "job-1", "mailed")
        assert not opened(store, "late")
        open_link(store, id="new")
        assert store.may_open("default", "job-1", "new")

    def test_links_are_revoked_by_job_by_owner_or_all(self, store: JobStore) -> None:
        """
        Of one job, of one owner, of one tenant; nobody else's are touched, and what is told is stored.
        """
        names = [("default", "job-1"), ("default", "job-2"), ("default", "job-3"), ("other", "job-4")]

        def all_links() -> list[str]:
            return [
                job_id
                for tenant, job_id in names
                if store.use_link(tenant, job_id, "link", session=SESSION) is not None
            ]

        for tenant, job_id in names:
            make_ready(store, job_id, tenant=tenant)
            store.add_link(tenant, job_id, "link", expires_at=store.now() + LEASE)
        assert 1 == store.revoke_links("default", job_id="job-1")
        assert ["job-2", "job-3", "job-4"] == all_links()
        assert 0 == store.revoke_links("other", owner_tag="owner of job-2")
        assert 1 == store.revoke_links("default", owner_tag="owner of job-2")
        assert ["job-3", "job-4"] == all_links()
        assert [1, 0] == [store.revoke_links("default") for _ in range(2)]
        assert ["job-4"] == all_links()

    def test_what_is_told_of_a_revocation_is_stored_with_it(self, store: JobStore, outbox: Outbox) -> None:
        """
        Also where nothing was there to revoke, whatever was named.
        """
        entries = [make_entry(str(n)) for n in range(2)]
        assert 0 == store.revoke_links("default", job_id="job-1", entries=entries[:1])
        assert 0 == store.revoke_links("default", link_id="\ud800\0", entries=entries[1:])
        assert entries == list(outbox.pending())

    def test_openings_and_a_revocation_at_once_leave_nothing_usable(self, store: JobStore) -> None:
        """
        What was opened at the moment its link was revoked is revoked too.
        """
        make_ready(store)
        for n in range(5):
            open_link(store, id=f"mailed-{n}")

            def open_one(k: int, n: int = n) -> None:
                if k:
                    opened(store, f"session-{n}-{k}", opened_from=f"mailed-{n}")
                else:
                    store.revoke_links("default", job_id="job-1", link_id=f"mailed-{n}")

            at_once(4, open_one)
            assert [] == usable(store, *(f"session-{n}-{k}" for k in range(1, 4)))
