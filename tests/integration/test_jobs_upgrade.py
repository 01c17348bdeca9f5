"""Tables of an earlier release become those of this one, with all that is in them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy
from sqlalchemy import inspect, select, update

from streampay_export._core.job import WrappedKey
from streampay_export._core.notification import Occasion, PendingNotification
from streampay_export._sql.tables import job_table, job_version_table, notification_table
from streampay_export.errors import InvalidConfiguration, JobStoreUnavailable
from streampay_export.jobs.sql import SCHEMA_VERSION, SqlJobStore, metadata
from streampay_export.testing.contracts.jobs import make_job

from .test_jobs_servers import SERVERS, emptied

# What each version brought: undone, it is the version before.
BROUGHT = {
    7: ["ALTER TABLE export_job DROP COLUMN told"],
    8: [
        "DROP INDEX export_notification_stored{}",
        "ALTER TABLE export_notification DROP COLUMN stored_at",
    ],
}


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request, tmp_path):
    """Where tables of this release are, with nothing in them."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return request.getfixturevalue(SERVERS[request.param])


@pytest.fixture
def engine(url):
    """A way into the database past the store."""
    store = SqlJobStore(url)
    store.create_tables()
    store.close()
    engine = sqlalchemy.create_engine(url)
    emptied(engine)
    yield engine
    emptied(engine)
    engine.dispose()


def columns_and_indexes(engine):
    """All that the database says of the tables, but for defaults."""
    inspector = inspect(engine)
    return {
        table: (
            {each["name"]: (str(each["type"]), each["nullable"]) for each in inspector.get_columns(table)},
            {each["name"]: each["column_names"] for each in inspector.get_indexes(table)},
        )
        for table in metadata.tables
    }


def taken_back(engine, version):
    """Undo what versions above that one brought."""
    of_table = " ON export_notification" if engine.dialect.name in {"mysql", "mariadb"} else ""
    with engine.begin() as connection:
        for step in range(SCHEMA_VERSION, version, -1):
            for statement in BROUGHT[step]:
                connection.exec_driver_sql(statement.format(of_table))
        connection.execute(update(job_version_table).values(version=version))


def stored(url):
    """Store a job, and something to be told of it; return when that waits from."""
    store = SqlJobStore(url)
    told = PendingNotification(
        id="n-1",
        tenant="default",
        job_id="job-1",
        occasion=Occasion.READY,
        sealed=b"sealed",
        wrapped_key=WrappedKey(key_id="k", ciphertext=b"c"),
    )
    store.add(make_job(store), notifications=[told])
    store.close()


@pytest.mark.server
@pytest.mark.parametrize("version", [6, 7])
def test_what_is_there_is_kept(url, engine, version):
    """By several processes at once; tables, indexes and rows are as if they had been made by this release."""
    made = columns_and_indexes(engine)
    stored(url)
    taken_back(engine, version)

    def upgrade(_):
        store = SqlJobStore(url)
        store.create_tables()
        store.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, range(4)))
    assert columns_and_indexes(engine) == made
    with engine.begin() as connection:
        assert connection.scalars(select(job_version_table.c.version)).all() == [SCHEMA_VERSION]
        assert connection.scalars(select(job_table.c.told)).all() == [True]
        ((stored_at, waits_from),) = connection.execute(
            select(notification_table.c.stored_at, notification_table.c.waits_from)
        )
    assert stored_at == waits_from
    store = SqlJobStore(url)
    assert store.get("default", "job-1").told
    assert store.claim_notification(lease=timedelta(minutes=1)).id == "n-1"
    store.close()


@pytest.mark.server
def test_an_upgrade_that_was_stopped_is_finished(url, engine):
    """A column that is there already is filled, and the version is the last thing to change."""
    stored(url)
    with engine.begin() as connection:
        connection.execute(update(notification_table).values(stored_at=0))
        connection.execute(update(job_version_table).values(version=6))
    store = SqlJobStore(url)
    store.create_tables()
    store.close()
    with engine.begin() as connection:
        assert connection.scalars(select(job_version_table.c.version)).all() == [SCHEMA_VERSION]
        ((stored_at, waits_from),) = connection.execute(
            select(notification_table.c.stored_at, notification_table.c.waits_from)
        )
    assert stored_at == waits_from


@pytest.mark.server
def test_a_version_without_a_way_is_refused(url, engine):
    """Older than what can be upgraded, or newer than this release: nothing is touched."""
    for version in (5, SCHEMA_VERSION + 1):
        with engine.begin() as connection:
            connection.execute(update(job_version_table).values(version=version))
        store = SqlJobStore(url)
        with pytest.raises(InvalidConfiguration, match=f"of version {version}"):
            store.create_tables()
        store.close()
    with engine.begin() as connection:
        connection.execute(update(job_version_table).values(version=SCHEMA_VERSION))


@pytest.mark.server
def test_who_would_change_tables_beside_another_is_told_so(request, monkeypatch):
    """On MariaDB a lock keeps them apart that no change of a table ends; whoever waits too long hears of it."""
    url = request.getfixturevalue(SERVERS["mariadb"])
    monkeypatch.setattr("streampay_export._sql.database.LONGEST_WAIT", 2)
    engine = sqlalchemy.create_engine(url)
    store = SqlJobStore(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT GET_LOCK('streampay_export tables', 0)")
        with pytest.raises(JobStoreUnavailable, match="others were changing its tables"):
            store.create_tables()
        connection.exec_driver_sql("SELECT RELEASE_LOCK('streampay_export tables')")
    store.create_tables()
    store.close()
    engine.dispose()
