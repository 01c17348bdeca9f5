"""How rows become bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .._core.catalog import Dataset
from .._core.cut import Columns, OutputField


class Encoder(Protocol):
    """
    Writes one dataset in one format: head, then pages joined by *separator*, then tail.

    *separator* stands between any two non-empty pages, whatever part they are in. Stateless and
    thread-safe: the same columns give the same bytes.
    """

    @property
    def head(self) -> bytes:
        """
        What comes before the first row.
        """

    @property
    def separator(self) -> bytes:
        """
        What stands between two pages.
        """

    @property
    def tail(self) -> bytes:
        """
        What comes after the last row.
        """

    def page(self, columns: Columns) -> bytes:
        """
        Encode one non-empty page. Raises `UnwritableValue` for text with no UTF-8 form.
        """


class Writer(Protocol):
    """
    One file format. Its *format* is what a request names and the file's suffix.
    """

    @property
    def format(self) -> str:
        """
        The format's name and file suffix, such as `csv`.
        """

    @property
    def media_type(self) -> str:
        """
        The format's media type, such as `text/csv`.
        """

    def encoder(self, dataset: Dataset, fields: Sequence[OutputField]) -> Encoder:
        """
        Compile an encoder for one dataset's output fields.
        """
