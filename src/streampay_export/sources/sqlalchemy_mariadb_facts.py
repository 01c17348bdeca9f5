"""
What MariaDB declares of a table, asked of its information schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from .._core.table_facts import ColumnFacts, IndexFacts, Stored, TableFacts
from .sqlalchemy_database import Kind, Run, SqlColumn, in_one_direction

# Names are compared as they are written, whatever the information schema folds.
_COLUMNS = """
    SELECT column_name, data_type, column_type, is_nullable, coalesce(collation_name, '')
    FROM information_schema.columns
    WHERE table_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s
      AND BINARY table_name = %(table)s
    ORDER BY ordinal_position
"""
# A prefix of a column is no order of it.
_INDEXES = """
    SELECT index_name, non_unique, column_name, collation = 'D', sub_part
    FROM information_schema.statistics
    WHERE table_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s
      AND BINARY table_name = %(table)s
      AND index_type = 'BTREE'
    ORDER BY index_name, seq_in_index
"""
_TABLE_TYPE = """
    SELECT table_type FROM information_schema.tables
    WHERE table_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s
      AND BINARY table_name = %(table)s
"""
_JSON = """
    SELECT check_clause FROM information_schema.check_constraints
    WHERE constraint_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s
      AND BINARY table_name = %(table)s
"""
_IS_JSON = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)")
_SIMPLE = re.compile(r"[\w$]+")

_KINDS = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), Kind.INTEGER),
    "decimal": Kind.NUMBER,
    **dict.fromkeys(("float", "double"), Kind.FLOAT),
    **dict.fromkeys(
        ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"),
        Kind.TEXT,
    ),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), Kind.BYTES),
    "uuid": Kind.UUID,
    "timestamp": Kind.AWARE_TIMESTAMP,
    "datetime": Kind.NAIVE_TIMESTAMP,
    "date": Kind.DATE,
    "bit": Kind.BOOLEAN,
}
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32}
_STORED = {
    Kind.INTEGER: Stored.INTEGER,
    Kind.NUMBER: Stored.DECIMAL,
    Kind.FLOAT: Stored.FLOAT,
    Kind.TEXT: Stored.TEXT,
    Kind.BYTES: Stored.BYTES,
    Kind.UUID: Stored.UUID,
    Kind.AWARE_TIMESTAMP: Stored.AWARE_TIMESTAMP,
    Kind.NAIVE_TIMESTAMP: Stored.NAIVE_TIMESTAMP,
    Kind.DATE: Stored.DATE,
}
# What the declared type tells besides. BOOLEAN is another word for tinyint(1), and may hold other numbers.
_BY_DECLARATION = {"binary(16)": Stored.UUID, "bit(1)": Stored.BOOLEAN}


def mariadb_columns(run: Run, table: str, schema: str | None) -> list[SqlColumn]:
    """
    Return a table's or view's columns; none if there is no such table.
    """
    return [
        SqlColumn(
            name=name,
            kind=_KINDS.get(type_, Kind.OTHER),
            nullable=nullable == "YES",
            # One bit more than a signed integer of the width has.
            bits=_BITS.get(type_, 64) + ("unsigned" in declared),
            declared=declared,
            collation=collation,
        )
        for name, type_, declared, nullable, collation in run(_COLUMNS, {"table": table, "schema": schema})
    ]


def index_hints(run: Run, table: str, schema: str | None) -> Mapping[tuple[str, ...], str]:
    """
    Return FORCE INDEX for each index that orders its columns, by those.
    """
    # A percent sign would be one of the driver's; such a name goes without a hint.
    return {
        index.ordered: f"FORCE INDEX (`{name}`)"
        for name, index in _indexes(run, table, schema).items()
        if _SIMPLE.fullmatch(name)
    }


def mariadb_facts(run: Run, table: str, schema: str | None, columns: Sequence[SqlColumn]) -> TableFacts:
    """
    Return the facts about a table or view whose columns are known.
    """
    which = {"table": table, "schema": schema}
    told = run(_TABLE_TYPE, which) != [("VIEW",)]
    checks = " ".join(clause for (clause,) in run(_JSON, which))
    json = {name.replace("``", "`") for name in _IS_JSON.findall(checks)}
    return TableFacts(
        columns=tuple(
            ColumnFacts(
                name=each.name,
                stored=Stored.JSON if each.name in json else _stored(each),
                declared=each.declared,
                nullable=each.nullable if told else None,
            )
            for each in columns
        ),
        indexes=tuple(_indexes(run, table, schema).values()) if told else None,
    )


def _stored(column: SqlColumn) -> Stored:
    return _BY_DECLARATION.get(column.declared) or _STORED.get(column.kind, Stored.OTHER)


def _indexes(run: Run, table: str, schema: str | None) -> dict[str, IndexFacts]:
    rows = run(_INDEXES, {"table": table, "schema": schema})
    indexes = {name: list(group) for name, group in groupby(rows, itemgetter(0))}
    # Rows with the same values stand in the order of the primary key, which every index ends with.
    primary = [_place(row) for row in indexes.get("PRIMARY", ())]
    return {
        name: IndexFacts(
            ordered=_once(in_one_direction([*map(_place, columns), *primary])),
            unique=_unique(columns),
        )
        for name, columns in indexes.items()
    }


def _place(row: Sequence[object]) -> tuple[str | None, bool]:
    _, _, name, descending, prefix = row
    return (None if name is None or prefix is not None else str(name), bool(descending))


def _unique(columns: Sequence[Sequence[object]]) -> tuple[str, ...]:
    names = [name for name, _ in map(_place, columns)]
    return () if columns[0][1] or None in names else tuple(str(name) for name in names)


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
