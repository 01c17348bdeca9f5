"""
How far a run is, in a file beside its bundles: what an interrupted run goes on from.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from .._core.bulk import BulkItem, BulkTerms, read_terms, spell_terms
from ..errors import StorageUnavailable

JOURNAL_FILE = "bulk.db"

_TABLES = """
CREATE TABLE run (terms TEXT NOT NULL);
CREATE TABLE item (
    owner_tag TEXT PRIMARY KEY, number INTEGER NOT NULL, job_id TEXT NOT NULL, state TEXT NOT NULL,
    rows INTEGER NOT NULL, sha256 TEXT NOT NULL, slug TEXT NOT NULL, tries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX item_number ON item (number, owner_tag);
"""
_COLUMNS = "number, owner_tag, job_id, state, rows, sha256, slug, tries"
_NAMES = _COLUMNS.split(", ")


class Journal:
    """
    The run in one folder, one row per subject; an SQLite file (0600) without any subject's id. Used by one thread.

    It saves work and proves nothing: what was exported is in the job store, whose idempotency keys are the run's.
    One process at a time has it. Raises `StorageUnavailable` when the disk is full or another has it.
    """

    def __init__(self, folder: Path, begin: BulkTerms) -> None:
        """
        Open the run in *folder*, or *begin* one there.
        """
        file = folder / JOURNAL_FILE
        with _disk_errors():
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(file, isolation_level=None, timeout=0)
        try:
            with _disk_errors():
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.execute("PRAGMA journal_mode = WAL")
                # What a loss of power may undo is asked of the job store again.
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._database.execute("BEGIN IMMEDIATE")
                [(found,)] = self._database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'run'")
                if not found:
                    for statement in _TABLES.split(";"):
                        self._database.execute(statement)
                    self._database.execute("INSERT INTO run VALUES (?)", (spell_terms(begin),))
                self._database.execute("COMMIT")
                [(terms,)] = self._database.execute("SELECT terms FROM run")
        except BaseException:
            self._database.close()
            raise
        self.terms = read_terms(terms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Let another have the run.
        """
        self._database.close()

    def find(self, owner_tag: str) -> BulkItem | None:
        """
        Return what became of a subject, if it is known.
        """
        found = self._items("WHERE owner_tag = ?", owner_tag)
        return next(found, None)

    def record(self, item: BulkItem) -> None:
        """
        Keep what became of a subject, in the place of what became of them before.
        """
        values = [getattr(item, name) for name in _NAMES]
        with _disk_errors():
            self._database.execute(f"REPLACE INTO item ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608  # our own names

    def items(self) -> Iterator[BulkItem]:
        """
        Yield what became of each, in the order of the list.
        """
        return self._items("ORDER BY number, owner_tag")

    def counts(self) -> Mapping[str, int]:
        """
        Return how many ended with each slug; those with a bundle under the empty one.
        """
        with _disk_errors():
            return dict(self._database.execute("SELECT slug, count(*) FROM item GROUP BY slug ORDER BY slug"))

    def _items(self, rest: str, *values: str) -> Iterator[BulkItem]:
        with _disk_errors():
            for row in self._database.execute(f"SELECT {_COLUMNS} FROM item {rest}", values):  # noqa: S608  # our own names
                yield BulkItem(**dict(zip(_NAMES, row, strict=True)))


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if "locked" in str(error):
            problem = "another run is at work in this folder; wait for it, or give another --out"
        else:
            problem = "the run's journal cannot be read or written; free some space, or give another --out"
        raise StorageUnavailable(problem) from None
    except OSError as error:
        raise StorageUnavailable(f"the run's journal cannot be opened ({os.strerror(error.errno or 0)})") from None
