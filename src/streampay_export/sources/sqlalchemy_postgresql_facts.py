"""
What PostgreSQL declares of a table, asked of its catalog.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from .._core.table_facts import ColumnFacts, IndexFacts, Stored, TableFacts
from .sqlalchemy_database import Kind, Run, SqlColumn, in_one_direction

_KIND = """
    SELECT c.oid::bigint, c.relkind::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %(table)s AND c.relkind = ANY('{r,p,v,m,f}')
      AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
               ELSE n.nspname = %(schema)s END
"""
# ORDER BY goes by a column's own collation and its type's usual operators, and puts NULLs last, or first
# when it is read backward: options 0 and 3. An expression has no attribute.
_INDEXES = """
    SELECT i.indexrelid::bigint, i.indisunique, a.attname::text, i.indoption[k.place] = 3,
           i.indoption[k.place] IN (0, 3) AND i.indcollation[k.place] = a.attcollation
             AND o.opcname !~ '_pattern_ops$'
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
    CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k (place)
    JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.place]
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place]
    WHERE i.indrelid = %(oid)s::oid AND i.indisvalid AND i.indpred IS NULL
    ORDER BY 1, k.place
"""
_VIEW, _MATERIALIZED_VIEW, _FOREIGN_TABLE = "v", "m", "f"
_STORED = {
    Kind.INTEGER: Stored.INTEGER,
    Kind.NUMBER: Stored.DECIMAL,
    Kind.FLOAT: Stored.FLOAT,
    Kind.TEXT: Stored.TEXT,
    Kind.PADDED_TEXT: Stored.TEXT,
    Kind.UUID: Stored.UUID,
    Kind.AWARE_TIMESTAMP: Stored.AWARE_TIMESTAMP,
    Kind.NAIVE_TIMESTAMP: Stored.NAIVE_TIMESTAMP,
    Kind.DATE: Stored.DATE,
    Kind.BOOLEAN: Stored.BOOLEAN,
    Kind.JSON: Stored.JSON,
}


def postgresql_facts(run: Run, table: str, schema: str | None, columns: Sequence[SqlColumn]) -> TableFacts:
    """
    Return the facts about a table or view whose columns are known.
    """
    ((oid, kind),) = run(_KIND, {"table": table, "schema": schema})
    told = kind not in {_VIEW, _MATERIALIZED_VIEW}
    indexed = kind not in {_VIEW, _FOREIGN_TABLE}
    return TableFacts(
        columns=tuple(
            ColumnFacts(
                name=each.name,
                stored=Stored.BYTES if each.declared == "bytea" else _STORED.get(each.kind, Stored.OTHER),
                declared=each.declared,
                nullable=each.nullable if told else None,
            )
            for each in columns
        ),
        indexes=tuple(_indexes(run, oid)) if indexed else None,
    )


def _indexes(run: Run, oid: int) -> Iterator[IndexFacts]:
    for _, group in groupby(run(_INDEXES, {"oid": oid}), itemgetter(0)):
        columns = list(group)
        names = [name for _, _, name, _, _ in columns]
        yield IndexFacts(
            ordered=in_one_direction((name if usual else None, down) for _, _, name, down, usual in columns),
            unique=tuple(names) if columns[0][1] and None not in names else (),
        )
