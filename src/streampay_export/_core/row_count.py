"""
Counting the rows of a data file as it streams by, without building them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class RowCounter(Protocol):
    """
    Takes a file block by block; *rows* is right once all of it was fed.
    """

    rows: int

    def feed(self, block: bytes) -> None:
        """
        Count the rows that end in this block.
        """


class CsvRows:
    """
    RFC 4180 records after the header: line ends that stand outside quotes.
    """

    def __init__(self) -> None:
        self.rows = -1
        self._outside = _OutsideQuotes()
        self._held = b""

    def feed(self, block: bytes) -> None:
        """
        Count the records that end in this block.
        """
        block = self._held + block
        # A line end may straddle two blocks.
        self._held = b"\r" if block.endswith(b"\r") else b""
        self.rows += self._outside.of(block[: len(block) - len(self._held)]).count(b"\r\n")


class NdjsonRows:
    """
    Lines: JSON itself escapes every line feed inside a text.
    """

    def __init__(self) -> None:
        self.rows = 0

    def feed(self, block: bytes) -> None:
        """
        Count the lines that end in this block.
        """
        self.rows += block.count(b"\n")


class JsonRows:
    """
    Objects directly inside the one array.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._outside = _OutsideQuotes()
        self._held = b""
        self._depth = 0

    def feed(self, block: bytes) -> None:
        """
        Count the objects that begin in this block.
        """
        block = self._held + block
        # An escape may straddle two blocks: an odd run of backslashes waits for what it escapes.
        backslashes = len(block) - len(block.rstrip(b"\\"))
        self._held = b"\\" * (backslashes % 2)
        block = block[: len(block) - len(self._held)].replace(b"\\\\", b"").replace(b'\\"', b"")
        for bracket in self._outside.of(block).translate(None, _NO_BRACKETS):
            if bracket in b"[{":
                self.rows += self._depth == 1
                self._depth += 1
            else:
                self._depth -= 1


class _OutsideQuotes:
    """
    What stands outside double quotes. A doubled quote leaves and enters again, so it needs no care.
    """

    def __init__(self) -> None:
        self._inside = 0

    def of(self, block: bytes) -> bytes:
        pieces = block.split(b'"')
        outside = pieces[self._inside :: 2]
        self._inside = (self._inside + len(pieces) - 1) % 2
        return b'"'.join(outside)


ROW_COUNTERS: Mapping[str, Callable[[], RowCounter]] = {"csv": CsvRows, "ndjson": NdjsonRows, "json": JsonRows}
