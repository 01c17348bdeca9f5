"""
The rules a policy gives to fields: keep, withhold, mask, pseudonymise, generalise, or one that looks at the row.

Rules are data, valid once built; `cut.py` compiles them, once per dataset. For which types each is made, and
of which type its texts are then: `rule_fit.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from attrs import Attribute, field, frozen

from ..errors import InvalidPolicy, listed, quoted
from .decimals import MOST_DIGITS
from .field import NAME


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


def _mask_kind(kind: MaskKind | str) -> MaskKind:
    if kind not in list(MaskKind):
        raise InvalidPolicy("mask", f"there is no kind {quoted(str(kind))}; there are: {listed(list(MaskKind))}")
    return MaskKind(kind)


def _period(period: Period | str) -> Period:
    if period not in list(Period):
        raise InvalidPolicy(
            "generalise", f"there is no period {quoted(str(period))}; there are: {listed(list(Period))}"
        )
    return Period(period)


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

    kind: MaskKind = field(default=MaskKind.TEXT, converter=_mask_kind)


@frozen
class Pseudonymise:
    """
    A keyed hash of the value (HMAC-SHA256 under the job's pseudonym key): equal values have equal ones within
    one export, and in no other.
    """


@frozen
class Generalise:
    """
    Less exact than it was: of an instant its day or month (UTC), of a date its month.
    """

    to: Period = field(converter=_period)


def _bounds(bounds: Iterable[Decimal | int | str]) -> tuple[Decimal, ...]:
    given: Iterable[object] = bounds
    exact = [_bound(each) for each in given] if not isinstance(given, str) else []
    if not exact or exact != sorted(set(exact)):
        raise InvalidPolicy("generalise", "bands are one or more numbers, each larger than the one before")
    return tuple(exact)


def _bound(bound: object) -> Decimal:
    # A float is rarely the number that was written: 0.1 would be a bound of 55 digits.
    if isinstance(bound, Decimal | str) or type(bound) is int:
        try:
            exact = Decimal(bound)
        except ArithmeticError:
            exact = Decimal("NaN")
        if exact.is_finite() and abs(exact.adjusted()) <= MOST_DIGITS:
            return exact or Decimal(0)
    raise InvalidPolicy("generalise", 'a band begins at a whole number, a Decimal or a text such as "0.5"')


@frozen
class Band:
    """
    Instead of an amount the band it lies in; *bounds* rise, and each is the least amount of the next band.
    """

    bounds: tuple[Decimal, ...] = field(converter=_bounds)


def _callable(_: object, attribute: Attribute[Callable[[str], str | None]], value: object) -> None:
    if not callable(value):
        raise InvalidPolicy("custom", f"{attribute.name} is a function from a text to what to write instead")


@frozen
class Custom:
    """
    A third party's rule: *replace* is a `Rule` (see `ports/rule.py`), *name* what a policy page calls it.
    """

    name: str
    replace: Callable[[str], str | None] = field(validator=_callable)

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name) or self.name.lower() in BUILT_IN_NAMES:
            raise InvalidPolicy(
                quoted(self.name), "a rule of your own has a name of its own: a letter, then letters, digits or _"
            )


def _column(_: object, __: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidPolicy("by_row", "a condition names the column it looks at")


def _values(values: Iterable[str]) -> tuple[str, ...]:
    given: tuple[object, ...] = () if isinstance(values, str) else tuple(values)
    texts = tuple(each for each in given if isinstance(each, str) and each)
    if not texts or texts != given:
        raise InvalidPolicy("by_row", "what a column may hold is a list of texts, also where there is one")
    return texts


@frozen(kw_only=True)
class SubjectIn:
    """
    True of a row whose *column* holds one of the subject's identifiers: they paid, they wrote it.
    """

    column: str = field(validator=_column)


@frozen(kw_only=True)
class ValueIn:
    """
    True of a row whose *column* holds one of *values*, compared as the text that files would have of it.

    Where a field maps the column its type decides on that text; elsewhere texts, whole numbers, booleans
    (`true`, `false`) and UUIDs can be compared.
    """

    column: str = field(validator=_column)
    values: tuple[str, ...] = field(converter=_values)


Condition: TypeAlias = SubjectIn | ValueIn
SimpleRule: TypeAlias = Keep | Withhold | Mask | Pseudonymise | Generalise | Band | Custom


def _condition(_: object, __: Attribute[Condition], value: object) -> None:
    if not isinstance(value, Condition):
        raise InvalidPolicy("by_row", "when is a condition: SubjectIn(column=...) or ValueIn(...)")


def _simple(_: object, attribute: Attribute[SimpleRule], value: object) -> None:
    if not isinstance(value, SimpleRule):
        raise InvalidPolicy("by_row", f"{attribute.name} is one of the other rules; a row is looked at once")


@frozen(kw_only=True)
class ByRow:
    """
    One rule for rows of which *when* is true, another for all others. Where it withholds, the value reads NULL.

    The condition's column is one of the dataset's table, or a subject column of its owner table, which comes
    first where both have the name. It is read, and exported only if a field maps it. A NULL there makes the
    condition false.
    """

    when: Condition = field(validator=_condition)
    then: SimpleRule = field(validator=_simple)
    otherwise: SimpleRule = field(validator=_simple)

    def __attrs_post_init__(self) -> None:
        if self.then == self.otherwise:
            raise InvalidPolicy("by_row", "both rules are the same: give that one alone")


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
