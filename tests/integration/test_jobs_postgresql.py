"""
The SQL job store keeps its contracts on a real PostgreSQL.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from streampay_export._sql.tables import JOBS
from streampay_export.errors import JobStoreUnavailable
from streampay_export.jobs.sql import SCHEMA_VERSION, SqlJobStore
from streampay_export.testing.contracts.jobs import JobStoreContract
from streampay_export.testing.contracts.outbox import OutboxContract
from streampay_export.testing.fakes import ManualClock

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def admin(postgres_url):
    """
    A way into the database past our adapters.
    """
    engine = sqlalchemy.create_engine(postgres_url, poolclass=NullPool)
    yield engine
    engine.dispose()


class _OnPostgresql:
    @pytest.fixture
    def clock(self):
        """
        A clock that stands still.
        """
        return ManualClock()

    @pytest.fixture
    def store(self, postgres_url, admin, clock):
        """
        A store without jobs.
        """
        store = SqlJobStore(postgres_url, clock=clock)
        store.create_tables()
        with admin.begin() as connection:
            for table in reversed(JOBS.sorted_tables):
                if table.name != "export_job_version":
                    connection.execute(table.delete())
        yield store
        store.close()

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


class TestPostgresqlJobStore(_OnPostgresql, JobStoreContract):
    pass


class TestPostgresqlOutbox(_OnPostgresql, OutboxContract):
    pass


def test_the_database_tells_the_time(postgres_url):
    """
    Without a clock of a test's, `now` is PostgreSQL's, exact to the microsecond and never going back.
    """
    store = SqlJobStore(postgres_url)
    before = datetime.now(UTC) - timedelta(seconds=5)
    instants = [store.now() for _ in range(5)]
    store.close()
    assert sorted(instants) == instants
    assert before < instants[0] < before + timedelta(seconds=10)


def test_tables_are_made_once_by_many(postgres_url, admin):
    """
    Eight that make the tables at once all succeed.
    """
    with admin.begin() as connection:
        JOBS.drop_all(connection)

    def create(_):
        store = SqlJobStore(postgres_url)
        store.create_tables()
        store.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    with admin.connect() as connection:
        assert [(SCHEMA_VERSION,)] == connection.exec_driver_sql("SELECT version FROM export_job_version").all()


def test_a_server_that_is_not_there_is_named_in_our_words():
    """
    A refused connection is `JobStoreUnavailable`, without the driver's text, address or password.
    """
    store = SqlJobStore("postgresql://somebody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(JobStoreUnavailable) as caught:
        store.now()
    assert "the job store is not available: the database did not answer, or refused" == str(caught.value)
    assert caught.value.__suppress_context__
