"""
What a database says of a table: its columns, what they store, and its indexes. Facts, without judgement.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Stored(StrEnum):
    """
    What a column stores, as far as its declared type tells. `OTHER` is a type of the database's own, such
    as an enumeration; `UNKNOWN` may be anything.
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "exact decimal"
    FLOAT = "binary floating point"
    BOOLEAN = "boolean"
    AWARE_TIMESTAMP = "timestamp with a zone"
    NAIVE_TIMESTAMP = "timestamp without a zone"
    DATE = "date"
    UUID = "uuid"
    JSON = "json"
    BYTES = "bytes"
    OTHER = "other"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class ColumnFacts:
    """
    One column. *declared* is its type in the database's own words. *nullable* is `None` where the
    database cannot tell, as of a view.
    """

    name: str
    stored: Stored
    declared: str = ""
    nullable: bool | None = True


@frozen(kw_only=True)
class IndexFacts:
    """
    One index over all rows of a table.

    *ordered* are the columns by which `ORDER BY` can read it, beginning with the first; it ends before the
    first expression, and where the order turns. *unique* are the columns that no two rows share; empty if
    it does not see to that.
    """

    ordered: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()


@frozen(kw_only=True)
class TableFacts:
    """
    One table or view. *columns* are in the table's order; *indexes* is `None` where the database cannot
    tell, as of a view.
    """

    columns: tuple[ColumnFacts, ...]
    indexes: tuple[IndexFacts, ...] | None = ()

    def column(self, name: str) -> ColumnFacts | None:
        """
        Return the column of that name, if there is one.
        """
        return next((each for each in self.columns if each.name == name), None)
