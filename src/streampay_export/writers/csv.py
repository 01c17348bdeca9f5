"""
CSV as RFC 4180 says it, with a guard against spreadsheets that run cells as formulas.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from .._core.catalog import Dataset, FieldType
from .._core.cut import OutputField
from .._core.guard import guard_all
from .rows import Cells, Frame, RowEncoder, Texts, at_least_one

GUARDED = frozenset({FieldType.TEXT, FieldType.JSON})


@frozen(kw_only=True)
class CsvWriter:
    """
    UTF-8, CRLF, one header line. Text and JSON cells are always quoted and guarded (see `guard` and
    `unguard`); all others stand as they are, so that a negative amount stays a number.

    NULL is an empty cell without quotes, the empty text is `""`: readers that do not look at quotes take
    both for the same. The row of a dataset's only field, when NULL, is an empty line, which many readers
    skip unless told otherwise. With *bom* the file begins with U+FEFF, for Excel.
    """

    bom: bool = False
    format: ClassVar[str] = "csv"
    media_type: ClassVar[str] = "text/csv"

    def encoder(self, dataset: Dataset, fields: Sequence[OutputField]) -> RowEncoder:
        """
        Compile an encoder for one dataset. Raises `InvalidPolicy` if there is no field.
        """
        fields = at_least_one(dataset, fields)
        header = ",".join(field.name for field in fields) + "\r\n"
        return RowEncoder(
            dataset=dataset.name,
            fields=fields,
            cells=[_guarded if field.type in GUARDED else _typed for field in fields],
            frame=Frame(before="", between=(",",) * (len(fields) - 1), after="\r\n"),
            head=(codecs.BOM_UTF8 if self.bom else b"") + header.encode(),
            separator=b"",
            tail=b"",
        )


def _typed(texts: Texts) -> Cells:
    return Cells([text or "" for text in texts])


def _guarded(texts: Texts) -> Cells:
    known = [text or "" for text in texts]
    cells = guard_all(known)
    if '"' in "".join(known):
        cells = [cell.replace('"', '""') for cell in cells]
    if None not in texts:
        return Cells(cells, '"')
    return Cells(["" if text is None else f'"{cell}"' for text, cell in zip(texts, cells, strict=True)])
