"""
A policy compiled for one dataset: one function from a page of rows to columns of text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from attrs import frozen

from .catalog import FieldType
from .manifest import Totals
from .selection import Row, Selection

Columns: TypeAlias = Sequence[Sequence[str | None]]
"""A page turned on its side: one sequence of canonical texts per output field; `None` is NULL."""


@frozen(kw_only=True)
class OutputField:
    """
    One column of the files: the field's name and the type its canonical text has after its rule.
    """

    name: str
    type: FieldType
    description: str = ""


@frozen(kw_only=True)
class Cut:
    """
    One dataset under one profile, for one export.

    *columns* turns a page of rows into redacted canonical texts, one sequence per output field;
    *totals* adds up the page's amounts from the rows and those columns.
    """

    selection: Selection
    fields: tuple[OutputField, ...]
    columns: Callable[[Sequence[Row]], Columns]
    totals: Callable[[Sequence[Row], Columns], Totals]
