"""
Whose a row is: the last look before anything of it is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from uuid import UUID

from ..errors import ForeignRow, SourceMismatch
from .party import Subject
from .selection import Row, Selection

_CANONICAL_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")


def owner_values(subject: Subject) -> frozenset[object]:
    """
    Return every form in which a driver may give one of the subject's names: text, integer, UUID.

    A name is an integer where it is written as one (`42`, never `042`), and a UUID where it reads as
    one. Equal numbers are one value here, so a decimal column's `Decimal(42)` is the name `42` too.
    """
    values: set[object] = set(subject.names)
    for name in subject.names:
        if _CANONICAL_INTEGER.match(name):
            values.add(int(name))
        try:
            values.add(UUID(name))
        except ValueError:
            continue
    return frozenset(values)


def check_rows(selection: Selection, owners: Collection[object], rows: Sequence[Row]) -> None:
    """
    Raise `ForeignRow` unless in every row at least one subject column holds one of *owners*.

    Raises `SourceMismatch` for rows that are not as wide as the selection: their values would be
    taken for other columns'.
    """
    width = len(selection.columns)
    if not set(map(len, rows)) <= {width}:
        raise SourceMismatch(
            selection.dataset.name, f"the source returned rows that do not have the {width} columns asked for"
        )
    foreign: Sequence[Row] = rows
    try:
        for position in selection.subject:
            foreign = [row for row in foreign if row[position] not in owners]
    except TypeError:  # a value that has no hash, such as a list, is nobody's name
        raise ForeignRow(selection.dataset.name) from None
    if foreign:
        raise ForeignRow(selection.dataset.name)
