"""
On what a rule depends: a condition compiled into a function from a page of rows to true or false for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import TypeAlias, assert_never
from uuid import UUID

from ..errors import SourceMismatch, quoted
from .canonical import canonicaliser
from .rules import Condition, SubjectIn, ValueIn
from .selection import Row, Selection, of_owner

Holds: TypeAlias = Callable[[Sequence[Row]], Sequence[bool]]


def condition_of(
    condition: Condition, selection: Selection, owners: Collection[object], timezone: str | None
) -> Holds:
    """
    Compile a condition. *owners* are the subject's identifiers in the forms the source returns them in.

    The function raises `SourceMismatch` where the column holds what cannot be compared, and `UnwritableValue`
    where its field's type does not allow what it holds.
    """
    theirs = of_owner(selection.dataset, condition.column)
    values_of = itemgetter(selection.position(condition.column, of_owner=theirs))
    match condition:
        case SubjectIn(column=column):
            owned = frozenset(owners).__contains__

            def is_subject(rows: Sequence[Row]) -> Sequence[bool]:
                try:
                    return list(map(owned, map(values_of, rows)))
                except TypeError:  # a value that has no hash, such as a list, is nobody's name
                    raise _incomparable(selection, column, "nothing that could be an identifier") from None

            return is_subject
        case ValueIn(column=column, values=values):
            asked = frozenset(values).__contains__
            texts = _texts_of(column, selection, timezone)
            return lambda rows: list(map(asked, texts(list(map(values_of, rows)))))
        case _:
            assert_never(condition)


def _texts_of(
    column: str, selection: Selection, timezone: str | None
) -> Callable[[Sequence[object]], Sequence[str | None]]:
    dataset = selection.dataset
    fields = [] if of_owner(dataset, column) else [each for each in dataset.fields if each.column == column]
    if fields:
        return canonicaliser(dataset.name, fields[0], timezone)

    def text(value: object) -> str | None:
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | UUID):
            return str(value)
        problem = f"values of type {type(value).__name__}; have a field map it, which says what they are"
        raise _incomparable(selection, column, problem)

    return lambda values: list(map(text, values))


def _incomparable(selection: Selection, column: str, what: str) -> SourceMismatch:
    return SourceMismatch(selection.dataset.name, f"column {quoted(column)}, at which a rule looks, holds {what}")
