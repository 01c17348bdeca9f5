"""
NDJSON: one JSON object per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from .._core.catalog import Dataset
from .._core.cut import OutputField
from . import objects
from .rows import RowEncoder, at_least_one


@frozen
class NdjsonWriter:
    """
    UTF-8, LF after every object, keys in field order; no row is no byte.
    NULL is `null`, and so is a JSON field that holds null.

    Amounts, times, dates and UUIDs are strings. Integers are JSON numbers of any size: read them with a
    reader that is exact. JSON is embedded as it is.
    """

    format: ClassVar[str] = "ndjson"
    media_type: ClassVar[str] = "application/x-ndjson"

    def encoder(self, dataset: Dataset, fields: Sequence[OutputField]) -> RowEncoder:
        """
        Compile an encoder for one dataset. Raises `InvalidPolicy` if there is no field.
        """
        fields = at_least_one(dataset, fields)
        return RowEncoder(
            dataset=dataset.name,
            fields=fields,
            cells=[objects.CELLS[field.type] for field in fields],
            frame=objects.frame(fields, after="\n"),
            head=b"",
            separator=b"",
            tail=b"",
        )
