"""
The statements of one query: legs of a union, one for each way in which a row can be the subject's.

A row is in the first leg that has it: each leg leaves out what earlier subject columns claim, by negating IS NOT
DISTINCT FROM, as `<>` would lose the rows where those are NULL. One leg alone reads one index in key order, so
their merge does too; `OR` would read the whole table, and UNION compares all columns to drop doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Self

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    literal_column,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.sql import quoted_name

from .._core.selection import Query, Selection
from .sqlalchemy_database import Database, SqlTable
from .timestamp_forms import InstantForm

Condition = ColumnElement[bool]


@frozen
class Leg:
    """
    One way in which a row can be the subject's, and the column that says so.
    """

    condition: Condition
    column: str


def sql_table(shape: SqlTable, alias: str) -> FromClause:
    """
    Return the table for composing; every name is quoted, whatever it is.
    """
    columns = [column(quoted_name(name, quote=True)) for name in shape.columns]  # type: ignore[var-annotated]  # a column of no type
    schema = None if shape.schema is None else quoted_name(shape.schema, quote=True)
    return table(quoted_name(shape.name, quote=True), *columns, schema=schema).alias(alias)


@frozen(kw_only=True)
class Bounds:
    """
    Which bounds a query has; their values are parameters. Where there is both an end and an as-of, the earlier one
    bounds: *ends_early* says that this is the end of the window.
    """

    start: bool
    end: bool
    ends_early: bool

    @classmethod
    def of(cls, query: Query) -> Self:
        """
        Return the bounds of a query.
        """
        end = query.window.end
        return cls(
            start=query.window.start is not None,
            end=end is not None,
            ends_early=end is not None and end <= query.as_of,
        )


@frozen(kw_only=True, cache_hash=True)
class OwnedRows:
    """
    Composes the statements for one query's rows. Equal ones, be they for other people, compose the same.

    *identifiers* are, for each subject column, the names of the parameters with the values it may have.
    *form* is how the as-of column writes instants; `None` with an as-of column means that it is NULL in
    all of the subject's rows.
    """

    database: Database
    selection: Selection
    bounds: Bounds
    shape: SqlTable
    owner_shape: SqlTable | None
    identifiers: tuple[tuple[str, ...], ...]
    form: InstantForm | None = None

    @cached_property
    def rows(self) -> FromClause:
        """
        The dataset's table.
        """
        return sql_table(self.shape, "r")

    @cached_property
    def owner(self) -> FromClause:
        """
        The table that has the subject columns.
        """
        return self.rows if self.owner_shape is None else sql_table(self.owner_shape, "o")

    # --- whose a row is

    def legs(self) -> list[Leg]:
        """
        Return one leg for each subject column and identifier.
        """
        return self._legs(lambda names: [[name] for name in names])

    def wide_legs(self) -> list[Leg]:
        """
        Return one leg for each subject column, for statements that need no order.
        """
        return self._legs(lambda names: [names])

    def owner_legs(self, names: Iterable[str]) -> list[Leg]:
        """
        Return one leg for each owner row whose key is the parameter of that name.
        """
        owner = self.selection.dataset.owner
        assert owner is not None  # noqa: S101  # called for datasets with one only
        via, key = self.rows.c[owner.via], self.owner.c[owner.key]
        return [Leg(and_(via == bindparam(name), key == bindparam(name)), owner.via) for name in names]

    def _legs(self, grouped: Callable[[Sequence[str]], Sequence[Sequence[str]]]) -> list[Leg]:
        dataset = self.selection.dataset
        shape = self.owner_shape or self.shape
        columns = dataset.owner.subject if dataset.owner else dataset.subject
        legs: list[Leg] = []
        earlier: list[Condition] = []
        for name, names in zip(columns, self.identifiers, strict=True):
            subject = self.database.compared(shape.columns[name], self.owner.c[name])
            groups = grouped(names) if names else []
            legs += [Leg(and_(*self._is_one_of(name, shape, group), *earlier), name) for group in groups]
            # One condition, however many names: SQLite takes each for a reason to expect fewer rows, and with
            # very few expected it sorts what an index has in order.
            earlier += [~or_(*(subject.is_not_distinct_from(bindparam(each)) for each in names))] if names else []
        return legs

    def _is_one_of(self, name: str, shape: SqlTable, names: Sequence[str]) -> list[Condition]:
        column, expression = shape.columns[name], self.owner.c[name]
        values: list[ColumnElement[Any]] = [bindparam(each) for each in names]
        about = [self.database.about(column, expression, value) for value in values]
        subject = self.database.compared(column, expression)
        exact = subject == values[0] if len(values) == 1 else subject.in_(values)
        wider = [each for each in about if each is not None]
        return [or_(*wider), exact] if wider else [exact]

    # --- statements

    def page(self, legs: Sequence[Leg], *, after: bool, limited: bool = True) -> Select[Any] | CompoundSelect[Any]:
        """
        Select the included rows in key order; *after* the parameters `after_…`, at most `row_limit` if *limited*.
        """
        selection = self.selection
        read = [self._read(position).label(f"c{position}") for position in range(len(selection.columns))]
        keys = [self.rows.c[name] for name in selection.dataset.key]
        bounds = self._included(after=after)
        parts = [self._hinted(self._from(select(*read)), leg).where(leg.condition, *bounds) for leg in legs]
        limit: ColumnElement[Any] = bindparam("row_limit")
        if len(parts) == 1:
            one = parts[0].order_by(*keys)
            return one.limit(limit) if limited else one
        if limited and self.database.limits_legs:
            parts = [part.order_by(*keys).limit(limit) for part in parts]
        # By place: a name might be a column's of the table as well.
        merged = union_all(*parts).order_by(*(literal_column(str(place + 1)) for place in selection.key))
        return merged.limit(limit) if limited else merged

    def count(self, *, after: bool, upto: bool) -> Select[Any]:
        """
        Count the included rows between the parameters `after_…` and `upto_…`.
        """
        found = self._union([literal_column("1").label("found")], self._included(after=after, upto=upto))
        return select(func.count()).select_from(found)

    def census(self, fixed_forms: Sequence[tuple[str, InstantForm, bool]]) -> Select[Any]:
        """
        Count the owned rows: all, omitted, later, outside, NULL for each key column, and misshapen for each
        of *fixed_forms* (column, form, whether only that one form will do).
        """
        dataset = self.selection.dataset
        optional = (dataset.as_of, dataset.omit.column if dataset.omit else None)
        names = list(dict.fromkeys([*dataset.key, *(name for name in optional if name)]))
        found = self._union([self.rows.c[name].label(f"c{i}") for i, name in enumerate(names)], [])
        columns: dict[str, ColumnElement[Any]] = {name: found.c[f"c{i}"] for i, name in enumerate(names)}
        omitted = columns[dataset.omit.column].is_not(None) if dataset.omit else false()
        later, outside = self._outside(columns[dataset.as_of]) if dataset.as_of else (false(), false())
        counts: list[Condition] = [
            omitted,
            and_(~omitted, later),
            and_(~omitted, ~later, outside),
            *(and_(~omitted, columns[name].is_(None)) for name in dataset.key),
            *self._misshapen(columns, fixed_forms),
        ]
        totals: list[ColumnElement[Any]] = [func.count(), *(func.count(case((each, 1))) for each in counts)]
        return select(*totals).select_from(found)

    def sample(self, name: str) -> Select[Any]:
        """
        Select one value of a column that is not NULL.
        """
        found = self._union([self.rows.c[name].label("sample")], [self.rows.c[name].is_not(None)])
        return select(found.c.sample).limit(1)

    def owners(self, most: int) -> Select[Any]:
        """
        Select the keys of the subject's owner rows, but *most* at most.
        """
        owner = self.selection.dataset.owner
        assert owner is not None  # noqa: S101  # called for datasets with one only
        key = self.owner.c[owner.key]
        parts = [select(key.label("owner_key")).where(leg.condition, key.is_not(None)) for leg in self.wide_legs()]
        return select(_one_or_union(parts).c.owner_key).limit(most)

    # --- their parts

    def _from(self, statement: Select[Any]) -> Select[Any]:
        owner = self.selection.dataset.owner
        if owner is None:
            return statement.select_from(self.rows)
        return statement.select_from(self.rows.join(self.owner, self.owner.c[owner.key] == self.rows.c[owner.via]))

    def _hinted(self, statement: Select[Any], leg: Leg) -> Select[Any]:
        wanted = (leg.column, *self.selection.dataset.key)
        hints = (hint for columns, hint in self.shape.hints.items() if columns[: len(wanted)] == wanted)
        hint = next(hints, None)
        return statement if hint is None else statement.with_hint(self.rows, hint)

    def _union(self, columns: Sequence[ColumnElement[Any]], bounds: Sequence[Condition]) -> FromClause:
        parts = [self._from(select(*columns)).where(leg.condition, *bounds) for leg in self.wide_legs()]
        return _one_or_union(parts)

    def _read(self, position: int) -> ColumnElement[Any]:
        selection = self.selection
        asked = selection.columns[position]
        if asked.of_owner and self.owner_shape is not None:
            return self.database.selected(self.owner_shape.columns[asked.name], self.owner.c[asked.name])
        expression = self.rows.c[asked.name]
        # A key is compared with itself as it was read, and ordered by an index: nothing is made of it.
        if position in selection.key:
            return expression
        return self.database.selected(self.shape.columns[asked.name], expression)

    def _key_bound(self, name: str, *, above: bool) -> Condition:
        columns = [self.rows.c[each] for each in self.selection.dataset.key]
        values: list[ColumnElement[Any]] = [bindparam(f"{name}_{place}") for place in range(len(columns))]
        return self.database.beyond(columns, values, above=above)

    def _included(self, *, after: bool = False, upto: bool = False) -> list[Condition]:
        """
        Return the conditions of being in the cut, and between the parameters `after_…` and `upto_…`.

        An index is entered at one lower and one upper bound. SQLite takes any it finds, so besides the
        cursor's no other may be offered, or every page would begin at the window's start.
        """
        dataset = self.selection.dataset
        conditions: list[Condition] = [
            self.rows.c[name].is_not(None)
            for place, name in enumerate(dataset.key)
            if self.shape.columns[name].nullable and not (after and place == 0)
        ]
        if dataset.omit is not None:
            conditions.append(self.rows.c[dataset.omit.column].is_(None))
        if dataset.as_of is not None:
            conditions += self._within(dataset.as_of, after=after, upto=upto)
        conditions += [self._key_bound("after", above=True)] if after else []
        conditions += [self._key_bound("upto", above=False)] if upto else []
        return conditions

    def _within(self, name: str, *, after: bool, upto: bool) -> list[Condition]:
        instant, bounded = self.rows.c[name], self.bounds
        unbounded = not (bounded.start or bounded.end)
        if self.form is None:
            return [instant.is_(None) if unbounded else false()]
        value = self.database.ordered_as_time(self.shape.columns[name], instant)
        low = self.database.unindexed(value) if after else value
        high = self.database.unindexed(value) if upto else value
        bounds = [high < bindparam("window_end") if bounded.ends_early else high <= bindparam("as_of")]
        if bounded.start:
            bounds.append(low >= bindparam("window_start"))
        if unbounded and self.shape.columns[name].nullable and name not in self.selection.dataset.key:
            return [or_(*bounds, instant.is_(None))]
        return bounds

    def _outside(self, instant: ColumnElement[Any]) -> tuple[Condition, Condition]:
        """
        Return the conditions of being later than the as-of, and of being outside the window. Never NULL.
        """
        bounded = self.bounds
        unknown = instant.is_(None) if bounded.start or bounded.end else false()
        if self.form is None:
            return false(), unknown
        name = self.selection.dataset.as_of or ""
        value = self.database.ordered_as_time(self.shape.columns[name], instant)
        later = and_(instant.is_not(None), value > bindparam("as_of"))
        before = and_(instant.is_not(None), value < bindparam("window_start")) if bounded.start else false()
        behind = and_(instant.is_not(None), value >= bindparam("window_end")) if bounded.end else false()
        return later, or_(unknown, before, behind)

    def _misshapen(
        self, columns: dict[str, ColumnElement[Any]], forms: Sequence[tuple[str, InstantForm, bool]]
    ) -> list[Condition]:
        conditions = []
        for name, form, fixed in forms:
            misshapen = self.database.misshapen(columns[name], form, fixed=fixed)
            conditions.append(false() if misshapen is None else and_(columns[name].is_not(None), misshapen))
        return conditions


def _one_or_union(parts: Sequence[Select[Any]]) -> FromClause:
    return parts[0].subquery("u") if len(parts) == 1 else union_all(*parts).subquery("u")
