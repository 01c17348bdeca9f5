"""
Our own sources keep the contract, and the contract catches sources that do not.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

import pytest
import sqlalchemy
from sqlalchemy import BigInteger, Column, DateTime, Engine, MetaData, Table, Text, Uuid, insert
from sqlalchemy.dialects import mysql

from streampay_export._core.catalog import FieldType
from streampay_export._core.selection import Census, Key, Query, Row
from streampay_export.errors import RepeatedRow, StuckCursor
from streampay_export.ports.source import HistorySource
from streampay_export.sources.iterable import IterableSnapshot, IterableSource
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.testing.contracts.source import SourceContract, SourceRow, SourceTable, key_of

Tables = Mapping[str, SourceTable]
SQL_TYPES = {
    FieldType.INTEGER: BigInteger(),
    FieldType.TEXT: Text(),
    FieldType.TIMESTAMP: DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql"),
    FieldType.UUID: Uuid(),
}


class TextUuid(sqlalchemy.TypeDecorator[object]):
    """SQLite has no UUIDs: applications keep them as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value, dialect):
        """Write the UUID as text."""
        return None if value is None else str(value)


class Host:
    """Fills tables of a database, past the source."""

    def __init__(self, engine: Engine, schema: str | None = None) -> None:
        self.engine, self.schema, self.metadata = engine, schema, MetaData(schema=schema)

    def create(self, tables: Tables) -> None:
        """Make the tables and fill them."""
        for name, given in tables.items():
            columns = [Column(column, self._type(kind)) for column, kind in given.columns.items()]
            Table(name, self.metadata, *columns)
        self.metadata.create_all(self.engine)
        for name, given in tables.items():
            for row in given.rows:
                self.insert(name, row)

    def _type(self, kind: FieldType):
        lite = self.engine.dialect.name == "sqlite"
        return TextUuid() if kind is FieldType.UUID and lite else SQL_TYPES[kind]

    def insert(self, table: str, row: SourceRow) -> None:
        """Put one row in and commit."""
        known = self.metadata.tables[f"{self.schema}.{table}" if self.schema else table]
        with self.engine.begin() as connection:
            connection.execute(insert(known).values(**row))


class TestSqlite(SourceContract):
    @pytest.fixture
    def host(self, tmp_path) -> Iterator[Host]:
        """A database file in WAL mode."""
        engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'history.db'}")
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()
        yield Host(engine)
        engine.dispose()

    @pytest.fixture
    def make_source(self, host, tmp_path) -> Iterator[Callable[[Tables], HistorySource]]:
        """Sources of that file."""

        def make(tables: Tables) -> HistorySource:
            host.create(tables)
            return SqlAlchemySource(f"sqlite:///{tmp_path / 'history.db'}", timezone="UTC")

        return make

    @pytest.fixture
    def insert_row(self, host):
        """Straight into the database."""
        return host.insert


@pytest.mark.server
class TestPostgresql(SourceContract):
    @pytest.fixture
    def engine(self, postgres_url) -> Iterator[Engine]:
        """The application's engine."""
        engine = sqlalchemy.create_engine(postgres_url)
        yield engine
        engine.dispose()

    @pytest.fixture
    def host(self, engine) -> Iterator[Host]:
        """A schema of its own."""
        schema = f"Contract {secrets.token_hex(4)}"
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
        yield Host(engine, schema)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')

    @pytest.fixture
    def make_source(self, host) -> Callable[[Tables], HistorySource]:
        """Sources of that schema."""

        def make(tables: Tables) -> HistorySource:
            host.create(tables)
            return SqlAlchemySource(host.engine, schema=host.schema)

        return make

    @pytest.fixture
    def insert_row(self, host):
        """Straight into the database."""
        return host.insert


@pytest.mark.server
class TestMariadb(SourceContract):
    @pytest.fixture
    def host(self, mariadb_url) -> Iterator[Host]:
        """A database of its own, as there are no schemas in one, whose usual collation folds case and spaces."""
        name = f"contract {secrets.token_hex(4)}"
        engine = sqlalchemy.create_engine(mariadb_url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE `{name}` COLLATE utf8mb4_general_ci")
        yield Host(engine, name)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP DATABASE `{name}`")
        engine.dispose()

    @pytest.fixture
    def make_source(self, host) -> Callable[[Tables], HistorySource]:
        """Sources of that database."""

        def make(tables: Tables) -> HistorySource:
            host.create(tables)
            return SqlAlchemySource(host.engine, schema=host.schema, timezone="UTC")

        return make

    @pytest.fixture
    def insert_row(self, host):
        """Straight into the database."""
        return host.insert


class TestIterable(SourceContract):
    not_isolated_because = "an iterable is read as it is at that moment: nothing is materialised"

    @pytest.fixture
    def make_source(self) -> Callable[[Tables], HistorySource]:
        """Sources of the rows."""
        return iterable

    @pytest.fixture
    def insert_row(self):
        """Nothing can be put in."""
        return


class TestIterableOfFunctions(TestIterable):
    @pytest.fixture
    def make_source(self) -> Callable[[Tables], HistorySource]:
        """Sources of the rows."""

        def make(tables: Tables) -> HistorySource:
            rows = {name: (lambda given=given: iter(given.rows)) for name, given in tables.items()}
            return IterableSource(rows, now=lambda: datetime.now(UTC), timezone="UTC")

        return make


def iterable(tables: Tables) -> IterableSource:
    """Read the rows from sequences."""
    rows = {name: given.rows for name, given in tables.items()}
    return IterableSource(rows, now=lambda: datetime.now(UTC), timezone="UTC")


class Offset(IterableSnapshot):
    """Counts the rows it gave out, as OFFSET does."""

    given = 0

    def page(self, query: Query, after: Key | None, limit: int) -> list[Row]:
        """Page wrongly."""
        page = list(islice(super().page(query, None, self.given + limit), self.given, None))
        self.given += len(page)
        return page


class TimestampOnly(IterableSnapshot):
    """Goes on after the first column of the key."""

    def page(self, query: Query, after: Key | None, limit: int) -> list[Row]:
        """Page wrongly."""
        rows = super().page(query, None, 1_000_000)
        return [row for row in rows if after is None or key_of(query, row)[0] > after[0]][:limit]


class OffByOne(IterableSnapshot):
    """Goes on with the row of the cursor."""

    def page(self, query: Query, after: Key | None, limit: int) -> list[Row]:
        """Page wrongly."""
        rows = super().page(query, None, 1_000_000)
        return [row for row in rows if after is None or key_of(query, row) >= after][:limit]


class NotEqual(IterableSnapshot):
    """Leaves out of the second leg what the first has, with `<>`."""

    def page(self, query: Query, after: Key | None, limit: int) -> list[Row]:
        """Page wrongly."""
        first, second = query.selection.subject
        names = query.subject.names
        rows = super().page(query, after, 1_000_000)
        legs = [r for r in rows if r[first] in names or (r[second] in names and r[first] is not None)]
        return legs[:limit]


class MissingLeg(IterableSnapshot):
    """Looks at the first subject column alone."""

    def page(self, query: Query, after: Key | None, limit: int) -> list[Row]:
        """Page wrongly."""
        rows = super().page(query, after, 1_000_000)
        return [row for row in rows if row[query.selection.subject[0]] in query.subject.names][:limit]


class CountsPages(IterableSnapshot):
    """Counts with the predicate that pages."""

    def census(self, query: Query) -> Census:
        """Count wrongly."""
        rows = super().page(query, None, 1_000_000)
        return Census(included=len(rows), null_keys=(0,) * len(query.selection.key))


class OpenEnd(IterableSnapshot):
    """Counts beyond the upper key."""

    def count(self, query: Query, after: Key | None, upto: Key | None) -> int:
        """Count wrongly."""
        return super().count(query, after, None)


@pytest.mark.parametrize(
    ("snapshot", "law"),
    [
        (Offset, "test_resumes_after_any_key"),
        (TimestampOnly, "test_pages_of_any_size_have_every_owned_row_once"),
        (OffByOne, "test_pages_of_any_size_have_every_owned_row_once"),
        (NotEqual, "test_null_in_an_earlier_subject_column_loses_nothing"),
        (NotEqual, "test_pages_of_any_size_have_every_owned_row_once"),
        (MissingLeg, "test_pages_of_any_size_have_every_owned_row_once"),
        (CountsPages, "test_null_keys_are_counted"),
        (CountsPages, "test_as_of_includes_its_own_instant"),
        (OpenEnd, "test_counts_agree_with_pages"),
    ],
)
def test_contract_catches(snapshot, law, monkeypatch):
    """A source with one classic mistake breaks the law that is there for it."""
    monkeypatch.setattr("streampay_export.sources.iterable.IterableSnapshot", snapshot)

    with pytest.raises((AssertionError, StuckCursor, RepeatedRow)):
        getattr(SourceContract(), law)(iterable)
