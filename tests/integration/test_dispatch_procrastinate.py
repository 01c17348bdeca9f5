"""
The doorbell over Procrastinate: what stands and falls with the caller's transaction.
"""

import time
from contextlib import nullcontext

import pytest
from tests.requirements import library

from streampay_export.errors import JobStoreUnavailable

pytestmark = pytest.mark.server


@pytest.fixture
def app():
    """
    A host's application, which is never opened.
    """
    library("procrastinate", package="streampay-export[procrastinate]")
    import procrastinate

    return procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


@pytest.fixture
def connect(procrastinate_conninfo):
    """
    Connect to the queue's database, which is emptied first.
    """
    import psycopg

    with psycopg.connect(procrastinate_conninfo) as connection:
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")
    return lambda: psycopg.connect(procrastinate_conninfo)


def queued(connect):
    """
    Return what is in the queue.
    """
    with connect() as connection:
        return connection.execute(
            "SELECT args->>'tenant', args->>'job_id', queueing_lock, queue_name, task_name, status"
            " FROM procrastinate_jobs ORDER BY id"
        ).fetchall()


def test_duplicates_collapse_until_a_worker_takes_the_first(app, connect, procrastinate_conninfo) -> None:
    """
    A job stands in the queue once, under its tenant; a ring counts anew once a worker has it, who may be dead.
    """
    from streampay_export.dispatch.procrastinate import QUEUE, TASK, ProcrastinateDispatcher

    bell = ProcrastinateDispatcher(app, procrastinate_conninfo)
    for ring in [("a", "job-1"), ("a", "job-1"), ("b", "job-1"), ("a", "job-1")]:
        bell.ring(*ring)
    rest = (QUEUE, TASK, "todo")
    assert [("a", "job-1", "a/job-1", *rest), ("b", "job-1", "b/job-1", *rest)] == queued(connect)
    with connect() as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = 'a/job-1'")
    bell.ring("a", "job-1")
    assert ["doing", "todo", "todo"] == sorted(row[-1] for row in queued(connect))


def test_a_ring_stands_and_falls_with_the_callers_transaction(app, connect) -> None:
    """
    In a connection the host hands in, a ring is there after its commit and never after its rollback.
    """
    from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher

    with connect() as connection:
        bell = ProcrastinateDispatcher(app, lambda: nullcontext(connection))
        connection.execute("SELECT 1")
        bell.ring("default", "rolled-back")
        connection.rollback()
        connection.execute("SELECT 1")
        bell.ring("default", "committed")
        assert [] == queued(connect)
    assert ["committed"] == [row[1] for row in queued(connect)]


def test_a_refused_ring_spoils_no_transaction(app, connect, caplog) -> None:
    """
    A duplicate, or an id that PostgreSQL cannot keep, undoes itself and nothing else that the caller did.
    """
    from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher

    with connect() as connection:
        bell = ProcrastinateDispatcher(app, lambda: nullcontext(connection))
        connection.execute("CREATE TEMPORARY TABLE mine (id text)")
        connection.execute("INSERT INTO mine VALUES ('before')")
        for job_id in ("job-1", "job-1", "job\x00"):
            bell.ring("default", job_id)
        connection.execute("INSERT INTO mine VALUES ('after')")
        assert [("before",), ("after",)] == connection.execute("SELECT id FROM mine").fetchall()
    assert ["job-1"] == [row[1] for row in queued(connect)]
    assert [
        "the queue of Procrastinate is not to be rung (DataError); the sweeper will ring again"
    ] == caplog.messages


def test_an_open_transaction_holds_nobody_up(app, connect, procrastinate_conninfo) -> None:
    """
    While somebody's transaction has rung for a job and is not over, another ring for it gives up in time.
    """
    from streampay_export.dispatch.procrastinate import TIMEOUT, ProcrastinateDispatcher

    with connect() as connection:
        connection.execute("SELECT 1")
        ProcrastinateDispatcher(app, lambda: nullcontext(connection)).ring("default", "job-1")
        begun = time.monotonic()
        ProcrastinateDispatcher(app, procrastinate_conninfo).ring("default", "job-1")
        assert TIMEOUT - 0.1 <= time.monotonic() - begun < TIMEOUT + 2
    assert ["job-1"] == [row[1] for row in queued(connect)]


def test_the_task_calls_the_work_and_leaves_the_rest_to_the_store(app, caplog) -> None:
    """
    It is never tried again by Procrastinate; what the store cannot do now is logged.
    """
    from streampay_export.dispatch.procrastinate import TASK, register_task

    answered = []

    def work(tenant, job_id):
        answered.append((tenant, job_id))
        raise JobStoreUnavailable("it is away")

    register_task(app, work)
    task = app.tasks[TASK]
    task(tenant="default", job_id="job-1")
    assert [("default", "job-1")] == answered
    assert None is task.retry_strategy
    assert [f"worker: {JobStoreUnavailable('it is away')}"] == caplog.messages
