"""
A policy compiled for one dataset: one function from a page of rows to columns of text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import TypeAlias, assert_never

from attrs import frozen

from .canonical import Canonicaliser, canonicaliser
from .catalog import Dataset, Field, FieldType
from .manifest import Totals
from .masking import Remembered, mask, pseudonyms
from .policy import Keep, Mask, Policy, Pseudonymise, Withhold
from .selection import Row, Selection
from .totals import totals_of

Columns: TypeAlias = Sequence[Sequence[str | None]]
"""A page turned on its side: one sequence of canonical texts per output field; `None` is NULL."""

_Permitting: TypeAlias = Keep | Mask | Pseudonymise


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


def compile_cut(
    dataset: Dataset,
    policy: Policy,
    *,
    timezone: str | None,
    pseudonym_key: bytes,
    owners: Collection[object],
) -> Cut:
    """
    Compile what *policy* leaves of *dataset*: a field without a rule is not even read.

    *timezone* (IANA name) is that of timestamps stored without one; *owners* are the subject's
    identifiers in the forms the source returns them in, and tell the direction of amounts. The Cut's
    functions are pure and thread-safe; `columns` raises `UnwritableValue`. Raises `InvalidCatalog`
    for an unknown time zone.
    """
    ruled = _permitted(dataset, policy)
    selection = Selection.of(dataset, [field.name for field, _ in ruled])
    pseudonym = Remembered(pseudonyms(pseudonym_key))
    texts = [_ruled(canonicaliser(dataset.name, field, timezone), rule, pseudonym) for field, rule in ruled]

    def columns(rows: Sequence[Row]) -> Columns:
        if not rows:
            return [()] * len(texts)
        # Field i is column i; the selection's further columns are for paging alone.
        page = list(zip(*rows, strict=True))
        return [text(page[place]) for place, text in enumerate(texts)]

    kept = [field.name if isinstance(rule, Keep) else None for field, rule in ruled]
    return Cut(
        selection=selection,
        fields=tuple(_output(field, rule) for field, rule in ruled),
        columns=columns,
        totals=totals_of(selection, kept, owners),
    )


def inexact_fields(cut: Cut, rows: Sequence[Row], known: Collection[str] = ()) -> tuple[str, ...]:
    """
    Return the names of decimal fields that hold a float in these rows: as the source keeps them, they are inexact.
    Those already *known* are not looked at again.
    """
    decimals = [
        (i, field.name)
        for i, field in enumerate(cut.fields)
        if field.type is FieldType.DECIMAL and field.name not in known
    ]
    return tuple(name for i, name in decimals if float in set(map(type, map(itemgetter(i), rows))))


def _permitted(dataset: Dataset, policy: Policy) -> list[tuple[Field, _Permitting]]:
    permitted: list[tuple[Field, _Permitting]] = []
    for field in dataset.fields:
        rule = policy.rule(dataset.name, field.name).rule
        if not isinstance(rule, Withhold):
            permitted.append((field, rule))
    return permitted


def _output(field: Field, rule: _Permitting) -> OutputField:
    kind = field.type if isinstance(rule, Keep) else FieldType.TEXT
    return OutputField(name=field.name, type=kind, description=field.description)


def _ruled(canonical: Canonicaliser, rule: _Permitting, pseudonym: Remembered) -> Canonicaliser:
    match rule:
        case Keep():
            return canonical
        case Mask(kind):
            return _replacing(canonical, Remembered(mask(kind)))
        case Pseudonymise():
            return _replacing(canonical, pseudonym)
        case _:
            assert_never(rule)


def _replacing(canonical: Canonicaliser, replacement: Remembered) -> Canonicaliser:
    def replaced(values: Sequence[object]) -> Sequence[str | None]:
        return list(map(replacement.__getitem__, canonical(values)))

    return replaced
