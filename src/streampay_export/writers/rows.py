"""
Columns of cells become the bytes of rows, in loops that run in C. All formats made of rows share this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from attrs import frozen

from .._core.catalog import Dataset
from .._core.cut import Columns, OutputField
from ..errors import InvalidPolicy, UnwritableValue

Texts: TypeAlias = Sequence[str | None]

NO_UTF8 = "text with no UTF-8 form (half of a surrogate pair); mend it in the source"


@frozen
class Cells:
    """
    One column of a page, ready to stand between the others.

    *quote* is what still belongs on both sides of each text: put once into the row's frame it costs less
    than put into every cell.
    """

    texts: Sequence[str]
    quote: str = ""


@frozen(kw_only=True)
class Frame:
    """
    What is the same in every row: text *before* the first cell, *between* each two, *after* the last.
    """

    before: str
    between: tuple[str, ...]
    after: str

    def rows(self, columns: Sequence[Cells]) -> Iterator[str]:
        """
        Yield the text of each row. Raises `ValueError` if the columns are not of one length.
        """
        closing = ["", *(cells.quote for cells in columns)]
        opening = [*closing[1:], ""]
        fixed = (self.before, *self.between, self.after)
        count = len(columns[0].texts)
        parts: list[Sequence[str]] = []
        for end, text, start, cells in zip(closing, fixed, opening, (*columns, None), strict=True):
            parts.append([end + text + start] * count)
            if cells is not None:
                parts.append(cells.texts)
        return map("".join, zip(*parts, strict=True))


@frozen(kw_only=True)
class RowEncoder:
    """
    An `Encoder` of one dataset: *cells* makes each field's column ready, *frame* makes rows of them.
    """

    dataset: str
    fields: Sequence[OutputField]
    cells: Sequence[Callable[[Texts], Cells]]
    frame: Frame
    head: bytes
    separator: bytes
    tail: bytes

    def page(self, columns: Columns) -> bytes:
        """
        Encode one page. Raises `UnwritableValue` for text with no UTF-8 form.
        """
        ready = [prepare(texts) for prepare, texts in zip(self.cells, columns, strict=True)]
        try:
            # Row by row: joined first, one emoji would make the whole page four bytes a character.
            return self.separator.join(map(str.encode, self.frame.rows(ready)))
        except UnicodeEncodeError:
            pass  # it quotes the row: the error raised below must not carry it as its context
        raise UnwritableValue(self.dataset, self._without_utf8(columns), NO_UTF8)

    def _without_utf8(self, columns: Columns) -> str:
        pairs = zip(self.fields, columns, strict=True)
        return next(field.name for field, texts in pairs if not _has_utf8(texts))


def _has_utf8(texts: Texts) -> bool:
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        return False
    return True


def at_least_one(dataset: Dataset, fields: Sequence[OutputField]) -> tuple[OutputField, ...]:
    """
    Return the fields. Raises `InvalidPolicy` if there are none: rows of no field would vanish silently.
    """
    if not fields:
        raise InvalidPolicy(dataset.name, "no field is left to write; keep one, or leave the dataset out")
    return tuple(fields)
