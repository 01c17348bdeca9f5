"""
Hypothesis strategies for canonical texts, fields, and tables of every type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._core.catalog import NAME, FieldType
from .._core.cut import Columns, OutputField
from .hostile import HOSTILE_TEXTS

# What writers and guards treat as special, far more often than chance would bring it.
_SPECIAL = "=+-@'\";,\t\r\n\0 \\{}[]:＝＋－＠\ufeff\u200b\u200c\u200d\u2060\x85\u2028\u2029\u202e😀éa1"

texts: SearchStrategy[str] = st.one_of(
    st.text(st.sampled_from(_SPECIAL), max_size=12),
    st.sampled_from(HOSTILE_TEXTS),
    st.text(max_size=20),
)
"""Any text that has a UTF-8 form, most of it hostile."""

names: SearchStrategy[str] = st.from_regex(NAME, fullmatch=True)
"""Names of datasets and fields."""

_json_values: SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _timestamp_text(instant: datetime) -> str:
    return instant.strftime("%m-%dT%H:%M:%S.%fZ").join((f"{instant.year:04d}-", ""))


def _decimal_text(value: Decimal) -> str:
    return format(value, "f")


CANONICAL: Mapping[FieldType, SearchStrategy[str]] = MappingProxyType(
    {
        FieldType.TEXT: texts,
        FieldType.INTEGER: st.one_of(st.integers(), st.integers(-(2**127), 2**127)).map(str),
        FieldType.DECIMAL: st.decimals(-(10**29), 10**29, places=9).map(_decimal_text),
        FieldType.BOOLEAN: st.sampled_from(("true", "false")),
        FieldType.TIMESTAMP: st.datetimes(timezones=st.just(UTC)).map(_timestamp_text),
        FieldType.DATE: st.dates().map(str),
        FieldType.UUID: st.uuids().map(str),
        FieldType.JSON: _json_values.map(_json_text),
    }
)
"""For each type, the canonical texts a writer can be given."""


@frozen
class Table:
    """
    Made-up rows of some fields, as canonical texts; `None` is NULL.
    """

    fields: tuple[OutputField, ...]
    rows: tuple[tuple[str | None, ...], ...]

    @property
    def columns(self) -> Columns:
        """
        The rows turned on their side, one sequence per field.
        """
        return list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.fields)


def output_fields(*, max_size: int = 6) -> SearchStrategy[tuple[OutputField, ...]]:
    """
    Make one to *max_size* fields of any types, with different names.
    """
    field = st.builds(OutputField, name=names, type=st.sampled_from(FieldType), description=st.just(""))
    return st.lists(field, min_size=1, max_size=max_size, unique_by=lambda each: each.name).map(tuple)


@st.composite
def tables(
    draw: st.DrawFn,
    fields: SearchStrategy[tuple[OutputField, ...]] | None = None,
    *,
    min_rows: int = 0,
    max_rows: int = 8,
) -> Table:
    """
    Make a table of rows, each cell of its field's type or NULL.
    """
    chosen = draw(output_fields() if fields is None else fields)
    row = st.tuples(*(st.none() | CANONICAL[field.type] for field in chosen))
    return Table(chosen, tuple(draw(st.lists(row, min_size=min_rows, max_size=max_rows))))
