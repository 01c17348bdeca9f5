"""
Tables of an earlier release made into those of this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Connection, MetaData, Table, inspect, update
from sqlalchemy.schema import CreateColumn


@frozen
class AddedColumn:
    """
    A column that the version before lacks. In rows that are there it holds *default*; where that is no more than a
    mark, which no other row has, they are then given what *filled* says of them.
    """

    table: Table
    name: str
    default: ColumnElement[Any]
    filled: ColumnElement[Any] | None = None


Upgrades: TypeAlias = Mapping[int, Sequence[AddedColumn]]
"""What is added, by the version that it leads to. New tables and indexes need no mention."""


def add_columns(connection: Connection, added: Iterable[AddedColumn]) -> None:
    """
    Add columns. Where one is there, an upgrade was stopped half-way: MariaDB commits every change of a table.
    """
    for each in added:
        column = each.table.c[each.name]
        if each.name not in {there["name"] for there in inspect(connection).get_columns(each.table.name)}:
            spelt = CreateColumn(_with_default(column, each.default)).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {each.table.name} ADD COLUMN {spelt}")
        if each.filled is not None:
            connection.execute(update(each.table).where(column == each.default).values({each.name: each.filled}))


def _with_default(column: Column[Any], default: ColumnElement[Any]) -> Column[Any]:
    alone = Table(
        column.table.name,
        MetaData(),
        Column(column.name, column.type, nullable=column.nullable, server_default=default),
    )
    return alone.c[column.name]
