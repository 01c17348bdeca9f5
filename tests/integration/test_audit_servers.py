"""
The SQL audit sink keeps its contract on real PostgreSQL and MariaDB servers, and where they do not answer.
"""

import socket
import time
from collections.abc import Callable

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from streampay_export._sql.tables import AUDIT
from streampay_export.audit import sql
from streampay_export.audit.sql import SqlAudit
from streampay_export.errors import AuditUnavailable
from streampay_export.testing.contracts.audit import TEST_CHAIN, ChainedTrailContract
from streampay_export.testing.contracts.outbox import make_entry


class _OnServer(ChainedTrailContract):
    @pytest.fixture
    def admin(self, url):
        """
        A way into the database past our adapter.
        """
        engine = sqlalchemy.create_engine(url, poolclass=NullPool)
        yield engine
        engine.dispose()

    @pytest.fixture
    def make_sink(self, url, admin):
        """
        Opens the one trail.
        """
        opened = []

        def make():
            sink = SqlAudit(url, chain=TEST_CHAIN)
            sink.create_tables()
            opened.append(sink)
            return sink

        make()
        with admin.begin() as connection:
            for name in ("export_audit", "export_audit_head"):
                connection.execute(AUDIT.tables[name].delete())
        yield make
        for sink in opened:
            sink.close()

    @pytest.fixture
    def raw_ids(self, admin):
        """
        Reads the trail past the sink.
        """

        def read():
            with admin.connect() as connection:
                found = connection.exec_driver_sql("SELECT tenant, id FROM export_audit ORDER BY number, tenant")
                return [tuple(row) for row in found]

        return read

    @pytest.fixture
    def break_trail(self, admin):
        """
        Takes the trail away, and gives it back.
        """

        def rename(before, after):
            with admin.begin() as connection:
                connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

        def hide() -> Callable[[], None]:
            rename("export_audit", "away")
            return lambda: rename("away", "export_audit")

        return hide

    def test_ids_are_told_apart_byte_by_byte(self, make_sink, raw_ids):
        """
        Ids that a collation would fold are different entries.
        """
        sink, names = make_sink(), ["alice", "Alice", "alice ", "Älice", "Alice"]
        for name in names:
            sink.append(make_entry(name))
        assert [("default", name) for name in names[:4]] == list(raw_ids())

    def test_a_lock_that_is_not_let_go_refuses_in_time(self, make_sink, admin, monkeypatch):
        """
        While others hold the chain's head, an append is refused within the timeout; afterwards it goes through.
        """
        sink = make_sink()
        sink.append(make_entry("1"))
        monkeypatch.setattr(sql, "LONGEST_WAIT", 0.2)
        hasty = make_sink()
        with admin.begin() as other:
            other.execute(AUDIT.tables["export_audit_head"].select().with_for_update())
            begun = time.monotonic()
            with pytest.raises(AuditUnavailable, match=r"did not answer for 0\.2 s"):
                hasty.append(make_entry("2"))
            assert time.monotonic() - begun < 2
        # What hung goes through now, and is there already when it is sent again.
        sink.append(make_entry("3"))
        hasty_again = make_sink()
        monkeypatch.undo()
        sink.append(make_entry("2"))
        assert {"1", "2", "3"} == {entry.id for entry in hasty_again.entries("default")}
        assert [1, 2, 3] == [each.number for each in sink.chain("default")]


@pytest.mark.server
class TestPostgresqlAudit(_OnServer):
    @pytest.fixture
    def url(self, postgres_url):
        """
        Where the trail is.
        """
        return postgres_url


@pytest.mark.server
class TestMariadbAudit(_OnServer):
    @pytest.fixture
    def url(self, mariadb_url):
        """
        Where the trail is.
        """
        return mariadb_url


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_takes_calls_and_never_answers_refuses_in_time(scheme, monkeypatch):
    """
    A half-open network is refused within the timeout, every time.
    """
    pytest.importorskip(scheme.partition("+")[2])
    monkeypatch.setattr(sql, "LONGEST_WAIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        sink = SqlAudit(f"{scheme}://nobody@127.0.0.1:{deaf.getsockname()[1]}/test", chain=TEST_CHAIN)
        for name in ("1", "2"):
            begun = time.monotonic()
            with pytest.raises(AuditUnavailable, match=r"did not answer for 0\.2 s"):
                sink.append(make_entry(name))
            assert time.monotonic() - begun < 2
