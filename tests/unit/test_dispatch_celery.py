"""
The doorbell over Celery, as far as it needs no broker but the one in memory.
"""

from __future__ import annotations

import importlib
import json
import socket
import sys
import time
from types import SimpleNamespace

import pytest
from tests.requirements import library

from streampay_export.errors import InvalidConfiguration, JobStoreUnavailable, MissingExtra


@pytest.fixture
def app():
    """
    A host's application with a broker in this process, and settings that suit other tasks of its own.
    """
    library("celery", package="streampay-export[celery]")
    from tests.brokers import celery_app

    app = celery_app("memory://", "host")
    app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_publish_retry=True)
    app.conf.task_serializer = "pickle"
    return app


def waiting(app, queue):
    """
    Take out what waits in a queue.
    """
    taken = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        while message := channel.basic_get(queue, no_ack=True):
            taken.append(message)
    return taken


@pytest.mark.parametrize("extra", ["celery", "procrastinate"])
def test_a_missing_library_names_its_extra(monkeypatch, extra) -> None:
    """
    Without Celery or Procrastinate the adapter's import says what to install.
    """
    module = f"streampay_export.dispatch.{extra}"
    monkeypatch.setitem(sys.modules, extra, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingExtra) as refused:
        importlib.import_module(module)
    assert f"pip install 'streampay-export[{extra}]'" in str(refused.value)


def test_a_message_holds_tenant_and_job_id_as_json_and_nothing_else(app) -> None:
    """
    Whatever the host's own serializer is: the body is JSON, and there is nothing in it but the two.
    """
    from streampay_export.dispatch.celery import QUEUE, TASK, CeleryDispatcher

    CeleryDispatcher(app).ring("default", "job-1")
    (message,) = waiting(app, QUEUE)
    nothing = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    assert "application/json" == message.content_type
    assert [["default", "job-1"], {}, nothing] == json.loads(message.body)
    assert TASK == message.headers["task"]


def test_a_bell_that_nobody_answers_is_not_rung_for_ever(app, monkeypatch) -> None:
    """
    Once so many rings wait in the queue no more are sent, until some are taken out.
    """
    from streampay_export.dispatch import celery

    monkeypatch.setattr(celery, "FULL", 3)
    bell = celery.CeleryDispatcher(app, queue="full")
    for n in range(5):
        bell.ring("default", f"job-{n}")
    assert 3 == len(waiting(app, "full"))
    bell.ring("default", "job-5")
    assert 1 == len(waiting(app, "full"))


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_says_nothing_holds_nobody_up(scheme) -> None:
    """
    A broker that takes the connection and never answers costs the timeout once, and then nothing for a while.
    """
    library("celery", package="streampay-export[celery]")
    from tests.brokers import celery_app

    from streampay_export.dispatch.celery import CeleryDispatcher

    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = celery_app(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/0", "silent")
        bell = CeleryDispatcher(app, timeout=0.2)
        begun = time.monotonic()
        for _ in range(50):
            bell.ring("default", "job-1")
        assert 0.2 <= time.monotonic() - begun < 2


@pytest.mark.parametrize("accepted", [["json", "pickle"], ["yaml"], ["application/x-python-serialize"]])
def test_an_application_that_takes_more_than_json_is_refused(app, accepted) -> None:
    """
    Whoever writes to the broker must not be able to run code in a worker.
    """
    from streampay_export.dispatch.celery import register_task

    app.conf.accept_content = accepted
    with pytest.raises(InvalidConfiguration, match=r"accept_content: .* set accept_content = \['json'\]"):
        register_task(app, print)


def test_the_task_calls_the_work_and_leaves_the_rest_to_the_store(app, caplog) -> None:
    """
    It acknowledges before it works, keeps no result and is not run again by Celery, whatever the host's other
    tasks do; what the store cannot do now is logged.
    """
    from streampay_export.dispatch.celery import TASK, register_task

    answered = []

    def work(tenant, job_id):
        answered.append((tenant, job_id))
        if job_id == "away":
            raise JobStoreUnavailable("it is away")
        return SimpleNamespace(id=job_id)

    register_task(app, work)
    task = app.tasks[TASK]
    assert [None, None] == [task("default", job_id) for job_id in ("job-1", "away")]
    assert [("default", "job-1"), ("default", "away")] == answered
    assert (False, False, True) == (task.acks_late, task.reject_on_worker_lost, task.ignore_result)
    assert [f"worker: {JobStoreUnavailable('it is away')}"] == caplog.messages
