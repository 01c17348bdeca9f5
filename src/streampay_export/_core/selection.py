"""
What is asked of a source: which columns, whose rows, as of when, in which window.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from attrs import Attribute, field, frozen

from ..errors import InvalidRequest
from .catalog import Dataset, Direction, FieldType
from .party import Subject

Row: TypeAlias = tuple[Any, ...]
"""One row as the driver gave it, in the order of `Selection.columns`."""

Key: TypeAlias = tuple[Any, ...]
"""The values of a row's key columns, as the driver gave them."""


@frozen
class Column:
    """
    One column to read. *of_owner* columns are the owner table's (see `Owner`), all others the dataset's.

    *type* is the type of the field that maps the column, `None` where no field does.
    """

    name: str
    type: FieldType | None = None
    of_owner: bool = False


@frozen(kw_only=True)
class Selection:
    """
    The columns a source returns for each row, and where in the row those stand that paging needs.

    First the fields of the cut in catalog order, then key, subject and direction columns, and those that
    rules look at, which no field of the cut maps. *fields* are the names of the cut's fields: field `i` is
    column `i`.
    """

    dataset: Dataset
    fields: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[int, ...]
    subject: tuple[int, ...]

    @classmethod
    def of(cls, dataset: Dataset, fields: Sequence[str], looked_at: Sequence[str] = ()) -> Selection:
        """
        Build the selection for these fields of the dataset; nothing else is ever read.

        *looked_at* are columns on which a rule depends: the dataset's own, or its owner's subject columns.
        """
        mapped = [dataset.field_named(name) for name in fields]
        columns = [Column(each.column, each.type) for each in mapped]

        def place(name: str, *, of_owner: bool = False) -> int:
            for position, column in enumerate(columns):
                if column.name == name and column.of_owner == of_owner:
                    return position
            known = next((f.type for f in dataset.fields if f.column == name and not of_owner), None)
            columns.append(Column(name, known, of_owner))
            return len(columns) - 1

        key = tuple(place(name) for name in dataset.key)
        if dataset.owner is None:
            subject = tuple(place(name) for name in dataset.subject)
        else:
            subject = tuple(place(name, of_owner=True) for name in dataset.owner.subject)
        if isinstance(dataset.direction, Direction):
            place(dataset.direction.out)
            place(dataset.direction.into)
        for name in looked_at:
            place(name, of_owner=of_owner(dataset, name))
        return cls(dataset=dataset, fields=tuple(fields), columns=tuple(columns), key=key, subject=subject)

    def position(self, name: str, *, of_owner: bool = False) -> int:
        """
        Return where the column *name* stands in a row: the dataset's own, or its owner's.
        """
        return next(i for i, c in enumerate(self.columns) if (c.name, c.of_owner) == (name, of_owner))


def of_owner(dataset: Dataset, name: str) -> bool:
    """
    Return whether a column at which a rule looks is the owner table's: one of its subject columns.
    """
    return dataset.owner is not None and name in dataset.owner.subject


def _aware(_: object, attribute: Attribute[Any], value: datetime | None) -> None:
    if value is not None and value.utcoffset() is None:
        raise InvalidRequest(attribute.alias or attribute.name, "an instant needs an offset from UTC, such as Z")


@frozen(kw_only=True)
class Window:
    """
    Half-open: rows whose as-of column is at or after *start* and before *end*; `None` is open.

    A dataset without an as-of column is whole in any window; a row whose as-of column is NULL is in
    no bounded window.
    """

    start: datetime | None = field(default=None, validator=_aware)
    end: datetime | None = field(default=None, validator=_aware)

    def __attrs_post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidRequest("to", "the window ends at or before it begins")


EVER = Window()
"""No bounds."""


@frozen(kw_only=True)
class Query:
    """
    One subject's rows of one dataset, up to *as_of* (UTC), in a window.
    """

    selection: Selection
    subject: Subject = field(repr=False)
    as_of: datetime
    window: Window = EVER

    def __attrs_post_init__(self) -> None:
        if self.as_of.utcoffset() is None:
            raise InvalidRequest("as_of", "an instant needs an offset from UTC, such as Z")


@frozen(kw_only=True)
class Census:
    """
    Rows counted by ownership alone, never by the paging predicate.

    *owned* = *included* + *later* (than the as-of) + *outside* (the window) + *omitted* (see
    `Omission`); rows with a NULL key are counted per key column in *null_keys*, in key order.
    """

    included: int
    later: int = 0
    outside: int = 0
    omitted: int = 0
    null_keys: tuple[int, ...] = ()
