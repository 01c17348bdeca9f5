"""
Calls that the database rolled back for the sake of others are run again, and no others.
"""

from inspect import getmembers, isfunction

import pytest
from sqlalchemy.exc import OperationalError

from streampay_export._sql import retrying
from streampay_export._sql.retrying import RolledBack, is_rolled_back, retried
from streampay_export.errors import JobStoreUnavailable
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.ports.jobs import JobStore
from streampay_export.ports.outbox import Outbox


class _DriverError(Exception):
    sqlstate = None


def _error(number=None, sqlstate=None):
    driver = _DriverError(number, "words with a canary")
    driver.sqlstate = sqlstate
    return OperationalError("UPDATE", {}, driver)


@pytest.fixture
def pauses(monkeypatch):
    """
    How long was paused; nobody waits.
    """
    paused = []
    monkeypatch.setattr(retrying.time, "sleep", paused.append)
    return paused


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_error(1213), True),
        (_error(1205), True),
        (_error(sqlstate="40P01"), True),
        (_error(sqlstate="40001"), True),
        (_error(2013), False),
        (_error(sqlstate="57014"), False),
        (OperationalError("UPDATE", {}, None), False),
        (OperationalError("UPDATE", {}, Exception()), False),
        (ValueError(1213), False),
    ],
)
def test_what_is_rolled_back_for_others(error, expected):
    """
    Deadlocks and waits for locks are told from broken connections, time-outs and everything else.
    """
    assert expected is is_rolled_back(error)


def test_a_call_is_run_until_it_goes_through(pauses):
    """
    A call that lost twice is run a third time, after pauses, and its answer is given.
    """
    answers = [JobStoreUnavailable("deadlock"), JobStoreUnavailable("deadlock"), "done"]

    @retried
    def call():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer from RolledBack()
        return answer

    assert "done" == call()
    assert 2 == len(pauses)
    assert max(pauses) <= 0.01


def test_what_others_did_not_cause_is_raised_at_once(pauses):
    """
    Any other error is raised as it is, without another try.
    """
    tries = []

    @retried
    def call():
        tries.append(1)
        raise JobStoreUnavailable("its disk is full")

    with pytest.raises(JobStoreUnavailable, match="disk is full"):
        call()
    assert ([1], []) == (tries, pauses)


def test_a_call_that_always_loses_is_given_up_in_time(pauses, monkeypatch):
    """
    After the longest wait, the last try's error is raised, which is ours and may be retried later.
    """
    seconds = iter(range(100))
    monkeypatch.setattr(retrying.time, "monotonic", lambda: next(seconds))

    @retried
    def call():
        raise JobStoreUnavailable("others were in its way") from RolledBack()

    with pytest.raises(JobStoreUnavailable, match="others were in its way") as caught:
        call()
    assert caught.value.retry
    assert 7 == len(pauses)
    assert max(pauses) <= 0.2


def test_every_method_of_the_job_store_is_retried():
    """
    What its ports ask for and what is its own, in whichever file it stands, runs again.
    """
    asked = {name for port in (JobStore, Outbox) for name in dir(port) if not name.startswith("_")}
    public = {name: found for name, found in getmembers(SqlJobStore, isfunction) if not name.startswith("_")}
    assert asked | {"create_tables"} <= public.keys()
    assert [] == [name for name, method in public.items() if not hasattr(method, "__wrapped__")]
