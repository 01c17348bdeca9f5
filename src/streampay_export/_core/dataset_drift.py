"""
One dataset compared with the facts about its tables. Of what is missing, nothing else is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ..errors import listed, quoted
from .catalog import Dataset
from .column_use import Uses, columns_used, owner_columns_used
from .field import Field, FieldType
from .finding import Finding, FindingKind
from .policy import Policies
from .table_facts import ColumnFacts, Stored, TableFacts

_NUMBERS = frozenset({Stored.INTEGER, Stored.DECIMAL, Stored.FLOAT})
_TEXTS = frozenset({Stored.TEXT, Stored.BYTES, Stored.OTHER})
_INSTANTS = frozenset({Stored.AWARE_TIMESTAMP, Stored.NAIVE_TIMESTAMP, Stored.TEXT})
# What `canonical.py` reads of what drivers give; numbers kept as text only where that is good practice, for money.
_FITTING: Mapping[FieldType, frozenset[Stored]] = {
    FieldType.TEXT: _TEXTS | {Stored.INTEGER, Stored.UUID, Stored.JSON},
    FieldType.INTEGER: frozenset({Stored.INTEGER, Stored.DECIMAL}),
    FieldType.DECIMAL: _NUMBERS | {Stored.TEXT},
    FieldType.BOOLEAN: frozenset({Stored.BOOLEAN, Stored.INTEGER, Stored.BYTES}),
    FieldType.TIMESTAMP: _INSTANTS,
    FieldType.DATE: frozenset({Stored.DATE, Stored.TEXT}),
    FieldType.UUID: frozenset({Stored.UUID, Stored.TEXT, Stored.BYTES}),
    FieldType.JSON: _TEXTS | {Stored.JSON},
}
# An identifier is turned into a value of the column's type; of all other types none can be, and rows are nobody's.
_IDENTIFYING = frozenset({Stored.TEXT, Stored.INTEGER, Stored.DECIMAL, Stored.UUID, Stored.OTHER, Stored.UNKNOWN})


def dataset_findings(
    dataset: Dataset,
    policies: Policies,
    timezone: str | None,
    facts: Mapping[str, TableFacts | None],
    there: Sequence[str],
) -> Iterator[Finding]:
    """
    Yield what is wrong between a dataset and its tables, *timezone* being that of times without one.

    *there* are the tables that may be named instead of one that is missing.
    """
    table = _Comparison(dataset, dataset.table, facts[dataset.table], there)
    yield from table.missing(columns_used(dataset, policies))
    for each in dataset.fields:
        yield from table.field(each, timezone)
    if dataset.as_of is not None:
        yield from table.as_of(dataset.as_of, timezone)
    yield from table.never_null(dataset.key)
    yield from table.unique(dataset.key)
    yield from table.untold(dataset.key)
    for column in dataset.subject:
        yield from table.identifying(column)
        yield from table.indexed(column, dataset.key)
    owner = dataset.owner
    if owner is not None:
        yield from table.indexed(owner.via, dataset.key)
        owners = _Comparison(dataset, owner.table, facts[owner.table], there)
        yield from owners.missing(owner_columns_used(dataset))
        yield from owners.unique((owner.key,))
        yield from owners.untold(())
        for column in owner.subject:
            yield from owners.identifying(column)
            yield from owners.indexed(column, ())


@frozen
class _Comparison:
    dataset: Dataset
    table: str
    facts: TableFacts | None
    there: Sequence[str]

    def missing(self, uses: Uses) -> Iterator[Finding]:
        if self.facts is None:
            there = listed([quoted(name) for name in self.there])
            problem = f"there is no such table: name another in the catalog; there are: {there}"
            yield self._finding(FindingKind.MISSING, None, problem)
            return
        for name, what in uses.items():
            if self.facts.column(name) is None:
                needed = ", ".join(dict.fromkeys(what))
                yield self._finding(
                    FindingKind.MISSING, name, f"there is no such column, and it is named as {needed}"
                )

    def field(self, field: Field, timezone: str | None) -> Iterator[Finding]:
        column = self._column(field.column)
        if column is None or column.stored is Stored.UNKNOWN:
            return
        what = f"field {quoted(field.name)}"
        if field.type is FieldType.TIMESTAMP and column.stored in _NUMBERS:
            if field.unit is None:
                yield self._misfit(column, f"{what} is a timestamp: give it a unit (s, ms or us)")
        elif column.stored not in _FITTING[field.type]:
            yield self._misfit(column, f"{what} is {field.type}: declare it as what the column holds")
        elif field.type is FieldType.DECIMAL and column.stored is Stored.FLOAT:
            yield self._finding(
                FindingKind.INEXACT,
                column.name,
                f"{quoted(column.declared)} keeps amounts as {Stored.FLOAT}, near and not exact: "
                "keep them as numeric, or in SQLite as text",
            )
        elif field.type is FieldType.TIMESTAMP:
            yield from self._zoned(column, timezone)

    def as_of(self, name: str, timezone: str | None) -> Iterator[Finding]:
        column = self._column(name)
        mapped = any(f.column == name and f.type is FieldType.TIMESTAMP for f in self.dataset.fields)
        if column is None or mapped or column.stored in {Stored.UNKNOWN, Stored.DATE}:
            return
        if column.stored in _INSTANTS:
            yield from self._zoned(column, timezone)
        else:
            yield self._misfit(
                column, "as_of needs instants: name another, or map this one as a timestamp field with its unit"
            )

    def identifying(self, name: str) -> Iterator[Finding]:
        column = self._column(name)
        if column is not None and column.stored not in _IDENTIFYING:
            yield self._misfit(column, "no identifier is: name a subject column of text, whole numbers or UUIDs")

    def never_null(self, key: tuple[str, ...]) -> Iterator[Finding]:
        for name in key:
            column = self._column(name)
            if column is not None and column.nullable:
                yield self._finding(
                    FindingKind.NULLABLE_KEY,
                    name,
                    "it is in the key, and an export fails on a NULL there: declare it NOT NULL",
                )

    def untold(self, key: tuple[str, ...]) -> Iterator[Finding]:
        columns = [column for name in key if (column := self._column(name)) is not None]
        if self.facts and (self.facts.indexes is None or any(column.nullable is None for column in columns)):
            yield self._finding(
                FindingKind.CANNOT_TELL,
                None,
                "the database does not say, as of a view, what is unique, never NULL, or read in order from an "
                "index: see to it in the tables beneath",
            )

    def unique(self, key: tuple[str, ...]) -> Iterator[Finding]:
        if self.facts is None or self.facts.indexes is None or not all(map(self._column, key)):
            return
        if not any(index.unique and set(index.unique) <= set(key) for index in self.facts.indexes):
            yield self._finding(
                FindingKind.NOT_UNIQUE,
                key[-1],
                f"two rows may have the same {_named(key)}: add a primary key or a unique index",
            )

    def indexed(self, first: str, key: tuple[str, ...]) -> Iterator[Finding]:
        wanted = (first, *(name for name in key if name != first))
        if self.facts is None or self.facts.indexes is None or not all(map(self._column, wanted)):
            return
        # Unique on the first column alone: there is one row at most, and no order to be in.
        if not any(i.ordered[: len(wanted)] == wanted or i.unique == (first,) for i in self.facts.indexes):
            yield self._finding(
                FindingKind.UNINDEXED,
                first,
                f"no index begins with {_named(wanted)}, so the person's rows are searched and sorted: create one",
            )

    def _column(self, name: str) -> ColumnFacts | None:
        return self.facts.column(name) if self.facts else None

    def _zoned(self, column: ColumnFacts, timezone: str | None) -> Iterator[Finding]:
        if timezone is not None:
            return
        if column.stored is Stored.NAIVE_TIMESTAMP:
            yield self._finding(
                FindingKind.NAIVE,
                column.name,
                f"{quoted(column.declared)} has no time zone: say with timezone whose time it is",
            )
        elif column.stored is Stored.TEXT:
            yield self._finding(
                FindingKind.CANNOT_TELL,
                column.name,
                "times are kept as text: if they carry no offset, say with timezone whose time it is",
            )

    def _misfit(self, column: ColumnFacts, problem: str) -> Finding:
        return self._finding(FindingKind.MISFIT, column.name, f"it is {quoted(column.declared)}, and {problem}")

    def _finding(self, kind: FindingKind, column: str | None, problem: str) -> Finding:
        return Finding(kind=kind, dataset=self.dataset.name, table=self.table, column=column, problem=problem)


def _named(columns: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, columns))
