"""
What SqlJobStore does on SQLite beyond its contract: privacy of the file, bounded waits, errors in our words.
"""

import functools
import os
import re
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from attrs import evolve
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from streampay_export._core.job import WrappedKey
from streampay_export._core.lifecycle import State
from streampay_export._core.ticket import Purpose
from streampay_export._sql import database, engine
from streampay_export._sql.tables import JOBS
from streampay_export._sql.types import database_now
from streampay_export.audit.sql import SqlAudit
from streampay_export.errors import AuditUnavailable, InvalidConfiguration, JobStoreUnavailable, MissingExtra
from streampay_export.jobs.sql import SCHEMA_VERSION, SqlJobStore
from streampay_export.jobs.sql.rows import change_job
from streampay_export.ports.jobs import Idempotency
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.jobs import LEASE, claim_one, completion, make_job, make_ready
from streampay_export.testing.contracts.outbox import make_entry
from streampay_export.testing.fakes import ManualClock


@pytest.fixture
def path(tmp_path):
    """
    Where the store's file is.
    """
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path):
    """
    A store on a new file, with the database's own clock.
    """
    store = SqlJobStore(f"sqlite:///{path}")
    store.create_tables()
    yield store
    store.close()


@pytest.fixture
def short_wait(monkeypatch):
    """
    Makes the longest wait a tenth of a second.
    """
    monkeypatch.setattr(engine, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(database, "LONGEST_WAIT", 0.1)


def test_the_clock_is_the_databases(store):
    """
    Without a clock of a test's, `now` is SQLite's, in milliseconds, and never goes back.
    """
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    instants = [store.now() for _ in range(20)]
    assert sorted(instants) == instants
    assert before <= instants[0] <= instants[-1] <= datetime.now(UTC)
    assert {0} == {instant.microsecond % 1000 for instant in instants}


def test_leases_and_links_go_by_that_clock(store):
    """
    A lease and a link of a tenth of a second are over after it.
    """
    make_ready(store)
    soon = store.now() + timedelta(milliseconds=100)
    assert store.add_link("default", "job-1", "link", expires_at=soon)
    store.add(make_job(store, "job-2"))
    first = store.claim(lease=timedelta(milliseconds=100), max_attempts=5)
    while store.now() < soon + timedelta(milliseconds=100):
        time.sleep(0.02)
    assert first.fence + 1 == claim_one(store).fence
    assert store.use_link("default", "job-1", "link", session=LEASE) is None


def test_a_session_ends_with_the_link_it_was_opened_from(store, path):
    """
    Also one that a revocation did not see, as it was stored at the same moment: it asks for that link's row.
    """
    make_ready(store)
    until = store.now() + LEASE
    store.add_link("default", "job-1", "mailed", expires_at=until, purpose=Purpose.OPEN)
    for each in ("begun", "fresh"):
        store.add_link("default", "job-1", each, expires_at=until, opened_from="mailed")
    assert store.use_link("default", "job-1", "begun", session=LEASE)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM export_link WHERE id = 'mailed'")
    connection.commit()
    connection.close()

    assert [None, None] == [store.use_link("default", "job-1", it, session=LEASE) for it in ("begun", "fresh")]


def test_all_files_are_private_whatever_the_umask(path):
    """
    Database and write-ahead log are 0600, also where the database was readable before.
    """
    before = os.umask(0)
    try:
        store = SqlJobStore(f"sqlite:///{path}")
        store.create_tables()
        store.add(make_job(store))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        assert {"jobs.db": 0o600, "jobs.db-wal": 0o600, "jobs.db-shm": 0o600} == modes
        store.close()
        path.chmod(0o644)
        SqlJobStore(f"sqlite:///{path}").close()
    finally:
        os.umask(before)
    assert 0o600 == path.stat().st_mode & 0o777


def test_a_folder_is_made_when_asked(tmp_path):
    """
    With *make_folder* the folder is made, 0700; without it, its lack is named.
    """
    url = f"sqlite:///{tmp_path / 'a' / 'b' / 'jobs.db'}"
    with pytest.raises(InvalidConfiguration, match=r"jobs\.url: .* cannot be made, and be its owner.s alone"):
        SqlJobStore(url)
    SqlJobStore(url, make_folder=True).close()
    assert 0o700 == (tmp_path / "a" / "b").stat().st_mode & 0o777


def test_what_was_shredded_is_in_no_file(store, path):
    """
    After the end of a job neither its wrapped key nor its sealed subject is in the database or its log.
    """
    secrets = [b"the-wrapped-key-of-this-job" * 3, b"the-sealed-subject-of-this-job" * 3]
    wrapped = WrappedKey(key_id="k", ciphertext=secrets[0])
    for n in range(5):
        job = make_job(store, f"job-{n}", owner=str(n))
        store.add(evolve(job, wrapped_key=wrapped, sealed=secrets[1]))
        store.complete(claim_one(store), completion(store))

    def found():
        kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
        return [secret in kept for secret in secrets]

    assert [True, True] == found()
    for n in range(5):
        store.end("default", f"job-{n}", expected={State.READY}, state=State.EXPIRED)
    assert [False, False] == found()
    assert 0 == (path.parent / "jobs.db-wal").stat().st_size


@pytest.mark.parametrize(
    "afterwards",
    [lambda store: store.create_tables(), lambda store: store.add(make_job(store, "job-2"))],
    ids=["start", "write"],
)
def test_a_reader_in_the_way_of_shredding_only_delays_it(store, path, monkeypatch, afterwards):
    """
    A log that a reader needs is emptied by the next write or start after it has gone.
    """
    impatient = functools.partialmethod(database.Database.truncate_log, patience=0)
    monkeypatch.setattr(database.Database, "truncate_log", impatient)
    secret = b"the-wrapped-key-of-this-job" * 3
    job = make_job(store)
    store.add(evolve(job, wrapped_key=WrappedKey(key_id="k", ciphertext=secret)))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM export_job").fetchall()
    store.end("default", job.id, expected={State.QUEUED}, state=State.CANCELLED)
    assert secret in (path.parent / "jobs.db-wal").read_bytes()

    reader.execute("COMMIT")
    afterwards(store)

    assert 0 == (path.parent / "jobs.db-wal").stat().st_size
    assert secret not in path.read_bytes()
    reader.close()


def test_an_erased_job_leaves_neither_links_nor_keys(store, path):
    """
    After erasure no row speaks of the job but its own.
    """
    key = Idempotency(key="key", digest="d")
    store.add(make_job(store), idempotency=key)
    store.complete(claim_one(store), completion(store))
    store.add_link("default", "job-1", "link", expires_at=store.now() + LEASE)
    connection = sqlite3.connect(path)
    count = "SELECT (SELECT count(*) FROM export_link), (SELECT count(*) FROM export_idempotency)"
    assert (1, 1) == connection.execute(count).fetchone()
    store.end("default", "job-1", expected={State.READY}, state=State.ERASED)
    assert (0, 0) == connection.execute(count).fetchone()
    connection.close()


def test_only_a_hash_of_an_idempotency_key_is_kept(store, path):
    """
    The caller's key, which may be anything, is in no file.
    """
    store.add(make_job(store), idempotency=Idempotency(key="ann@example.org/2026", digest="d"))
    assert all(b"ann@example.org" not in file.read_bytes() for file in path.parent.iterdir())


def test_a_change_and_its_entries_are_one(store):
    """
    A change whose entry cannot be stored does not happen.
    """
    store.add(make_job(store))
    before = store.get("default", "job-1")
    unspellable = evolve(make_entry("1"), facts={"rows": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        store.end("default", "job-1", expected={State.QUEUED}, state=State.ERASED, entries=[unspellable])
    assert before == store.get("default", "job-1")
    assert not store.pending()


def test_a_given_engine_stays_open(path):
    """
    An engine that was handed in is its maker's to close, and works as one of ours.
    """
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    store = SqlJobStore(engine)
    store.create_tables()
    store.add(make_job(store))
    store.close()
    assert 1 == engine.pool.checkedin()
    assert store.has_jobs()
    engine.dispose()


def test_has_jobs_sees_every_job(store):
    """
    A store has jobs from the first on, also when that is erased.
    """
    assert not store.has_jobs()
    store.add(make_job(store))
    store.end("default", "job-1", expected={State.QUEUED}, state=State.ERASED)
    assert store.has_jobs()


def test_tables_are_made_once_by_many(path):
    """
    Eight that make the tables of a new file at once all succeed.
    """

    def create(_):
        store = SqlJobStore(f"sqlite:///{path}")
        store.create_tables()
        store.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    connection = sqlite3.connect(path)
    assert [(SCHEMA_VERSION,)] == connection.execute("SELECT version FROM export_job_version").fetchall()
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()


def test_tables_of_another_release_are_refused(store, path):
    """
    The version that is there and the one that is needed are named.
    """
    connection = sqlite3.connect(path)
    connection.execute("UPDATE export_job_version SET version = version + 1")
    connection.commit()
    connection.close()
    expected = f"of version {SCHEMA_VERSION + 1}; this release works with version {SCHEMA_VERSION}"
    with pytest.raises(InvalidConfiguration, match=re.escape(expected)):
        store.create_tables()


def test_older_tables_are_left_as_they_are(path):
    """
    Tables that lack a column of this release are named by their version, and none is made beside them.
    """
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE export_job (id TEXT)")
    connection.execute("CREATE TABLE export_job_version (version INTEGER)")
    connection.execute("INSERT INTO export_job_version VALUES (1)")
    connection.commit()
    store = SqlJobStore(f"sqlite:///{path}")
    with pytest.raises(InvalidConfiguration, match="of version 1"):
        store.create_tables()
    store.close()
    names = connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    assert [("export_job",), ("export_job_version",)] == names


def test_missing_tables_are_named(path):
    """
    A store whose tables were never made says what makes them.
    """
    store = SqlJobStore(f"sqlite:///{path}")
    with pytest.raises(JobStoreUnavailable, match=r"its tables are missing; create_tables\(\) makes them"):
        store.get("default", "job-1")
    store.close()


def test_a_file_that_is_no_database_is_named(path):
    """
    Something else under that name is said to be that.
    """
    path.write_bytes(b"this is not a database, but it is long enough" * 100)
    store = SqlJobStore(f"sqlite:///{path}")
    with pytest.raises(JobStoreUnavailable, match="the file is not an SQLite database"):
        store.create_tables()
    store.close()


def test_a_locked_database_is_waited_for_and_then_named(short_wait, path):
    """
    A writer waits for another's lock, but not for ever; a reader does not wait.
    """
    store = SqlJobStore(f"sqlite:///{path}")
    store.create_tables()
    store.add(make_job(store))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(JobStoreUnavailable, match=r"others held its lock for 0\.1 s"):
        store.claim(lease=LEASE, max_attempts=5)
    assert 0.1 <= time.monotonic() - begun < 2
    assert store.get("default", "job-1") is not None
    other.execute("ROLLBACK")
    assert claim_one(store)
    other.close()
    store.close()


def test_too_many_callers_are_told(short_wait, path):
    """
    When every connection is busy, the next caller is told so within the longest wait.
    """
    store = SqlJobStore(f"sqlite:///{path}")
    store.create_tables()
    others = [store._database._engine.connect() for _ in range(15)]
    with pytest.raises(JobStoreUnavailable, match=r"all its connections were busy for 0\.1 s"):
        store.now()
    for connection in others:
        connection.close()
    store.close()


def test_going_over_to_wal_waits_for_others(path):
    """
    Making the tables waits while another process has the new file locked.
    """
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()
    store = SqlJobStore(f"sqlite:///{path}")
    store.create_tables()
    assert not store.has_jobs()
    release.join()
    other.close()
    store.close()


def test_going_over_to_wal_does_not_wait_for_ever(short_wait, path):
    """
    A file that stays locked is named as such.
    """
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    store = SqlJobStore(f"sqlite:///{path}")
    with pytest.raises(JobStoreUnavailable, match="others held its lock"):
        store.create_tables()
    other.close()
    store.close()


def test_a_read_only_or_full_database_is_named(store):
    """
    What SQLite says about its disk is said in our words.
    """
    for pragma, problem in (("query_only = 1", "read-only"), ("max_page_count = 1", "disk is full")):
        engine = store._database._engine
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        with pytest.raises(JobStoreUnavailable, match=problem):
            fill(store)
        engine.dispose()


def fill(store):
    """
    Add many jobs.
    """
    for n in range(500):
        store.add(make_job(store, f"job-{n}", owner=str(n)))


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "jobs.db", "oracel://x"]
)
def test_a_url_that_cannot_serve_is_refused(url):
    """
    What is no database URL, or a database that would not last, is refused with what would be right.
    """
    with pytest.raises(InvalidConfiguration, match=r"jobs\.url: .*sqlite:///exports\.db"):
        SqlJobStore(url)


def test_a_missing_driver_names_its_extra(monkeypatch):
    """
    A database whose driver is not installed says what to install.
    """
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        MissingExtra, match=r"audit\.url on postgresql needs: pip install 'streampay-export\[postgres\]'"
    ):
        SqlAudit("postgresql://nobody@127.0.0.1/test", chain=TEST_CHAIN)


def test_the_tables_follow_to_mariadb():
    """
    MariaDB gets ids compared byte for byte, spaces at the end included, and tells its own time.
    """
    dialect = mysql.dialect(is_mariadb=True)
    table = str(CreateTable(JOBS.tables["export_job"]).compile(dialect=dialect))
    assert "id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL" in table
    assert "UTC_TIMESTAMP(6)" in str(sqlalchemy.select(database_now()).compile(dialect=dialect))


def test_a_row_changed_under_its_lock_is_not_overwritten(store):
    """
    A write names the state and fence it was decided on, and says so when they are not there.
    """
    store.add(make_job(store))
    stale = evolve(store.get("default", "job-1"), fence=9)
    with pytest.raises(JobStoreUnavailable, match="changed"), store._database.writing() as connection:
        change_job(connection, stale, state=State.CANCELLED)


def test_entries_that_others_store_all_the_time_are_given_up(store, monkeypatch):
    """
    `keep` tries again when another process was first, and gives up after a few times.
    """
    tries = []

    def lose(connection, entries):
        tries.append(entries)
        raise sqlalchemy.exc.IntegrityError("INSERT", {}, Exception("UNIQUE"))

    monkeypatch.setattr("streampay_export.jobs.sql.outbox._put_entries", lose)
    with pytest.raises(JobStoreUnavailable, match="others kept storing"):
        store.keep([make_entry("1")])
    assert 3 == len(tries)


def test_a_row_that_is_no_entry_stops_the_reader(tmp_path):
    """
    A damaged row of the SQL trail is `AuditUnavailable`, and not quoted.
    """
    sink = SqlAudit(f"sqlite:///{tmp_path / 'audit.db'}", chain=TEST_CHAIN)
    sink.create_tables()
    sink.append(make_entry("1"))
    connection = sqlite3.connect(tmp_path / "audit.db")
    connection.execute("UPDATE export_audit SET entry = '{\"secret\": 1}'")
    connection.commit()
    connection.close()
    with pytest.raises(AuditUnavailable, match="a row of the trail is not an audit entry") as caught:
        list(sink.entries("default"))
    assert "secret" not in str(caught.value)
    sink.close()


def test_a_long_trail_is_read_in_pages(tmp_path, monkeypatch):
    """
    A trail of several pages is read whole, each entry once.
    """
    monkeypatch.setattr("streampay_export.audit.sql._PAGE", 3)
    sink = SqlAudit(f"sqlite:///{tmp_path / 'audit.db'}", chain=TEST_CHAIN)
    sink.create_tables()
    entries = [make_entry(str(n)) for n in range(9)]
    for entry in entries:
        sink.append(entry)
    assert entries == list(sink.entries("default"))
    sink.close()


def test_an_overview_stops_where_its_bounds_are(path, monkeypatch):
    """
    A state is counted, and what is overdue named, up to a bound: more would cost more and say nothing more.
    """
    clock = ManualClock()
    store = SqlJobStore(f"sqlite:///{path}", clock=clock)
    store.create_tables()
    monkeypatch.setattr("streampay_export.jobs.sql.deadlines.LARGEST_COUNT", 2)
    monkeypatch.setattr("streampay_export.jobs.sql.deadlines.LATEST_FAILED", 2)
    monkeypatch.setattr("streampay_export.jobs.sql.deadlines.MOST_OVERDUE", 3)
    for n in range(8):
        job = evolve(make_job(store, f"job-{n}", owner=f"owner {n}"), due_at=store.now() + timedelta(seconds=n))
        store.add(job)
    for n in range(4):
        store.end("default", f"job-{n}", expected={State.QUEUED}, state=State.FAILED)
    overview = store.overview("default")
    assert [2, 2, 0] == [overview.counts[state] for state in (State.QUEUED, State.FAILED, State.READY)]
    clock.advance(timedelta(days=1))
    # Of the failed ones, the two that were due last.
    assert ["job-2", "job-3", "job-4"] == [job.id for job in store.overview("default").overdue]
    store.close()


ASKED_OFTEN = {
    "claim": (lambda store: store.claim(lease=LEASE, max_attempts=5), ["export_job_waits"]),
    "waiting": (lambda store: store.waiting(), ["export_job_waits"]),
    "exhausted": (lambda store: store.exhausted(max_attempts=5), ["export_job_waits"]),
    "expired": (lambda store: store.expired(), ["export_job_expires"]),
    "orphans": (lambda store: store.orphans(), ["export_job_orphaned"]),
    "list": (lambda store: store.list("default", "me", limit=9), ["export_job_owner", "export_job_requester"]),
    "overview": (
        lambda store: store.overview("default"),
        ["export_job_due", "export_job_waits_of", "export_job_whose"],
    ),
    "add": (lambda store: store.add(make_job(store)), ["sqlite_autoindex_export_job_"]),
}


@pytest.mark.parametrize("name", ASKED_OFTEN)
def test_no_query_reads_all_jobs(store, name):
    """
    What is asked often is found by index.
    """
    act, indexes = ASKED_OFTEN[name]
    plans = []

    def explain(connection, cursor, statement, parameters, *_):
        if "export_job" in statement and statement.startswith("SELECT"):
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(step[3] for step in plan)

    sqlalchemy.event.listen(store._database._engine, "before_cursor_execute", explain)
    act(store)
    assert all(any(index in step for step in plans) for index in indexes), plans
    passed = ("SCAN export_job_version", "SCAN anon_1")  # a bounded subquery has no index to be searched by
    assert set(passed) >= {step for step in plans if step.startswith("SCAN")}
