"""
The doorbell of one process.
"""

from __future__ import annotations

import threading

from streampay_export.dispatch.threads import ThreadDispatcher


def test_every_ring_is_answered_and_a_failing_job_ends_no_thread() -> None:
    """
    Rings are worked off one after the other; work that raises is logged and the next ring is answered.
    """
    answered = []
    done = threading.Event()

    def work(tenant: str, job_id: str) -> None:
        answered.append((tenant, job_id))
        if job_id == "a":
            raise RuntimeError("a bug")
        if job_id == "c":
            done.set()

    bell = ThreadDispatcher(work)
    for job_id in "abc":
        bell.ring("default", job_id)
    assert done.wait(10)
    bell.close(10)
    assert [("default", each) for each in "abc"] == answered


def test_closed_bell_rings_nobody() -> None:
    """
    After `close` a ring does nothing, and no threads rings nobody either.
    """
    answered = []
    for bell in (ThreadDispatcher(lambda *ring: answered.append(ring)), ThreadDispatcher(print, threads=0)):
        bell.close()
        bell.ring("default", "late")
    assert [] == answered


def test_no_threads_leave_the_work_to_others() -> None:
    """
    With no threads a ring is kept from nobody: the job store holds the job for other processes.
    """
    answered = []
    bell = ThreadDispatcher(lambda *ring: answered.append(ring), threads=0)
    bell.ring("default", "job")
    bell.close()
    assert [] == answered
