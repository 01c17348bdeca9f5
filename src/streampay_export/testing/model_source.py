"""
A table in memory, read by keyset pages while rows come and go; the mistakes sources make; and the law
that finds them. Pure: no database, no clock, no pytest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from operator import itemgetter

from .._core.selection import Key, Row, Selection


class ModelSource:
    """
    A table as it should be read. Its order is Python's order of the keys; *owners* are native values.
    """

    def __init__(self, selection: Selection, owners: Collection[object], rows: Iterable[Row] = ()) -> None:
        self.selection = selection
        self.owners = frozenset(owners)
        self.rows: list[Row] = sorted(rows, key=self.key)
        self._keys = [self.key(row) for row in self.rows]

    def key(self, row: Row) -> Key:
        """
        Return a row's key.
        """
        return tuple(row[position] for position in self.selection.key)

    def owned(self, row: Row) -> bool:
        """
        Return whether any subject column of the row holds an owner.
        """
        return not self.owners.isdisjoint(map(row.__getitem__, self.selection.subject))

    def insert(self, row: Row) -> None:
        """
        Add a row, at its place.
        """
        place = bisect_right(self._keys, self.key(row))
        self._keys.insert(place, self.key(row))
        self.rows.insert(place, row)

    def delete(self, row: Row) -> None:
        """
        Take out the row with this row's key.
        """
        place = bisect_left(self._keys, self.key(row))
        del self._keys[place], self.rows[place]

    def page(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Return the next at most *limit* owned rows with key > *after*, as `Snapshot.page` does.
        """
        return self._owned_from(0 if after is None else bisect_right(self._keys, after), limit)

    def count(self) -> int:
        """
        Count the rows by ownership alone: what a census expects.
        """
        return sum(map(self.owned, self.rows))

    def _owned_from(self, place: int, limit: int) -> list[Row]:
        # `islice(rows, place, None)` would walk there from the first row on.
        rows = map(self.rows.__getitem__, range(place, len(self.rows)))
        return list(islice(filter(self._found, rows), limit))

    def _found(self, row: Row) -> bool:
        return self.owned(row)


class OffsetPaging(ModelSource):
    """
    The mistake: LIMIT and OFFSET. A row inserted before the offset repeats one, a row deleted there loses one.
    """

    _offset = 0

    def page(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Skip as many owned rows as were returned before.
        """
        found = list(islice(filter(self.owned, self.rows), self._offset, self._offset + limit))
        self._offset += len(found)
        return found


class FirstKeyColumnOnly(ModelSource):
    """
    The mistake: a cursor of the timestamp alone. The rest of a tie that a page's end cuts through is lost.
    """

    def page(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Begin after the last row that shares the first key column with *after*.
        """
        place = 0 if after is None else bisect_right(self._keys, after[0], key=itemgetter(0))
        return self._owned_from(place, limit)


class AtOrAfter(ModelSource):
    """
    The mistake: `>=` where `>` belongs. Every page begins with the last row of the one before.
    """

    def page(self, after: Key | None, limit: int) -> Sequence[Row]:
        """
        Begin at *after* itself.
        """
        return self._owned_from(0 if after is None else bisect_left(self._keys, after), limit)


class LosesNulls(ModelSource):
    """
    The mistake: legs told apart by `<>`, which is not true of NULL. A row that a later subject column makes
    the subject's is lost where an earlier one is NULL.
    """

    def _found(self, row: Row) -> bool:
        subjects = [row[position] for position in self.selection.subject]
        places = [place for place, value in enumerate(subjects) if value in self.owners]
        return bool(places) and None not in subjects[: places[0]]


def breaches(
    selection: Selection, read: Sequence[Row], *, throughout: Collection[Row], ever: Collection[Row]
) -> list[str]:
    """
    Return what is wrong with the rows *read*: empty if each row present throughout is there exactly once,
    every other at most once and only if it was *ever* there, and all in ascending key order.
    """
    times = Counter(read)
    found = []
    if lost := sum(1 for row in throughout if not times[row]):
        found.append(f"{lost} rows lost")
    if repeated := sum(1 for count in times.values() if count > 1):
        found.append(f"{repeated} rows repeated")
    if invented := len(times.keys() - set(ever)):
        found.append(f"{invented} rows that never were")
    keys = [itemgetter(*selection.key)(row) for row in read]
    if keys != sorted(keys):
        found.append("rows out of order")
    return found
