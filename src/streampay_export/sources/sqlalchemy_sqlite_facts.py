"""
What SQLite declares of a table, asked of its pragmas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .._core.table_facts import ColumnFacts, IndexFacts, Stored, TableFacts
from .sqlalchemy_database import Kind, Run, SqlColumn, in_one_direction

_ROWID_ALIAS = """
    SELECT name FROM pragma_table_xinfo(:table, :schema) WHERE pk AND upper(type) = 'INTEGER'
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(:table, :schema) WHERE origin = 'pk')
"""
_INDEXES = 'SELECT name, "unique" FROM pragma_index_list(:table, :schema) WHERE NOT partial ORDER BY seq'
_INDEX_COLUMNS = 'SELECT cid, name, "desc", coll, key FROM pragma_index_xinfo(:index, :schema) ORDER BY seqno'
_ROWID = -1

_BY_AFFINITY = {Kind.INTEGER: Stored.INTEGER, Kind.TEXT: Stored.TEXT, Kind.FLOAT: Stored.FLOAT}
# Of the others the name tells what applications put there. Decimals are floats whatever their name.
_BY_NAME = (
    (re.compile("BOOL"), Stored.BOOLEAN),
    (re.compile("DATETIME|TIMESTAMP"), Stored.NAIVE_TIMESTAMP),
    (re.compile(r"DATE\Z"), Stored.DATE),
    (re.compile("JSON"), Stored.JSON),
    (re.compile("UUID"), Stored.UUID),
    (re.compile("BLOB"), Stored.BYTES),
    (re.compile("DEC|NUM|MONEY|CURRENCY"), Stored.FLOAT),
)


def rowid_alias(run: Run, table: str, schema: str) -> str | None:
    """
    Return the column that is the table's rowid, which alone of all primary keys SQLite keeps from being NULL.

    It is declared INTEGER PRIMARY KEY. One of several columns, or DESC, has an index of its own.
    """
    return next((name for (name,) in run(_ROWID_ALIAS, {"table": table, "schema": schema})), None)


def sqlite_facts(run: Run, table: str, schema: str, columns: Sequence[SqlColumn]) -> TableFacts:
    """
    Return the facts about a table or view whose columns are known.
    """
    quoted = schema.replace('"', '""')
    rows = run(
        f'SELECT sql FROM "{quoted}".sqlite_master '  # noqa: S608  # quoted, and a schema that exists
        "WHERE type = 'table' AND name = :table COLLATE NOCASE",
        {"table": table},
    )
    if not rows:
        return TableFacts(columns=tuple(_column(each, told=False) for each in columns), indexes=None)
    own_collations = "COLLATE" in str(rows[0][0]).upper()
    indexes = tuple(_indexes(run, table, schema, own_collations=own_collations))
    return TableFacts(columns=tuple(_column(each, told=True) for each in columns), indexes=indexes)


def _indexes(run: Run, table: str, schema: str, *, own_collations: bool) -> Iterator[IndexFacts]:
    alias = rowid_alias(run, table, schema)
    if alias is not None:
        yield IndexFacts(ordered=(alias,), unique=(alias,))
    for index, unique in run(_INDEXES, {"table": table, "schema": schema}):
        columns = run(_INDEX_COLUMNS, {"index": index, "schema": schema})
        keys = [name for _, name, _, _, key in columns if key]
        # Rows with the same values stand in the order of the rowid, or of the key of a table without one. An
        # index in an order that is not the column's serves neither its comparisons nor its order.
        names = [
            (alias if cid == _ROWID else name if coll == "BINARY" or own_collations else None, bool(down))
            for cid, name, down, coll, _ in columns
        ]
        yield IndexFacts(ordered=in_one_direction(names), unique=tuple(keys) if unique and None not in keys else ())


def _column(column: SqlColumn, *, told: bool) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        stored=_stored(column),
        declared=column.declared,
        nullable=column.nullable if told else None,
    )


def _stored(column: SqlColumn) -> Stored:
    if column.kind in _BY_AFFINITY:
        return _BY_AFFINITY[column.kind]
    name = column.declared.upper().partition("(")[0].strip()
    return next((stored for pattern, stored in _BY_NAME if pattern.search(name)), Stored.UNKNOWN)
