"""
Our dispatchers keep the contract of the port, and the contract catches dispatchers that do not.
"""

import json
import logging
import sys
import time
from functools import partial

import pytest
from tests.tcp_proxy import NOWHERE

from streampay_export.dispatch.processes import ProcessDispatcher
from streampay_export.dispatch.threads import ThreadDispatcher
from streampay_export.testing.contracts import dispatch
from streampay_export.testing.contracts.dispatch import DispatcherContract
from streampay_export.testing.fakes import RecordingDispatcher

LISTENER = """
import json, sys, threading
from streampay_export.dispatch.worker_line import WorkerLine
with open(sys.argv[1], "a") as heard:
    WorkerLine().answer(lambda *ring: print(json.dumps(ring), file=heard, flush=True), threading.Event())
"""


class TestRecordingDispatcher(DispatcherContract):
    @pytest.fixture
    def dispatcher(self):
        """
        The fake.
        """
        return RecordingDispatcher()

    @pytest.fixture
    def heard(self, dispatcher):
        """
        Looks into its list.
        """
        return lambda: dispatcher.rings

    @pytest.fixture
    def unreachable(self):
        """
        One whose list nobody reads.
        """
        return RecordingDispatcher()


class TestThreadDispatcher(DispatcherContract):
    @pytest.fixture
    def answered(self):
        """
        What the work was called with.
        """
        return []

    @pytest.fixture
    def dispatcher(self, answered):
        """
        Two threads.
        """
        bell = ThreadDispatcher(lambda *ring: answered.append(ring), threads=2)
        yield bell
        bell.close(10)

    @pytest.fixture
    def heard(self, answered):
        """
        Looks at what the work was called with.
        """
        return lambda: answered

    @pytest.fixture
    def unreachable(self):
        """
        One without threads.
        """
        return ThreadDispatcher(print, threads=0)


class TestProcessDispatcher(DispatcherContract):
    @pytest.fixture
    def dispatcher(self, tmp_path):
        """
        Two processes that write down what they hear.
        """
        bell = ProcessDispatcher([sys.executable, "-c", LISTENER, str(tmp_path / "heard")], processes=2)
        yield bell
        bell.close(10)

    @pytest.fixture
    def heard(self, tmp_path):
        """
        Reads what they wrote down.
        """
        file = tmp_path / "heard"
        return lambda: [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    @pytest.fixture
    def unreachable(self, tmp_path):
        """
        One whose program is not there.
        """
        bell = ProcessDispatcher([str(tmp_path / "gone")])
        yield bell
        bell.close(10)


class CeleryContract(DispatcherContract):
    @pytest.fixture
    def dispatcher(self, broker):
        """
        One with a queue of its own.
        """
        from streampay_export.dispatch.celery import CeleryDispatcher

        return CeleryDispatcher(broker.app, queue=broker.queue)

    @pytest.fixture
    def heard(self, broker):
        """
        Takes the messages out of the queue, without Celery.
        """
        taken = []

        def look():
            taken.extend(broker.messages())
            assert {"application/json"} >= {message["type"] for message in taken}
            return [tuple(json.loads(message["body"])[0]) for message in taken]

        return look


@pytest.mark.server
class TestCeleryOnRabbitMQ(CeleryContract):
    @pytest.fixture
    def broker(self, rabbitmq_url):
        """
        RabbitMQ.
        """
        from tests.brokers import broker_at

        with broker_at(rabbitmq_url) as broker:
            yield broker

    @pytest.fixture
    def unreachable(self, rabbitmq_url):
        """
        One with nobody at its port.
        """
        from tests.brokers import celery_app

        from streampay_export.dispatch.celery import CeleryDispatcher

        return CeleryDispatcher(celery_app(f"amqp://127.0.0.1:{NOWHERE}//", "gone"), queue="gone")


@pytest.mark.server
class TestCeleryOnRedis(CeleryContract):
    @pytest.fixture
    def broker(self, redis_url):
        """
        Redis.
        """
        from tests.brokers import broker_at

        with broker_at(redis_url) as broker:
            yield broker

    @pytest.fixture
    def unreachable(self, redis_url):
        """
        One with nobody at its port.
        """
        from tests.brokers import celery_app

        from streampay_export.dispatch.celery import CeleryDispatcher

        return CeleryDispatcher(celery_app(f"redis://127.0.0.1:{NOWHERE}/0", "gone"), queue="gone")


@pytest.mark.server
class TestProcrastinate(DispatcherContract):
    @pytest.fixture
    def app(self, procrastinate_conninfo):
        """
        An application with an empty queue.
        """
        import procrastinate
        import psycopg

        with psycopg.connect(procrastinate_conninfo) as connection:
            connection.execute("TRUNCATE procrastinate_jobs CASCADE")
        return procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    @pytest.fixture
    def dispatcher(self, app, procrastinate_conninfo):
        """
        One that connects by itself.
        """
        from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher

        return ProcrastinateDispatcher(app, procrastinate_conninfo)

    @pytest.fixture
    def heard(self, procrastinate_conninfo):
        """
        Reads the table, without Procrastinate.
        """
        import psycopg

        def look():
            with psycopg.connect(procrastinate_conninfo) as connection:
                rows = connection.execute("SELECT args FROM procrastinate_jobs").fetchall()
            return [(args["tenant"], args["job_id"]) for (args,) in rows]

        return look

    @pytest.fixture
    def unreachable(self, app):
        """
        One with nobody at its port.
        """
        from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher

        return ProcrastinateDispatcher(app, f"postgresql://127.0.0.1:{NOWHERE}/test")


class Waiting:
    def ring(self, tenant, job_id):
        """
        Broken: works while the caller waits.
        """
        time.sleep(0.01)


class Choosy:
    def __init__(self):
        self.rung = set()

    def ring(self, tenant, job_id):
        """
        Broken: takes a job once, and no id it does not like.
        """
        if (tenant, job_id) in self.rung or not job_id.startswith("job-"):
            raise ValueError(job_id)
        self.rung.add((tenant, job_id))


class Forgetful(RecordingDispatcher):
    def ring(self, tenant, job_id):
        """
        Broken: loses the tenant.
        """
        super().ring("default", job_id)


class Talkative:
    def ring(self, tenant, job_id):
        """
        Broken: says of each ring that it was not heard.
        """
        logging.getLogger("streampay_export").warning("nobody heard of %s", job_id)


def test_the_contract_catches_a_broken_dispatcher(caplog, monkeypatch):
    """
    Working on the spot, refusing a repeated or odd id, losing the tenant and complaining each time are caught.
    """
    monkeypatch.setattr(dispatch, "PROMPTLY", 0.1)
    monkeypatch.setattr(dispatch, "SOON", 0.1)
    suite, forgetful = DispatcherContract(), Forgetful()
    caught = [
        partial(suite.test_a_ring_is_heard, forgetful, lambda: forgetful.rings),
        partial(suite.test_a_ring_is_prompt_and_silent, Waiting()),
        partial(suite.test_a_repeated_ring_is_harmless, Choosy()),
        partial(suite.test_an_unknown_id_is_harmless, Choosy()),
        partial(suite.test_an_unreachable_worker_costs_a_moment, Talkative(), caplog),
    ]
    for broken in caught:
        with pytest.raises((AssertionError, ValueError)):
            broken()
