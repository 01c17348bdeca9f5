"""Where history lives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from .._core.catalog import Catalog
from .._core.selection import Census, Key, Query, Row


class Snapshot(Protocol):
    """
    One consistent view of a source: every call sees the same data. Used by one thread.

    Values are returned as the driver gives them. Raises `SourceUnavailable` when the source breaks
    off, `SourceMismatch` for a missing table or column, `KeyForm` for mixed textual timestamps.
    """

    @property
    def read_at(self) -> datetime:
        """
        The source's own instant of this view, UTC.
        """

    def census(self, query: Query) -> Census:
        """
        Count the subject's rows by ownership alone (never by the paging predicate).

        A row is omitted before it is later, and later before it is outside. NULL keys are counted among
        all owned rows but the omitted ones.
        """

    def count(self, query: Query, after: Key | None, upto: Key | None) -> int:
        """
        Count the included rows with *after* < key <= *upto*; `None` is no bound.
        """

    def page(self, query: Query, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Return the next at most *limit* included rows with key > *after*, in ascending key order.

        Columns are exactly `query.selection.columns`, in that order. Fewer rows than *limit* mean that there
        are no more: a source that gets short pages from elsewhere fills them up before it returns.
        """


@runtime_checkable
class SharedViews(Protocol):
    """
    What a source may also do: let others, in other processes, read in the view of a snapshot that is open.
    """

    def share(self, snapshot: Snapshot) -> str | None:
        """
        Return a name of the snapshot's view, good while the snapshot is open; `None` where views cannot be shared.
        """

    def joined(self, view: str) -> AbstractContextManager[Snapshot]:
        """
        Open a snapshot of that view; its own `read_at` is when it was joined. Raises `SourceUnavailable` once the
        view is gone.
        """


class HistorySource(Protocol):
    """
    A store of history, read by keyset pages. Thread-safe; a snapshot is not.

    A subject's identifier is converted to the subject column's type; one that cannot be is nobody's.
    """

    def now(self) -> datetime:
        """
        Return the source's current instant, UTC. Rows committed later are not in an export as of it.
        """

    def check(self, catalog: Catalog) -> None:
        """
        Raise `SourceMismatch` unless every table and column of the catalog is there.
        """

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """
        Open one consistent view; leaving the context closes it.
        """
