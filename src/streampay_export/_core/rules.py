"""
The rules a policy gives to fields: keep, withhold, mask, pseudonymise, generalise, or one that looks at the row.

Rules are data; `cut.py` compiles them, once per dataset. Each says for which types it is made, and of
which type its texts are then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias, assert_never

from attrs import Attribute, field, frozen

from ..errors import InvalidPolicy
from .field import NAME, FieldType

EVERY_TYPE = frozenset(FieldType)
# A mask of a number or a time would read as a number or a time that is wrong.
MASKABLE = frozenset({FieldType.TEXT, FieldType.JSON, FieldType.UUID})
_AMOUNTS = frozenset({FieldType.DECIMAL, FieldType.INTEGER})


class MaskKind(StrEnum):
    """
    How a mask reads: an e-mail keeps first letter and domain's last label, an address shows nothing.
    """

    EMAIL = "email"
    ADDRESS = "address"
    NAME = "name"
    TEXT = "text"


class Period(StrEnum):
    """
    What is left of an instant or a date: its day, or its month. Both are UTC's.
    """

    DAY = "day"
    MONTH = "month"


@frozen
class Keep:
    """
    The value as it is.
    """


@frozen
class Withhold:
    """
    The field is not read and not written.
    """


@frozen
class Mask:
    """
    A reminder of the value instead of it; NULL stays NULL.
    """

    kind: MaskKind = field(default=MaskKind.TEXT, converter=MaskKind)


@frozen
class Pseudonymise:
    """
    A keyed hash of the value (HMAC-SHA256 under the job's pseudonym key): equal within one export.
    """


@frozen
class Generalise:
    """
    Less exact than it was: of an instant its day or month, UTC.
    """

    to: Period = field(converter=Period)


def _bounds(bounds: Iterable[Decimal | int | str]) -> tuple[Decimal, ...]:
    try:
        exact = tuple(Decimal(bound) for bound in bounds)
    except ArithmeticError:
        exact = ()
    if not exact or not all(bound.is_finite() for bound in exact) or list(exact) != sorted(set(exact)):
        raise InvalidPolicy("generalise", "bands are one or more numbers, each larger than the one before")
    return exact


@frozen
class Band:
    """
    Instead of an amount the band it lies in; *bounds* rise, and each is the least amount of the next band.
    """

    bounds: tuple[Decimal, ...] = field(converter=_bounds)


@frozen
class Custom:
    """
    A third party's rule: *replace* is a `Rule` (see `ports/rule.py`), *name* what a policy page calls it.
    """

    name: str
    replace: Callable[[str], str | None]

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name) or self.name in BUILT_IN_NAMES:
            raise InvalidPolicy(
                self.name[:80], "a rule of your own has a name of its own: a letter, then letters, digits or _"
            )


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InvalidPolicy("by_row", "what a column may hold is a list of texts, also where there is one")
    return tuple(values)


@frozen(kw_only=True)
class SubjectIn:
    """
    True of a row whose *column* holds one of the subject's identifiers: they paid, they wrote it.
    """

    column: str


@frozen(kw_only=True)
class ValueIn:
    """
    True of a row whose *column* holds one of *values*, compared as text.
    """

    column: str
    values: tuple[str, ...] = field(converter=_texts)


Condition: TypeAlias = SubjectIn | ValueIn
SimpleRule: TypeAlias = Keep | Withhold | Mask | Pseudonymise | Generalise | Band | Custom


def _simple(_: object, attribute: Attribute[SimpleRule], value: object) -> None:
    if isinstance(value, ByRow):
        raise InvalidPolicy("by_row", f"{attribute.name} is a simple rule; a row is looked at once")


@frozen(kw_only=True)
class ByRow:
    """
    One rule for rows of which *when* is true, another for all others. Where it withholds, the value reads NULL.

    The condition's column is one of the dataset's table, or a subject column of its owner table; it is
    read, and exported only if a field maps it. A NULL there makes the condition false.
    """

    when: Condition
    then: SimpleRule = field(validator=_simple)
    otherwise: SimpleRule = field(validator=_simple)


AnyRule: TypeAlias = SimpleRule | ByRow

RULE_NAMES: Mapping[type, str] = {
    Keep: "keep",
    Withhold: "withhold",
    Mask: "mask",
    Pseudonymise: "pseudonymise",
    Generalise: "generalise",
    Band: "generalise",
    ByRow: "by_row",
}
BUILT_IN_NAMES = frozenset(RULE_NAMES.values())


def rule_name(rule: AnyRule) -> str:
    """
    Return what a policy page calls the rule.
    """
    return rule.name if isinstance(rule, Custom) else RULE_NAMES[type(rule)]


def branches(rule: AnyRule) -> Iterator[SimpleRule]:
    """
    Yield the simple rules that make up a rule: itself, or what it does with one row and with another.
    """
    if isinstance(rule, ByRow):
        yield rule.then
        yield rule.otherwise
    else:
        yield rule


def misfit(rule: AnyRule, kind: FieldType) -> str:
    """
    Return why the rule does not fit fields of this type; empty where it does.
    """
    for simple in branches(rule):
        match simple:
            case Mask() if kind not in MASKABLE:
                return f"a mask is for text, not for {kind}; withhold or pseudonymise it"
            case Generalise(to=to) if kind is not FieldType.TIMESTAMP and (
                kind is not FieldType.DATE or to is Period.DAY
            ):
                return f"{kind} cannot be generalised to {to}: instants can, to day or month, and dates to month"
            case Band() if kind not in _AMOUNTS:
                return f"bands are for amounts, not for {kind}"
            case _:
                continue
    return ""


def type_after(rule: AnyRule, kind: FieldType) -> FieldType:
    """
    Return the type that a field's texts have once the rule has been at them.
    """
    after = {_simple_type_after(simple, kind) for simple in branches(rule) if not isinstance(simple, Withhold)}
    return after.pop() if len(after) == 1 else FieldType.TEXT


def _simple_type_after(rule: SimpleRule, kind: FieldType) -> FieldType:
    match rule:
        case Keep():
            return kind
        case Generalise(to=Period.DAY):
            return FieldType.DATE
        case Withhold() | Mask() | Pseudonymise() | Generalise() | Band() | Custom():
            return FieldType.TEXT
        case _:
            assert_never(rule)
