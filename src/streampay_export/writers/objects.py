"""
Rows as JSON objects, which NDJSON and JSON share: one object per line, keys in field order.
"""

from __future__ import annotations

import json.encoder
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from .._core.catalog import FieldType
from .._core.cut import OutputField
from .rows import Cells, Frame, Texts

# Line ends to Unicode, though not to JSON: escaped, so that a row is one line to every reader.
LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}

_escape = json.encoder.encode_basestring  # keeps non-ASCII; written in C


def frame(fields: Sequence[OutputField], after: str = "") -> Frame:
    """
    Return what stands around the values of each object, with *after* behind its closing brace.
    """
    first, *others = (field.name for field in fields)
    return Frame(
        before=f'{{"{first}":',
        between=tuple(f',"{name}":' for name in others),
        after="}" + after,
    )


def _bare(texts: Texts) -> Cells:
    return Cells([text or "null" for text in texts])


def _quoted(texts: Texts) -> Cells:
    known = [text for text in texts if text is not None]
    if len(known) == len(texts):
        return Cells(known, '"')
    return Cells([f'"{text}"' if text is not None else "null" for text in texts])


def _text(texts: Texts) -> Cells:
    whole = "".join(filter(None, texts))
    # No control character, line end or surrogate is printable, and a column is asked faster than its cells.
    if whole.isprintable() and '"' not in whole and "\\" not in whole:
        return _quoted(texts)
    return _one_line(Cells(["null" if text is None else _escape(text) for text in texts]), whole)


def _raw(texts: Texts) -> Cells:
    return _one_line(_bare(texts), "".join(filter(None, texts)))


def _one_line(cells: Cells, whole: str) -> Cells:
    texts = cells.texts
    for end, escaped in LINE_ENDS.items():
        if end in whole:
            texts = [text.replace(end, escaped) for text in texts]
    return Cells(texts)


CELLS: Mapping[FieldType, Callable[[Texts], Cells]] = MappingProxyType(
    {
        FieldType.TEXT: _text,
        FieldType.INTEGER: _bare,
        FieldType.DECIMAL: _quoted,
        FieldType.BOOLEAN: _bare,
        FieldType.TIMESTAMP: _quoted,
        FieldType.DATE: _quoted,
        FieldType.UUID: _quoted,
        FieldType.JSON: _raw,
    }
)
"""
How each type is written. An amount is a string, as many readers take a JSON number for a float. An integer
is a number of any size with all its digits: read it with a reader that is exact (Python's is, JavaScript's
is not beyond 2^53). JSON is embedded as it is.
"""
