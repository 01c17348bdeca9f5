"""
One query inside one snapshot: identifiers converted, instants bound, statements written once and run often.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import tzinfo
from typing import TypeAlias

from attrs import evolve
from sqlalchemy import ClauseElement

from .._core.catalog import Dataset, FieldType
from .._core.selection import Census, Key, Query, Row
from ..errors import InvalidRequest, KeyForm, SourceMismatch, quoted
from .sqlalchemy_database import MOST_IDENTIFIERS, Cursor, Database, SqlColumn, SqlTable
from .sqlalchemy_legs import Bounds, Leg, OwnedRows
from .sqlalchemy_statements import Statement, Statements
from .timestamp_forms import InstantForm

Fetch: TypeAlias = Callable[[str, Mapping[str, object]], list[Row]]
Open: TypeAlias = Callable[[str, Mapping[str, object]], Cursor]


def instant_form(
    database: Database, dataset: Dataset, column: SqlColumn, zone: tzinfo | None, sample: object
) -> InstantForm | None:
    """
    Return how *column* writes instants, or `None` if it does not; `SourceMismatch` if that cannot be known.
    """
    unit = next((each.unit for each in dataset.fields if each.column == column.name and each.unit), None)
    try:
        return database.form(column, unit, zone, sample)
    except LookupError as error:
        missing = str(error.args[0])
    what = {
        "timezone": "times without a time zone: name theirs with `timezone` under [source], such as UTC",
        "unit": "times as numbers: give the field that maps it a unit (s, ms or us)",
    }
    raise SourceMismatch(dataset.name, f"column {quoted(column.name)} holds {what[missing]}")


class Reading:
    """
    Answers a snapshot's calls for one query. *fetch* and *open_cursor* run SQL and translate errors.

    The form of every statement is all that its text depends on: equal ones are written once (see `Statements`).
    """

    def __init__(
        self,
        database: Database,
        statements: Statements,
        query: Query,
        shape: SqlTable,
        owner_shape: SqlTable | None,
        *,
        zone: tzinfo | None,
        fetch: Fetch,
        open_cursor: Open,
    ) -> None:
        self._database = database
        self._statements = statements
        self._query = query
        self._dataset = query.selection.dataset
        self._shape = shape
        self._zone = zone
        self._fetch = fetch
        self._open = open_cursor
        self._flat: set[Statement] = set()
        self._cursor: Cursor | None = None
        self._cursor_at: Key | None = None
        self._cursor_left = 0
        self._parameters, identifiers = self._identifiers(owner_shape)
        self._nobody = not self._parameters
        self._forms: list[tuple[str, InstantForm, bool]] = []
        self._rows = OwnedRows(
            database=database,
            selection=query.selection,
            bounds=Bounds.of(query),
            shape=shape,
            owner_shape=owner_shape,
            identifiers=identifiers,
        )
        self._owners: tuple[str, ...] = ()
        self._merged = False
        if not self._nobody:
            self._bind_instants()
            self._merged = self._merges_legs()

    # --- the snapshot's calls

    def page(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Return the next page.
        """
        if self._nobody:
            return []
        if self._merged:
            paged = after is not None
            statement = self._statement(
                ("page", paged, self._owners), lambda: self._rows.page(self._legs(), after=paged)
            )
            parameters = self._bound(statement, {"row_limit": limit}, _numbered("after", after))
            if statement in self._flat or not self._database.sorts(self._fetch, statement.sql, parameters):
                self._flat.add(statement)
                return self._fetch(statement.sql, parameters)
            # An index is missing, or the planner expects few rows: then sort them once, not for every page.
            self._merged = False
        return self._forward(after, limit)

    def count(self, after: Key | None, upto: Key | None) -> int:
        """
        Count the included rows between two keys.
        """
        if self._nobody:
            return 0
        above, below = after is not None, upto is not None
        rows = self._run(
            ("count", above, below),
            lambda: self._rows.count(after=above, upto=below),
            _numbered("after", after),
            _numbered("upto", upto),
        )
        return int(rows[0][0])

    def census(self) -> Census:
        """
        Count by ownership alone. Raises `KeyForm` if texts that bound or page are not of one form.
        """
        keys = len(self._dataset.key)
        if self._nobody:
            return Census(included=0, null_keys=(0,) * keys)
        ((owned, omitted, later, outside, *rest),) = self._run(
            ("census", *self._forms), lambda: self._rows.census(self._forms)
        )
        for (name, _, _), misshapen in zip(self._forms, rest[keys:], strict=True):
            if misshapen:
                raise KeyForm(self._dataset.name, column=name)
        return Census(
            included=owned - omitted - later - outside,
            later=later,
            outside=outside,
            omitted=omitted,
            null_keys=tuple(rest[:keys]),
        )

    def close(self) -> None:
        """
        Give up the forward cursor, if there is one.
        """
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    # --- set-up

    def _identifiers(self, owner_shape: SqlTable | None) -> tuple[dict[str, object], tuple[tuple[str, ...], ...]]:
        names = self._query.subject.names
        if len(names) > MOST_IDENTIFIERS:
            raise InvalidRequest(
                "identifiers",
                f"a subject has at most {MOST_IDENTIFIERS} identifiers here; export the wallets in groups",
            )
        owner = self._dataset.owner
        shape, columns = (owner_shape or self._shape), (owner.subject if owner else self._dataset.subject)
        parameters: dict[str, object] = {}
        identifiers: list[tuple[str, ...]] = []
        for place, column in enumerate(columns):
            values = [v for name in names for v in self._database.identifier(shape.columns[column], name)]
            bound = {f"id_{place}_{i}": value for i, value in enumerate(dict.fromkeys(values))}
            parameters |= bound
            identifiers.append(tuple(bound))
        return parameters, tuple(identifiers)

    def _bind_instants(self) -> None:
        as_of = self._dataset.as_of
        form = None
        if as_of is not None:
            form = self._form(as_of)
        times = {c.name for c in self._query.selection.columns if c.type is FieldType.TIMESTAMP and not c.of_owner}
        for name in self._dataset.key:
            if name != as_of and name in times and self._database.sampled(self._shape.columns[name]):
                self._form(name, bounding=False)
        if form is None:
            return
        query = self._query
        self._parameters["as_of"] = form.upto(query.as_of)
        if query.window.start is not None:
            self._parameters["window_start"] = form.since(query.window.start)
        if query.window.end is not None:
            self._parameters["window_end"] = form.since(query.window.end)
        self._rows = evolve(self._rows, form=form)

    def _form(self, name: str, *, bounding: bool = True) -> InstantForm | None:
        column = self._shape.columns[name]
        sample = None
        sampled = self._database.sampled(column)
        if sampled:
            found = self._run(("sample", name), lambda: self._rows.sample(name))
            sample = found[0][0] if found else None
            if sample is None or (not bounding and not isinstance(sample, str)):
                return None
        form = instant_form(self._database, self._dataset, column, self._zone, sample)
        if form is None and sampled:
            raise KeyForm(self._dataset.name, column=name)
        if form is None:
            raise SourceMismatch(self._dataset.name, f"as-of column {quoted(name)} holds no times")
        # The order of a key's texts must be that of time, also for whoever compares them without us.
        self._forms.append((name, form, name in self._dataset.key))
        return form

    def _merges_legs(self) -> bool:
        """
        Say whether a page is merged from legs, or, where that is cheaper, from what was sorted once.
        """
        most = self._database.most_legs
        if self._dataset.owner is None:
            return sum(map(len, self._rows.identifiers)) <= most
        owners = self._run(("owners",), lambda: self._rows.owners(most + 1))
        if len(owners) > most:
            return False
        self._nobody = not owners
        named = {f"owner_{place}": value for place, (value,) in enumerate(owners)}
        self._parameters.update(named)
        self._owners = tuple(named)
        return True

    def _legs(self) -> Sequence[Leg]:
        return self._rows.owner_legs(self._owners) if self._owners else self._rows.legs()

    # --- running

    def _statement(self, form: tuple[Hashable, ...], compose: Callable[[], ClauseElement]) -> Statement:
        return self._statements.of((self._rows, *form), compose)

    def _bound(self, statement: Statement, *bounds: Mapping[str, object]) -> dict[str, object]:
        parameters = {**statement.constants, **self._parameters}
        for each in bounds:
            parameters |= each
        return parameters

    def _run(
        self, form: tuple[Hashable, ...], compose: Callable[[], ClauseElement], *bounds: Mapping[str, object]
    ) -> list[Row]:
        statement = self._statement(form, compose)
        return self._fetch(statement.sql, self._bound(statement, *bounds))

    def _forward(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Go on with the rows that the database sorted once for this snapshot; sort anew for another *after*.
        """
        most = self._database.most_forward
        if self._cursor is None or self._cursor_at != after or (most and self._cursor_left < limit):
            self.close()
            paged, limited = after is not None, most is not None
            statement = self._statement(
                ("forward", paged),
                lambda: self._rows.page(self._rows.wide_legs(), after=paged, limited=limited),
            )
            self._cursor_left = max(most or 0, limit)
            parameters = self._bound(statement, {"row_limit": self._cursor_left}, _numbered("after", after))
            self._cursor = self._open(statement.sql, parameters)
        rows: list[Row] = self._cursor.fetchmany(limit)
        self._cursor_left -= len(rows)
        if rows:
            self._cursor_at = tuple(rows[-1][place] for place in self._query.selection.key)
        return rows


def _numbered(name: str, key: Key | None) -> dict[str, object]:
    return {} if key is None else {f"{name}_{place}": value for place, value in enumerate(key)}
