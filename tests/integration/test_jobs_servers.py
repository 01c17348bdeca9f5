"""
The SQL job store keeps its contracts on real PostgreSQL and MariaDB servers, and where they do not answer.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.properties.test_job_store_model import Both

from streampay_export._core.lifecycle import State
from streampay_export._sql.database import Database
from streampay_export._sql.retrying import retried
from streampay_export.errors import JobStoreUnavailable
from streampay_export.jobs.sql import SCHEMA_VERSION, SqlJobStore, metadata
from streampay_export.testing.contracts.jobs import JobStoreContract, make_job
from streampay_export.testing.contracts.notifications import NotificationsContract
from streampay_export.testing.contracts.outbox import OutboxContract
from streampay_export.testing.fakes import ManualClock

SERVERS = {"postgresql": "postgres_url", "mariadb": "mariadb_url"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """
    A way into a database past our adapters, which has the tables.
    """
    url = request.getfixturevalue(SERVERS[request.param])
    engine = sqlalchemy.create_engine(url)
    store = SqlJobStore(url)
    store.create_tables()
    store.close()
    yield engine
    engine.dispose()


def emptied(server):
    """
    Delete every job and all that belongs to one.
    """
    with server.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "export_job_version":
                connection.execute(table.delete())
    return server.url.render_as_string(hide_password=False)


@pytest.fixture
def clock():
    """
    A clock that stands still.
    """
    return ManualClock()


def opened(server, clock):
    """
    Open a store without jobs, and close it.
    """
    store = SqlJobStore(emptied(server), clock=clock)
    yield store
    store.close()


@pytest.fixture
def store(server, clock):
    """
    A store without jobs.
    """
    yield from opened(server, clock)


class _OnServer:
    @pytest.fixture
    def store(self, server, clock):
        """
        A store without jobs.
        """
        yield from opened(server, clock)

    @pytest.fixture
    def outbox(self, store):
        """
        The store is its own outbox.
        """
        return store

    @pytest.fixture
    def advance(self, clock):
        """
        Moves the clock.
        """
        return lambda seconds: clock.advance(timedelta(seconds=seconds))


@pytest.mark.server
class TestJobStore(_OnServer, JobStoreContract):
    pass


@pytest.mark.server
class TestOutbox(_OnServer, OutboxContract):
    pass


@pytest.mark.server
class TestNotifications(_OnServer, NotificationsContract):
    pass


@pytest.mark.server
@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=[pytest.mark.promise, pytest.mark.timeout(900)])])
def test_the_store_does_as_its_model(server, examples):
    """
    Whatever callers, workers, sweepers, crashes and time do, store and model answer alike.
    """

    class OnServer(Both):
        def begin(self):
            emptied(server)

        def open(self):
            return SqlJobStore(server.url.render_as_string(hide_password=False), clock=self.clock)

    run_state_machine_as_test(
        OnServer, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None)
    )


@pytest.mark.server
def test_the_database_tells_the_time(server):
    """
    Without a clock of a test's, `now` is the server's, exact to the microsecond and never going back.
    """
    store = SqlJobStore(server.url.render_as_string(hide_password=False))
    before = datetime.now(UTC) - timedelta(seconds=5)
    instants = [store.now() for _ in range(5)]
    store.close()
    assert sorted(instants) == instants
    assert before < instants[0] < before + timedelta(seconds=10)
    assert [] != [instant for instant in instants if instant.microsecond % 1000]


@pytest.mark.server
def test_the_time_is_utc_whatever_the_sessions_zone(server):
    """
    An application's engine whose sessions have a zone with summer time gets the same instants.
    """
    engine = sqlalchemy.create_engine(server.url)
    zone = "TIME ZONE '+05:30'" if engine.dialect.name == "postgresql" else "time_zone = '+05:30'"

    @sqlalchemy.event.listens_for(engine, "connect")
    def elsewhere(raw, _):
        with raw.cursor() as cursor:
            cursor.execute(f"SET {zone}")
        raw.commit()

    assert abs(SqlJobStore(engine).now() - datetime.now(UTC)) < timedelta(seconds=5)
    engine.dispose()


@pytest.mark.server
def test_tables_are_made_once_by_many(server):
    """
    Eight that make the tables at once all succeed.
    """
    with server.begin() as connection:
        metadata.drop_all(connection)

    def create(_):
        store = SqlJobStore(server.url.render_as_string(hide_password=False))
        store.create_tables()
        store.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    with server.connect() as connection:
        assert [(SCHEMA_VERSION,)] == connection.exec_driver_sql("SELECT version FROM export_job_version").all()


@pytest.mark.server
def test_a_deadlock_is_run_again(server, store):
    """
    Of two transactions that wait for each other one is rolled back, runs again, and both have their effect.
    """
    jobs = metadata.tables["export_job"]
    database = Database(server.url.render_as_string(hide_password=False), key="k", unavailable=JobStoreUnavailable)
    both_hold_one, tries = Barrier(2), []
    for name in ("a", "b"):
        store.add(make_job(store, name, owner=name))

    @retried
    def change(*names):
        tries.append(names)
        with database.writing() as connection:
            for name in names:
                connection.execute(jobs.update().where(jobs.c.id == name).values(attempts=jobs.c.attempts + 1))
                if len(tries) <= 2 and name == names[0]:
                    both_hold_one.wait(5)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, "ab", "ba"))
    database.close()
    assert len(tries) > 2
    assert [2, 2] == [store.get("default", name).attempts for name in "ab"]


@pytest.mark.server
def test_a_lock_that_is_let_go_late_is_waited_for(mariadb_url):
    """
    Where MariaDB gives up a wait for a lock, the call asks again, and goes through once the lock is free.
    """
    engine = sqlalchemy.create_engine(
        mariadb_url, connect_args={"init_command": "SET SESSION innodb_lock_wait_timeout = 1"}
    )
    store = SqlJobStore(engine)
    store.create_tables()
    job = make_job(store, "held", owner="held")
    store.add(job)
    connection = engine.connect()
    connection.execute(sqlalchemy.select(metadata.tables["export_job"]).with_for_update()).all()

    def let_go():
        time.sleep(1.3)
        connection.rollback()

    late = Thread(target=let_go)
    late.start()
    ended = store.end(job.tenant, job.id, expected=[State.QUEUED], state=State.CANCELLED)
    late.join()
    connection.close()
    engine.dispose()
    assert State.CANCELLED == ended.state


@pytest.mark.server
def test_a_connection_that_broke_is_replaced(server, store):
    """
    A server that ended the store's sessions is connected to again by the next call.
    """
    store.add(make_job(store))
    mine = {"postgresql": "pg_backend_pid()"}.get(server.dialect.name, "CONNECTION_ID()")
    end = {"postgresql": "SELECT pg_terminate_backend({}, 1000)"}.get(server.dialect.name, "KILL {}")
    with store._database.reading() as connection:
        session = connection.exec_driver_sql(f"SELECT {mine}").scalar()
    with server.connect() as connection:
        connection.exec_driver_sql(end.format(session))
    assert "job-1" == store.get("default", "job-1").id


@pytest.mark.parametrize(
    "url", ["postgresql://somebody:secret@127.0.0.1:1/nowhere", "mariadb://somebody:secret@127.0.0.1:1/nowhere"]
)
def test_a_server_that_is_not_there_is_named_in_our_words(url):
    """
    A refused connection is `JobStoreUnavailable`, without the driver's text, address or password.
    """
    store = SqlJobStore(url)
    with pytest.raises(JobStoreUnavailable) as caught:
        store.now()
    assert "the job store is not available: no server listens at this place" == str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.mark.server
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"username": "streampay_nobody", "password": "secret"}, "the server refused the credentials"),
        ({"database": "streampay_nowhere"}, "the server has no such database"),
        ({"host": "nowhere.invalid"}, "the server's host name is unknown"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(server, wrong, problem):
    """
    Whoever cannot connect learns which part of the URL to look at, and nothing of it is repeated.
    """
    store = SqlJobStore(server.url.set(**wrong).render_as_string(hide_password=False))
    with pytest.raises(JobStoreUnavailable) as caught:
        store.now()
    assert f"the job store is not available: {problem}" == str(caught.value)
