"""
Leases are renewed in the background, each for itself, by one thread.
"""

import os
import threading
import time
from datetime import timedelta

import pytest

from streampay_export.errors import Interrupted, JobStoreUnavailable, LeaseLost
from streampay_export.lease import Lease, Renewals

SOON = timedelta(milliseconds=5)


def leased(renewals, renew, stop=None):
    """
    A lease of a job.
    """
    return Lease(renewals, renew, "job-1", stop or threading.Event())


def threads():
    """
    The threads that renew leases; those of tests before may be among them for a while.
    """
    return {each for each in threading.enumerate() if each.name == "streampay-export-lease"}


def until(reached):
    """
    Wait until it is so.
    """
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def nobody_else():
    """
    Wait until nothing is renewed any more.
    """
    before = threads()
    yield Renewals(SOON)
    until(lambda: threads() <= before)


def test_one_thread_renews_them_all_and_ends_with_the_last(nobody_else):
    """
    Two leases are renewed time and again by the same thread; a third, much later, finds it gone.
    """
    before, renewed = threads(), []
    with leased(nobody_else, lambda: renewed.append(1)), leased(nobody_else, lambda: renewed.append(2)):
        until(lambda: min(renewed.count(1), renewed.count(2)) >= 3)
        assert len(threads() - before) == 1
    until(lambda: threads() <= before)
    renewed.clear()
    with leased(nobody_else, lambda: renewed.append(3)):
        until(lambda: renewed)
    assert set(renewed) == {3}


@pytest.mark.parametrize("error", [JobStoreUnavailable("away"), ZeroDivisionError()])
def test_a_renewal_that_fails_is_tried_again(nobody_else, error):
    """
    Whatever was wrong with one, it is tried again at the next turn, and the others are renewed meanwhile.
    """
    tried, renewed = [], []

    def fail():
        tried.append(True)
        raise error

    with leased(nobody_else, fail) as lease, leased(nobody_else, lambda: renewed.append(True)):
        until(lambda: len(tried) >= 2 and len(renewed) >= 2)
        lease.check()


def test_what_is_lost_is_said_and_not_asked_for_again(nobody_else):
    """
    Only whose lease was lost hears of it.
    """
    tried, renewed = [], []

    def lose():
        tried.append(True)
        raise LeaseLost(state="erased")

    with leased(nobody_else, lose) as lost, leased(nobody_else, lambda: renewed.append(True)) as held:
        until(lambda: len(renewed) >= 3)
        assert tried == [True]
        held.check()
        with pytest.raises(LeaseLost):
            lost.check()


def test_a_stop_is_heard(nobody_else):
    """
    Whoever holds a lease is told to stop.
    """
    stop = threading.Event()
    with leased(nobody_else, lambda: None, stop) as lease:
        lease.check()
        stop.set()
        with pytest.raises(Interrupted):
            lease.check()


def test_a_lease_that_ended_is_not_renewed(nobody_else):
    """
    Also where its turn had come already; a renewal that is under way is waited for.
    """
    began, go_on, renewed = threading.Event(), threading.Event(), []

    def renew():
        began.set()
        assert go_on.wait(10)
        renewed.append(True)

    lease = leased(nobody_else, renew)
    with lease:
        assert began.wait(10)
        threading.Timer(0.05, go_on.set).start()
    assert renewed == [True]
    assert not lease.renew()
    assert renewed == [True]


def test_a_forked_process_renews_its_own():
    """
    Its parent's leases are not its business.
    """
    renewals, parents = Renewals(SOON), []
    with leased(renewals, lambda: parents.append(os.getpid())):
        until(lambda: parents)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                parents.clear()
                childs = []
                with leased(renewals, lambda: childs.append(True)):
                    until(lambda: len(childs) >= 3)
                os.write(write, b"renewed" if not parents else b"also the parent's")
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        with os.fdopen(read, "rb") as answer:
            assert answer.read() == b"renewed"
