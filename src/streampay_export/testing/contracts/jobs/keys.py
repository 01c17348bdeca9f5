"""
The contract of `JobKeys`.
"""

from __future__ import annotations

from attrs import evolve

from ...._core.job import WrappedKey
from ...._core.lifecycle import State
from ....ports.jobs import JobStore
from .samples import (
    ids,
    make_job,
    stored,
)


class KeysContract:
    """
    Wrapped keys are found by what wraps them.
    """

    def test_a_key_is_wrapped_anew_unless_it_changed_meanwhile(self, store: JobStore) -> None:
        """
        What is wrapped under a key is found in order, and put under another: once, and not when it is gone.
        """
        for tenant, job_id in (("other", "job-1"), ("default", "job-2"), ("default", "job-1")):
            store.add(make_job(store, job_id, owner=f"{tenant} {job_id}", tenant=tenant))
        store.add(make_job(store, "job-0", owner="shredded"))
        ended = stored(store, "job-0")
        assert ended.wrapped_key is not None
        key_id = ended.wrapped_key.key_id
        store.end("default", "job-0", expected={State.QUEUED}, state=State.CANCELLED)
        first, second, third = store.wrapped_under(key_id)
        assert [("default", "job-1"), ("default", "job-2"), ("other", "job-1")] == [
            (job.tenant, job.id) for job in (first, second, third)
        ]
        assert ["job-1"] == ids(store.wrapped_under(key_id, limit=1))

        anew = WrappedKey(key_id="another", ciphertext=b"anew")
        assert [True, False, False] == [
            store.rewrap(first, anew),
            store.rewrap(first, WrappedKey(key_id="late", ciphertext=b"late")),
            store.rewrap(ended, anew),
        ]
        assert evolve(first, wrapped_key=anew) == store.get("default", "job-1")
        assert ["job-2", "job-1"] == ids(store.wrapped_under(key_id))
        assert ["job-1"] == ids(store.wrapped_under("another"))
        assert [] == store.wrapped_under("nobody's")
        shredded = stored(store, "job-0")
        assert shredded.wrapped_key is None
        assert not store.rewrap(shredded, anew)
