"""
On what a rule depends: a condition compiled into a function from a page of rows to true or false for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import assert_never

from ..errors import SourceMismatch, quoted
from .rules import Condition, SubjectIn, ValueIn
from .selection import Row, Selection


def condition_of(
    condition: Condition, selection: Selection, owners: Collection[object]
) -> Callable[[Sequence[Row]], Sequence[bool]]:
    """
    Compile a condition. *owners* are the subject's identifiers in the forms the source returns them in.

    The function raises `SourceMismatch` where a column that is to hold an identifier holds no such thing.
    """
    values_of = itemgetter(selection.position(condition.column))
    match condition:
        case SubjectIn(column=column):
            owned = frozenset(owners).__contains__

            def is_subject(rows: Sequence[Row]) -> Sequence[bool]:
                try:
                    return list(map(owned, map(values_of, rows)))
                except TypeError:  # a value that has no hash, such as a list, is nobody's name
                    raise SourceMismatch(
                        selection.dataset.name,
                        f"column {quoted(column)} holds nothing that could be an identifier",
                    ) from None

            return is_subject
        case ValueIn(values=values):
            asked = frozenset(values).__contains__
            return lambda rows: [asked(_text(value)) for value in map(values_of, rows)]
        case _:
            assert_never(condition)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
