"""
What a column's declared type tells of its values, in databases that hold them to it.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from .sqlalchemy_database import Kind, SqlColumn
from .timestamp_forms import Aware, Day, Epoch, InstantForm, Naive, TextForm

Value = TypeVar("Value")

_NUMBERS: dict[Kind, type[int | float | Decimal]] = {Kind.INTEGER: int, Kind.NUMBER: Decimal, Kind.FLOAT: float}


def declared_form(column: SqlColumn, unit: str | None, zone: tzinfo | None, sample: object) -> InstantForm | None:
    """
    Return `Database.form`: the form that the column's type has, or, of a text, that *sample* has without padding.
    """
    match column.kind:
        case Kind.AWARE_TIMESTAMP:
            form: InstantForm | None = Aware()
        case Kind.NAIVE_TIMESTAMP:
            form = Naive(_given("timezone", zone))
        case Kind.DATE:
            form = Day(zone or UTC)
        case Kind.INTEGER | Kind.NUMBER | Kind.FLOAT:
            form = Epoch(_given("unit", unit), _NUMBERS[column.kind])
        case Kind.TEXT | Kind.PADDED_TEXT if isinstance(sample, str):
            form = TextForm.of(sample.rstrip() if column.kind is Kind.PADDED_TEXT else sample, zone)
        case _:
            form = None
    return form


def uuids(text: str) -> list[UUID]:
    """
    Return the UUID that *text* is, if it is one.
    """
    try:
        return [UUID(text)]
    except ValueError:
        return []


def _given(what: str, value: Value | None) -> Value:
    if value is None:
        raise LookupError(what)
    return value
