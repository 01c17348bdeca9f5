"""
Whether a page's keys are as the source promised: ascending, each once, after the cursor.

Numbers, timestamps, dates, UUIDs and bytes have an order of their own, and it is checked. Text has the
source's: collations differ, so its order is taken on trust, and only repeats and movement are checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from operator import attrgetter, itemgetter, le, lt, methodcaller, ne
from types import NoneType
from typing import Any, TypeAlias
from uuid import UUID

from ..errors import KeyForm, NullKey, RepeatedRow, RowsOutOfOrder, StuckCursor, UnwritableValue
from .catalog import FieldType
from .cursor import KEY_TYPES
from .selection import Column, Key, Row, Selection

Values: TypeAlias = Sequence[Any]
"""One key column of a page, with the cursor's value before the first row's."""

_NUMBERS = frozenset({int, float, Decimal, bool})
_INEXACT = frozenset({float, Decimal})

_TEXT_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?(?P<suffix>Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_ANY_DIGIT = str.maketrans("123456789", "0" * 9)


class KeyOrder:
    """
    Holds one source to the key order of one selection, page by page.

    Remembers two keys, however many rows pass: the last one, and a landmark further back. Where all
    key columns are ordered, keys ascend strictly. Otherwise the columns before the first unordered
    one never descend, and no page repeats one of its own keys, the last one or the landmark. The
    landmark moves up at pages 1, 2, 4, 8 ..., so that a source going in circles is always caught.
    """

    def __init__(self, selection: Selection, after: Key | None) -> None:
        self._dataset = selection.dataset.name
        self._columns = [selection.columns[position] for position in selection.key]
        self._getters = [itemgetter(position) for position in selection.key]
        self._last = after
        self._landmark: Key | None = None
        self._pages = 0

    def check(self, rows: Sequence[Row]) -> Key:
        """
        Check one page that is not empty and return its last key, as the driver gave it.

        Raises `NullKey`, `KeyForm`, `StuckCursor`, `RepeatedRow`, `RowsOutOfOrder`, and
        `UnwritableValue` for a value that no cursor can carry. A refused page changes nothing.
        """
        raw = [list(map(getter, rows)) for getter in self._getters]
        last = tuple(values[-1] for values in raw)
        if self._last is not None:
            for values, value in zip(raw, self._last, strict=True):
                values.insert(0, value)
        columns: list[Values] = []
        ordered = 0
        for place, column in enumerate(self._columns):
            known, values_or_instants = self._comparable(column, raw[place])
            columns.append(values_or_instants)
            ordered += known and ordered == place
        # A first column without ties settles it, in a third of the time that whole keys take.
        if not (ordered and _ascending(columns[0])):
            if ordered == len(columns):
                self._check_ascending(_joined(columns))
            else:
                self._check_moving(columns, ordered)
        self._last = last
        self._pages += 1
        if self._pages & (self._pages - 1) == 0:
            self._landmark = tuple(values[-1] for values in columns)
        return last

    def _check_ascending(self, keys: Values) -> None:
        if _ascending(keys):
            return
        if self._last is not None and not keys[0] < keys[1]:
            raise StuckCursor(self._dataset)
        if len(set(keys)) < len(keys):
            raise RepeatedRow(self._dataset)
        raise RowsOutOfOrder(self._dataset)

    def _check_moving(self, columns: list[Values], ordered: int) -> None:
        begin = 0 if self._last is None else 1
        prefixes = _joined(columns[:ordered])
        if not all(map(le, prefixes, islice(prefixes, 1, None))):
            if begin and not prefixes[0] <= prefixes[1]:
                raise StuckCursor(self._dataset)
            raise RowsOutOfOrder(self._dataset)
        # Most pages are told apart by their first unordered column, which is cheaper to hash than whole keys.
        texts = set(columns[ordered])
        if len(texts) == len(columns[ordered]) and (self._landmark is None or self._landmark[ordered] not in texts):
            return
        keys = list(zip(*columns, strict=True))
        page = set(keys[begin:])
        if begin and keys[0] in page:
            raise StuckCursor(self._dataset)
        if len(page) < len(keys) - begin or self._landmark in page:
            raise RepeatedRow(self._dataset)

    def _comparable(self, column: Column, values: Values) -> tuple[bool, Values]:
        """
        Return whether Python's order of the column is the source's, and the values to compare.
        """
        types: set[type] = set(map(type, values))
        if NoneType in types:
            raise NullKey(self._dataset, column=column.name, rows=values.count(None))
        if not types <= KEY_TYPES:
            strange = min(each.__name__ for each in types - KEY_TYPES)
            raise UnwritableValue(self._dataset, column.name, f"a {strange}, which no cursor can carry")
        if types <= _NUMBERS:
            if types & _INEXACT and any(map(ne, values, values)):
                raise UnwritableValue(self._dataset, column.name, "NaN, which has no place in an order")
            return True, values
        if types == {datetime}:
            return True, self._instants(column, values)
        if str in types and column.type is FieldType.TIMESTAMP:
            if len(types) > 1 or not _in_one_form(values):
                raise KeyForm(self._dataset, column=column.name)
            return True, values
        if types == {UUID}:
            # As PostgreSQL orders them: byte by byte, which is as integers; and those compare faster.
            return True, list(map(attrgetter("int"), values))
        return types in ({date}, {bytes}), values

    def _instants(self, column: Column, values: Values) -> Values:
        zones = set(map(attrgetter("tzinfo"), values))
        if None in zones:
            if len(zones) > 1:
                raise KeyForm(self._dataset, column=column.name)
            return values
        if all(zone.utcoffset(None) is not None for zone in zones):
            return values
        # In the hour that a zone goes through twice, Python compares what the clock showed, not the instants.
        return [value.astimezone(UTC) for value in values]


def _joined(columns: Sequence[Values]) -> Values:
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _ascending(values: Values) -> bool:
    return all(map(lt, values, islice(values, 1, None)))


def _in_one_form(texts: Sequence[str]) -> bool:
    """
    Return whether all are timestamps in one fixed form, so that their order as text is their order in time.
    """
    form = _TEXT_TIME.fullmatch(texts[0])
    if form is None:
        return False
    # One pass over the joined column costs a fifth of a pattern for each value. A line break inside a value makes
    # one line too many, so texts that are equal are equal line by line.
    shape = texts[0].translate(_ANY_DIGIT)
    if "\n".join(texts).translate(_ANY_DIGIT) != "\n".join([shape] * len(texts)):
        return False
    suffix = form["suffix"] or ""
    return all(map(methodcaller("endswith", suffix), texts)) if suffix[1:] else True
