"""
From request to ready through each dispatcher, with worker processes, brokers and messages that get lost.

Whatever happens to a ring: one READY row, one artifact, one `completed`. The database is the truth, and the
sweeper rings again.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import define, evolve, field
from tests.integration.dispatch_worker import PEOPLE, House, house_in
from tests.requirements import library, program
from tests.s3_server import free_ports
from tests.tcp_proxy import NOWHERE, TcpProxy

from streampay_export import Actor, Subject
from streampay_export.dispatch.processes import ProcessDispatcher
from streampay_export.ports.dispatch import Dispatcher

PROGRAM = Path(__file__).with_name("dispatch_worker.py")

pytestmark = [pytest.mark.promise, pytest.mark.server]


def command(*arguments):
    """
    How the worker beside this file is started.
    """
    return [sys.executable, str(PROGRAM), *map(str, arguments)]


@define
class Engine:
    """
    A deployment, its dispatcher, and worker processes elsewhere.
    """

    folder: Path
    dispatcher: Dispatcher
    unreachable: Dispatcher
    flush: Callable[[], object]
    workers: list[str] | None
    count: int = 1
    house: House = field(init=False)
    _processes: list[subprocess.Popen] = field(factory=list)
    _people: Iterator[str] = field(factory=lambda: iter(PEOPLE))

    def __attrs_post_init__(self) -> None:
        self.house = house_in(self.folder, self.dispatcher)

    def start(self) -> None:
        """
        See to it that the workers run, where the dispatcher does not.
        """
        if self.workers:
            self._processes = [each for each in self._processes if each.poll() is None]
            while len(self._processes) < self.count:
                self._processes.append(subprocess.Popen(self.workers))

    def stop(self) -> None:
        """
        Tell them to stop, and wait until they have.
        """
        for each in self._processes:
            each.terminate()
        self.wait()

    def wait(self) -> None:
        """
        Wait until those that were told to stop have. What does not is killed, as a supervisor would do it.
        """
        for each in self._processes:
            with suppress(subprocess.TimeoutExpired):
                each.wait(15)
            each.kill()
            each.wait()

    def terminate(self, at_work: int) -> None:
        """
        Tell the workers to stop; *at_work* is the process that has a job.
        """
        for pid in {each.pid for each in self._processes} or {at_work}:
            os.kill(pid, signal.SIGTERM)

    @contextmanager
    def running(self) -> Iterator[None]:
        """
        Have workers, and no more of them in the end.
        """
        self.start()
        try:
            yield
        finally:
            self.stop()
            self.house.embedded.close()

    def request(self, house: House | None = None) -> tuple[Actor, str]:
        """
        Ask for an export of somebody who has not asked yet.
        """
        person = next(self._people)
        return Actor(id=person), (house or self.house).service.request(Actor(id=person), Subject(person)).export.id

    def wait_for_one(self, actor: Actor, job_id: str, *, sweep: bool) -> int:
        """
        Wait until the export is ready, and hold it against what is promised; return its attempts.
        """
        house, deadline = self.house, time.monotonic() + 60
        while (export := house.service.status(actor, job_id)).state != "ready":
            assert export.state in {"queued", "running"}, export.failure
            assert time.monotonic() < deadline, f"still {export.state}"
            time.sleep(0.05)
            if sweep:
                house.sweeper.sweep()
        house.sweeper.sweep()
        events = Counter(entry.event for entry in house.wiring.trail.entries("default", job_id))
        stored = [each.key for each in house.wiring.storage.list() if f"/{job_id}/" in each.key]
        job = house.wiring.jobs.get("default", job_id)
        assert (1, [job.artifact.key]) == (events["completed"], stored)
        ticket = house.service.link(actor, job_id).url.partition("ticket=")[2]
        assert job.artifact.size == len(b"".join(house.service.open(actor, job_id, ticket).read()))
        return job.attempts

    @contextmanager
    def held(self) -> Iterator[Callable[[], int]]:
        """
        Hold workers in the middle of a part; gives a function that waits for one and returns its process.
        """
        hold, held = self.folder / "hold", self.folder / "held"
        held.unlink(missing_ok=True)
        hold.touch()

        def someone() -> int:
            deadline = time.monotonic() + 90  # workers start up meanwhile, on a machine that tests much else
            while not held.exists() or not (pid := held.read_text()):
                assert time.monotonic() < deadline, "nobody came to the part"
                time.sleep(0.02)
            return int(pid)

        try:
            yield someone
        finally:
            hold.unlink(missing_ok=True)


@contextmanager
def processes(request, folder):
    """
    Two processes of this machine.
    """
    bell = ProcessDispatcher(command("processes", folder, "-", "-"), processes=2)
    gone = ProcessDispatcher([str(folder / "gone")])
    yield Engine(folder, bell, gone, lambda: None, None)
    bell.close(10)
    gone.close(10)


@contextmanager
def celery(url, folder):
    """
    A Celery worker with two children.
    """
    from tests.brokers import broker_at, celery_app

    from streampay_export.dispatch.celery import CeleryDispatcher

    gone = celery_app(f"{url.partition(':')[0]}://127.0.0.1:{NOWHERE}/0", "gone")
    with broker_at(url) as broker:
        bell = CeleryDispatcher(broker.app, queue=broker.queue)
        workers = command("celery", folder, url, broker.queue)
        yield Engine(folder, bell, CeleryDispatcher(gone, queue="gone"), broker.flush, workers)


@contextmanager
def procrastinate(conninfo, folder):
    """
    Two Procrastinate workers, with a queue that workers of other tests do not take from.
    """
    import procrastinate
    import psycopg

    from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher

    queue = f"streampay-{secrets.token_hex(8)}"

    def flush():
        with psycopg.connect(conninfo) as connection:
            connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = %s", [queue])

    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
    gone = ProcrastinateDispatcher(app, f"postgresql://127.0.0.1:{NOWHERE}/test")
    workers = command("procrastinate", folder, conninfo, queue)
    yield Engine(folder, ProcrastinateDispatcher(app, conninfo, queue=queue), gone, flush, workers, count=2)


class PrivateRedis:
    """
    A Redis of the test's own, which keeps nothing when it is stopped.
    """

    def __init__(self, folder) -> None:
        (self._port,) = free_ports(1)
        self._command = [program("redis-server", package="redis-server"), "--port", str(self._port)]
        self._command += ["--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--loglevel", "warning"]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        self._server = subprocess.Popen(self._command)
        for _ in range(200):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            time.sleep(0.05)
        pytest.fail("the Redis server does not answer")

    def stop(self) -> None:
        """
        Kill it.
        """
        self._server.kill()
        self._server.wait()


@contextmanager
def engine_of(kind, request, folder):
    """
    Open one of the engines; in the end its workers are stopped.
    """
    if kind == "processes":
        opening = processes(request, folder)
    elif kind == "procrastinate":
        opening = procrastinate(request.getfixturevalue("procrastinate_conninfo"), folder)
    else:
        opening = celery(request.getfixturevalue(f"{kind}_url"), folder)
    with opening as engine, engine.running():
        yield engine


@pytest.fixture(scope="module", params=["processes", "rabbitmq", "redis", "procrastinate"])
def engine(request, tmp_path_factory):
    """
    Each engine once, with workers that run.
    """
    with engine_of(request.param, request, tmp_path_factory.mktemp(request.param)) as engine:
        yield engine


def test_from_request_to_ready_without_a_sweep(engine) -> None:
    """
    The ring alone brings a request to a worker process, which makes it ready in one attempt.
    """
    engine.start()
    assert 1 == engine.wait_for_one(*engine.request(), sweep=False)


def test_five_rings_and_an_unknown_id_are_one_run(engine) -> None:
    """
    A message delivered five times while a worker is at work, and one about a job that nobody asked for.
    """
    engine.start()
    with engine.held() as someone:
        actor, job_id = engine.request()
        someone()
        for _ in range(5):
            engine.dispatcher.ring("default", job_id)
            engine.dispatcher.ring("default", "nobody-asked")
            engine.dispatcher.ring("elsewhere", job_id)
    assert 1 == engine.wait_for_one(actor, job_id, sweep=False)


def test_five_deliveries_at_once_are_one_run(engine) -> None:
    """
    Of the workers that find the same message at the same moment one gets the job.
    """
    engine.stop()
    actor, job_id = engine.request()
    for _ in range(4):
        engine.dispatcher.ring("default", job_id)
    engine.start()
    assert 1 == engine.wait_for_one(actor, job_id, sweep=False)


def test_a_worker_killed_in_the_middle_of_a_part_is_followed_by_another(engine) -> None:
    """
    SIGKILL at work: the lease runs out, the sweeper rings again, and another worker does it.
    """
    engine.start()
    with engine.held() as someone:
        actor, job_id = engine.request()
        os.kill(someone(), signal.SIGKILL)
        time.sleep(0.2)
        engine.start()
    assert 2 == engine.wait_for_one(actor, job_id, sweep=True)


def test_a_long_history_is_read_by_every_worker(engine) -> None:
    """
    Whoever shares out a dataset's parts rings for others, from where it works: all read, and it is one export.
    """
    engine.start()
    readers = engine.folder / "readers"
    readers.touch()
    try:
        assert 1 == engine.wait_for_one(*engine.request(), sweep=False)
        assert 2 == len(set(readers.read_text().split()))
    finally:
        readers.unlink()


def test_a_flushed_queue_costs_a_sweep(engine) -> None:
    """
    What was rung while no worker ran, and then thrown away, is rung again.
    """
    if engine.workers is None:
        pytest.skip("rings of processes stand in no queue that could be flushed")
    engine.stop()
    actor, job_id = engine.request()
    engine.flush()
    engine.start()
    assert 1 == engine.wait_for_one(actor, job_id, sweep=True)


def test_a_broker_that_is_down_fails_no_request(engine) -> None:
    """
    The request is answered promptly, its job waits, and the first sweep that finds the broker rings.
    """
    engine.start()
    house = evolve(engine.house, wiring=evolve(engine.house.wiring, dispatcher=engine.unreachable))
    begun = time.monotonic()
    actor, job_id = engine.request(house)
    assert time.monotonic() - begun < 5
    house.sweeper.sweep()
    assert "queued" == house.service.status(actor, job_id).state
    assert 1 == engine.wait_for_one(actor, job_id, sweep=True)


def test_a_worker_told_to_stop_finishes_or_hands_back(engine) -> None:
    """
    SIGTERM at work costs no attempt: the job is finished, or handed back with its attempt given back.
    """
    engine.start()
    with engine.held() as someone:
        actor, job_id = engine.request()
        engine.terminate(someone())
    engine.wait()
    engine.start()
    assert 1 == engine.wait_for_one(actor, job_id, sweep=True)


def test_redis_restarted(request, tmp_path) -> None:
    """
    Redis is killed with a ring in its queue, is away during the next request, and comes back empty.
    """
    library("celery", package="streampay-export[celery]")
    server = PrivateRedis(tmp_path)
    request.addfinalizer(server.stop)
    with celery(server.url, tmp_path) as engine, engine.running():
        assert 1 == engine.wait_for_one(*engine.request(), sweep=False)
        engine.stop()
        first = engine.request()
        server.stop()
        engine.start()
        second = engine.request()
        server.start()
        assert [1, 1] == [engine.wait_for_one(*each, sweep=True) for each in (first, second)]


def through(proxy, url):
    """
    Return the URL by way of the proxy.
    """
    place = urlsplit(url)
    user = place.netloc.rpartition("@")[0]
    return place._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


def test_rabbitmq_cut_off(rabbitmq_url, tmp_path) -> None:
    """
    All connections to RabbitMQ break while a worker is at work, and none is taken during the next request.
    """
    proxy = TcpProxy(urlsplit(rabbitmq_url).hostname, urlsplit(rabbitmq_url).port)
    with celery(through(proxy, rabbitmq_url), tmp_path) as engine, engine.running():
        assert_one_run_each_when_cut(engine, proxy)


def test_postgresql_cut_off(procrastinate_conninfo, tmp_path) -> None:
    """
    The same for Procrastinate's workers and the database of its queue.
    """
    proxy = TcpProxy(urlsplit(procrastinate_conninfo).hostname, urlsplit(procrastinate_conninfo).port)
    with procrastinate(through(proxy, procrastinate_conninfo), tmp_path) as engine, engine.running():
        assert_one_run_each_when_cut(engine, proxy)


def assert_one_run_each_when_cut(engine, proxy):
    """
    Cut the way to the queue under a worker at work; afterwards the workers that live hear rings again.
    """
    with engine.held() as someone:
        first = engine.request()
        someone()
        proxy.cut()
        second = engine.request()
    proxy.mend()
    assert [1, 1] == [engine.wait_for_one(*each, sweep=True) for each in (first, second)]
    engine.start()
    assert 1 == engine.wait_for_one(*engine.request(), sweep=False)
