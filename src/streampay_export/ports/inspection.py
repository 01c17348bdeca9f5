"""What a source declares of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .._core.table_facts import TableFacts


@runtime_checkable
class SchemaInspector(Protocol):
    """
    A source whose tables declare columns, types and indexes. Thread-safe.

    Reads what is declared and never a row; changes nothing, and answers or fails within the source's own
    bounds of time. A source without declarations is no inspector.
    """

    def table_facts(self, table: str) -> TableFacts | None:
        """
        Return the facts about a table or view, named as the catalog names it; `None` if there is none.

        Every column is among them, also generated and hidden ones, in the table's order. `nullable` is
        what the source enforces, not what it was asked for. An index that covers only some rows, is not
        usable yet, or does not keep the order of `ORDER BY` is left out; one that leaves rows to an
        expression ends before it. Raises `SourceUnavailable` when the source breaks off.
        """

    def table_names(self) -> Sequence[str]:
        """
        Return the names of the tables and views that there are, for whoever named one that is not.

        Raises `SourceUnavailable` when the source breaks off.
        """
