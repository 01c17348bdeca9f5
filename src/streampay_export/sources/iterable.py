"""
History in anything that can be iterated in key order: lists, generators, files, another service's pages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from attrs import field, frozen

from .._core.catalog import Catalog, Dataset, FieldType
from .._core.ownership import owner_values
from .._core.selection import Census, Column, Key, Query, Row
from ..errors import (
    ExportError,
    InvalidConfiguration,
    KeyForm,
    SourceMismatch,
    SourceUnavailable,
    listed,
    quoted,
)
from ..ports.clock import Clock
from .timestamp_forms import MICROSECONDS, TextForm

Record: TypeAlias = Mapping[str, object]
Records: TypeAlias = Sequence[Record] | Callable[[], Iterable[Record]]
"""A table's rows in key order, or a function that begins to yield them anew at each call."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IterableSource:
    """
    Reads history from rows that the application yields, in ascending key order, as mappings by column.

    *tables* are named as the catalog names them, owner tables included. Nothing is materialised but the
    subject's rows of an owner table: pages go forward through one iteration, and counting is another.
    Keys are compared as Python compares them. There is no isolation: a table that changes while it is
    read is read as it changes. *now* is the instant that rows are as of; *timezone* (an IANA name) is that of
    timestamps without one. Thread-safe if the functions are. Whatever a function raises, other than an
    `ExportError`, becomes `SourceUnavailable` naming the exception's type alone, since its text may quote rows.
    """

    def __init__(self, tables: Mapping[str, Records], *, now: Clock, timezone: str | None = None) -> None:
        self._tables = dict(tables)
        self._now = now
        try:
            self._zone = None if timezone is None else ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            problem = f"{quoted(str(timezone))} is no time zone; use a name such as UTC or Europe/Paris"
            raise InvalidConfiguration("timezone", problem) from None

    def now(self) -> datetime:
        """
        Return the clock's instant, UTC.
        """
        return self._now().astimezone(UTC)

    def check(self, catalog: Catalog) -> None:
        """
        Raise `SourceMismatch` unless every table is there and its first row, if any, has every column.
        """
        for dataset in catalog.datasets:
            names = [each.column for each in dataset.fields]
            names += [*dataset.key, *dataset.subject, *([dataset.as_of] if dataset.as_of else [])]
            names += [dataset.owner.via] if dataset.owner else []
            names += [dataset.omit.column] if dataset.omit else []
            _Table(dataset, dataset.table, self._tables).check(names)
            if dataset.owner is not None:
                owner = dataset.owner
                _Table(dataset, owner.table, self._tables).check([owner.key, *owner.subject])

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[IterableSnapshot]:
        """
        Open a view; leaving it closes the iterations that it began.
        """
        with contextlib.ExitStack() as stack:
            snapshot = IterableSnapshot(self._tables, self.now(), self._zone)
            stack.callback(snapshot.close)
            yield snapshot


class IterableSnapshot:
    """
    One reading of the tables. Made by `IterableSource.snapshot`; used by one thread.
    """

    def __init__(self, tables: Mapping[str, Records], read_at: datetime, zone: tzinfo | None) -> None:
        self._tables = tables
        self._read_at = read_at
        self._zone = zone
        self._going: dict[Query, tuple[Iterator[Row], Key | None]] = {}

    @property
    def read_at(self) -> datetime:
        """
        The clock's instant when the view was opened, UTC.
        """
        return self._read_at

    def census(self, query: Query) -> Census:
        """
        Count the subject's rows by ownership alone. A row later than the as-of is later whatever the window.
        """
        dataset = query.selection.dataset
        reading = _Reading(query, self._tables, self._zone)
        counts = dict.fromkeys(("included", "later", "outside", "omitted"), 0)
        nulls = [0] * len(dataset.key)
        for record, _ in reading.owned():
            reading.check_forms(record)
            standing = reading.standing(record)
            counts[standing] += 1
            if standing != "omitted":
                nulls = [n + (record[name] is None) for n, name in zip(nulls, dataset.key, strict=True)]
        return Census(null_keys=tuple(nulls), **counts)

    def count(self, query: Query, after: Key | None, upto: Key | None) -> int:
        """
        Count the included rows with *after* < key <= *upto*; `None` is no bound.
        """
        keys = (key for key, _ in _Reading(query, self._tables, self._zone).included())
        return sum((after is None or key > after) and (upto is None or key <= upto) for key in keys)

    def page(self, query: Query, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Return the next page: going on where the last one ended, or beginning anew for any other *after*.
        """
        rows, at = self._going.get(query, (None, None))
        if rows is None or at != after:
            included = _Reading(query, self._tables, self._zone).included()
            rows = (row for key, row in included if after is None or key > after)
        page = list(islice(rows, limit))
        last = tuple(page[-1][place] for place in query.selection.key) if page else after
        self._going[query] = (rows, last)
        return page

    def close(self) -> None:
        """
        Give up the iterations that were begun.
        """
        self._going.clear()


@frozen
class _Table:
    """
    One table's rows, with whatever goes wrong while they are iterated.
    """

    dataset: Dataset
    name: str
    tables: Mapping[str, Records] = field(repr=False)

    def records(self) -> Iterator[Record]:
        if self.name not in self.tables:
            there = listed(list(self.tables))
            raise SourceMismatch(self.dataset.name, f"there is no table {quoted(self.name)}; there are: {there}")
        given = self.tables[self.name]
        try:
            yield from given() if callable(given) else given
        except ExportError:
            raise
        except Exception as error:  # noqa: BLE001  # the application's code may raise anything
            problem = f"iterating table {quoted(self.name)} raised {type(error).__name__}"
        else:
            return
        raise SourceUnavailable(problem)

    def check(self, names: Iterable[str]) -> None:
        for record in islice(self.records(), 1):
            for name in names:
                self.value(record, name)

    def value(self, record: Record, name: str) -> object:
        try:
            return record[name]
        except KeyError:
            problem = (
                f"a row of table {quoted(self.name)} has no column {quoted(name)}; it has: {listed(list(record))}"
            )
        raise SourceMismatch(self.dataset.name, problem)


class _Reading:
    """
    One iteration for one query.
    """

    def __init__(self, query: Query, tables: Mapping[str, Records], zone: tzinfo | None) -> None:
        self._query = query
        self._dataset = query.selection.dataset
        self._zone = zone
        self._owners = owner_values(query.subject)
        self._table = _Table(self._dataset, self._dataset.table, tables)
        self._owner_rows = self._owned_owner_rows(tables)
        self._unit = next(
            (f.unit for f in self._dataset.fields if f.column == self._dataset.as_of and f.unit), None
        )
        self._times = self._columns_of_time()
        self._forms: dict[str, TextForm] = {}

    def owned(self) -> Iterator[tuple[Record, Record]]:
        """
        Yield the subject's rows, each with the row that says so: itself, or that of its owner.
        """
        owner = self._dataset.owner
        for record in self._table.records():
            if owner is not None:
                by = self._owner_rows.get(self._table.value(record, owner.via))
            else:
                by = record if self._is_owners(self._table, record, self._dataset.subject) else None
            if by is not None:
                yield record, by

    def included(self) -> Iterator[tuple[Key, Row]]:
        """
        Yield keys and rows of the cut. Rows with NULL in their key have no place in the order.
        """
        columns, value = self._query.selection.columns, self._table.value
        for record, by in self.owned():
            key = tuple(value(record, name) for name in self._dataset.key)
            if None not in key and self.standing(record) == "included":
                yield key, tuple(_read(self._table, column, record, by) for column in columns)

    def standing(self, record: Record) -> str:
        """
        Return what the row is counted as, under the name that `Census` has for it.
        """
        dataset, window = self._dataset, self._query.window
        if dataset.omit is not None and self._table.value(record, dataset.omit.column) is not None:
            return "omitted"
        if dataset.as_of is None:
            return "included"
        value = self._table.value(record, dataset.as_of)
        bounded = window.start is not None or window.end is not None
        if value is None:
            return "outside" if bounded else "included"
        instant = self._instant(dataset.as_of, value)
        if instant > self._query.as_of:
            return "later"
        early = window.start is not None and instant < window.start
        late = window.end is not None and instant >= window.end
        return "outside" if early or late else "included"

    def check_forms(self, record: Record) -> None:
        """
        Raise `KeyForm` unless the texts that bound or page are of one form each.
        """
        for name in self._times:
            value = self._table.value(record, name)
            if not isinstance(value, str):
                continue
            form = TextForm.of(value, self._zone or UTC)
            if form is None:
                raise KeyForm(self._dataset.name, column=name)
            first = self._forms.setdefault(name, form)
            if form != first and (name in self._dataset.key or not form.beside(first)):
                raise KeyForm(self._dataset.name, column=name)

    def _columns_of_time(self) -> list[str]:
        dataset = self._dataset
        times = {f.column for f in dataset.fields if f.type is FieldType.TIMESTAMP}
        names = [dataset.as_of, *(name for name in dataset.key if name in times)]
        return [name for name in dict.fromkeys(names) if name is not None]

    def _owned_owner_rows(self, tables: Mapping[str, Records]) -> dict[object, Record]:
        owner = self._dataset.owner
        if owner is None:
            return {}
        table = _Table(self._dataset, owner.table, tables)
        return {
            table.value(record, owner.key): record
            for record in table.records()
            if self._is_owners(table, record, owner.subject) and record[owner.key] is not None
        }

    def _is_owners(self, table: _Table, record: Record, columns: Sequence[str]) -> bool:
        try:
            return any(table.value(record, name) in self._owners for name in columns)
        except TypeError:  # a value without a hash, such as a list, is nobody's name
            return False

    def _instant(self, name: str, value: object) -> datetime:
        if isinstance(value, str):
            if TextForm.of(value, self._zone or UTC) is None:
                raise KeyForm(self._dataset.name, column=name)
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value if value.utcoffset() is not None else value.replace(tzinfo=self._known_zone(name))
        if isinstance(value, date):
            return datetime.combine(value, time(), tzinfo=self._zone or UTC)
        if isinstance(value, int | float | Decimal) and self._unit is not None:
            return _EPOCH + timedelta(microseconds=int(value * MICROSECONDS[self._unit]))
        problem = f"column {quoted(name)} holds no times; numbers need their field's unit (s, ms or us)"
        raise SourceMismatch(self._dataset.name, problem)

    def _known_zone(self, name: str) -> tzinfo:
        if self._zone is None:
            problem = f"column {quoted(name)} holds times without a time zone: give `timezone` one"
            raise SourceMismatch(self._dataset.name, problem)
        return self._zone


def _read(table: _Table, column: Column, record: Record, by: Record) -> Any:
    return table.value(by if column.of_owner else record, column.name)
