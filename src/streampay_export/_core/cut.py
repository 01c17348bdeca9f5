"""
A policy compiled for one dataset: one function from a page of rows to columns of text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import compress
from operator import itemgetter, not_
from typing import TypeAlias, assert_never

from attrs import frozen

from ..errors import UnwritableValue
from .canonical import Canonicaliser, canonicaliser
from .catalog import Dataset, FieldType
from .figures import Figures
from .generalising import banded, period
from .masking import Remembered, mask, pseudonyms
from .page_figures import figures_of
from .policy import Policy
from .row_condition import condition_of
from .rule_fit import type_after
from .rules import (
    AnyRule,
    Band,
    ByRow,
    Custom,
    Generalise,
    Keep,
    Mask,
    Pseudonymise,
    SimpleRule,
    Withhold,
)
from .selection import Row, Selection

Columns: TypeAlias = Sequence[Sequence[str | None]]
"""A page turned on its side: one sequence of canonical texts per output field; `None` is NULL."""

_Texts: TypeAlias = Sequence[str | None]
_Ruled: TypeAlias = Callable[[Sequence[object], Sequence[Row]], _Texts]
"""From a column of values, and the rows they stand in, to their texts under a rule."""


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
    *figures* is what is known of a page, at least one row, from the rows and those columns.
    """

    selection: Selection
    fields: tuple[OutputField, ...]
    columns: Callable[[Sequence[Row]], Columns]
    figures: Callable[[Sequence[Row], Columns], Figures]


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
    ruled = [(field, policy.rule(dataset.name, field.name).rule) for field in dataset.fields]
    ruled = [(field, rule) for field, rule in ruled if not isinstance(rule, Withhold)]
    looked_at = [rule.when.column for _, rule in ruled if isinstance(rule, ByRow)]
    selection = Selection.of(dataset, [field.name for field, _ in ruled], looked_at)
    compiling = _Compiling(selection, Remembered(pseudonyms(pseudonym_key)), frozenset(owners), timezone)
    texts = [
        compiling.ruled(canonicaliser(dataset.name, field, timezone), field.name, rule) for field, rule in ruled
    ]

    def columns(rows: Sequence[Row]) -> Columns:
        if not rows:
            return [()] * len(texts)
        # Field i is column i; the selection's further columns are for paging and conditions alone.
        page = list(zip(*rows, strict=True))
        return [text(page[place], rows) for place, text in enumerate(texts)]

    kept = [field.name if isinstance(rule, Keep) else None for field, rule in ruled]
    return Cut(
        selection=selection,
        fields=tuple(
            OutputField(name=field.name, type=type_after(rule, field.type), description=field.description)
            for field, rule in ruled
        ),
        columns=columns,
        figures=figures_of(selection, kept, owners),
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


@frozen
class _Compiling:
    """
    What compiling the rules of one dataset shares: pseudonyms are worked out once per distinct value.
    """

    selection: Selection
    pseudonym: Remembered
    owners: frozenset[object]
    timezone: str | None

    def ruled(self, canonical: Canonicaliser, field: str, rule: AnyRule) -> _Ruled:
        if not isinstance(rule, ByRow):
            simple = self._simple(canonical, field, rule)
            return lambda values, _: simple(values)
        then, otherwise = (self._simple(canonical, field, each) for each in (rule.then, rule.otherwise))
        holds = condition_of(rule.when, self.selection, self.owners, self.timezone)

        def by_row(values: Sequence[object], rows: Sequence[Row]) -> _Texts:
            held = holds(rows)
            where = iter(then(list(compress(values, held))))
            elsewhere = iter(otherwise(list(compress(values, map(not_, held)))))
            return [next(where) if true else next(elsewhere) for true in held]

        return by_row

    def _simple(self, canonical: Canonicaliser, field: str, rule: SimpleRule) -> Canonicaliser:
        match rule:
            case Keep():
                return canonical
            case Withhold():
                return lambda values: [None] * len(values)
            case Mask(kind):
                return _replacing(canonical, Remembered(mask(kind)))
            case Pseudonymise():
                return _replacing(canonical, self.pseudonym)
            case Generalise(to):
                shortened = period(to)  # cheaper than remembering it
                return lambda values: [text and shortened(text) for text in canonical(values)]
            case Band():
                return _replacing(canonical, Remembered(banded(rule)))
            case Custom(replace=replace):
                return _replacing(canonical, Remembered(_guarded(replace, self.selection.dataset.name, field)))
            case _:
                assert_never(rule)


def _replacing(canonical: Canonicaliser, replacement: Remembered) -> Canonicaliser:
    def replaced(values: Sequence[object]) -> _Texts:
        return list(map(replacement.__getitem__, canonical(values)))

    return replaced


def _guarded(replace: Callable[[str], str | None], dataset: str, field: str) -> Callable[[str], str | None]:
    """
    Return a third party's rule such that neither its exceptions nor answers of another type get through.
    """

    def guarded(text: str) -> str | None:
        try:
            answer: object = replace(text)
            if isinstance(answer, str):
                answer.encode()  # a text without a UTF-8 form is none either
        except Exception:  # noqa: BLE001  # whatever it was, its words may quote the value
            answer = ...
        if answer is None or isinstance(answer, str):
            return answer
        raise UnwritableValue(dataset=dataset, field=field, reason="a value for which its rule gave no text")

    return guarded
