"""
JSON: one array of objects, written as it comes.
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
class JsonWriter:
    """
    UTF-8, one array, each object on a line of its own, keys in field order.
    NULL is `null`, and so is a JSON field that holds null.

    Amounts, times, dates and UUIDs are strings. Integers are JSON numbers of any size: read them with a
    reader that is exact. JSON is embedded as it is.
    """

    format: ClassVar[str] = "json"
    media_type: ClassVar[str] = "application/json"

    def encoder(self, dataset: Dataset, fields: Sequence[OutputField]) -> RowEncoder:
        """
        Compile an encoder for one dataset. Raises `InvalidPolicy` if there is no field.
        """
        fields = at_least_one(dataset, fields)
        return RowEncoder(
            dataset=dataset.name,
            fields=fields,
            cells=[objects.CELLS[field.type] for field in fields],
            frame=objects.frame(fields),
            head=b"[\n",
            separator=b",\n",
            tail=b"\n]\n",
        )
