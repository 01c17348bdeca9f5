"""
What history exists: datasets, their fields, who owns a row, and in which order rows are paged.

A catalog is data. It is valid once built; everything that reads it may rely on that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen
from attrs.converters import optional

from ..errors import InvalidCatalog, UnknownName, listed, quoted

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")


def _columns(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidCatalog(quoted(names), "columns are a list of names, also where there is one")
    return tuple(names)


class FieldType(StrEnum):
    """
    The types a field can have; how each is written is decided in `canonical.py`.
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    DATE = "date"
    UUID = "uuid"
    JSON = "json"


class Origin(StrEnum):
    """
    Where a field's data comes from, which decides on portability (GDPR Art. 20).
    """

    PROVIDED = "provided"
    OBSERVED = "observed"
    DERIVED = "derived"


@frozen
class Constant:
    """
    A value that is the same in every row, where a column's name could stand: `{const = "XLM"}`.
    """

    const: str


@frozen(kw_only=True)
class Field:
    """
    One typed column of a dataset.

    *asset* names the field with the amount's asset, or is a `Constant`. *scale* is the exact number
    of decimal digits. *unit* (`s`, `ms`, `us`) says how an integer counts a timestamp since
    1970-01-01 UTC. *reveals* tags what the value lets others look up, such as `counterparty`.
    """

    name: str
    type: FieldType = field(converter=FieldType)
    column: str = ""
    asset: str | Constant | None = None
    scale: int | None = None
    unit: str | None = None
    description: str = ""
    category: str = ""
    origin: Origin | None = field(default=None, converter=optional(Origin))
    reveals: str = ""

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name):
            raise InvalidCatalog(quoted(self.name), "a name is a letter, then letters, digits or _, 63 at most")
        if not self.column:
            object.__setattr__(self, "column", self.name)
        if (self.asset is not None or self.scale is not None) and self.type is not FieldType.DECIMAL:
            raise InvalidCatalog(self.name, "asset and scale belong to fields of type decimal")
        if self.scale is not None and not 0 <= self.scale <= 38:
            raise InvalidCatalog(self.name, "scale is a number of digits, 0 to 38")
        if self.unit is not None and (self.type is not FieldType.TIMESTAMP or self.unit not in {"s", "ms", "us"}):
            raise InvalidCatalog(self.name, "unit is s, ms or us, and belongs to fields of type timestamp")


@frozen(kw_only=True)
class Owner:
    """
    Ownership one join away: the dataset's *via* column equals *table*'s *key*, and the row is the
    subject's when any of that table's *subject* columns equals one of its identifiers.
    """

    via: str
    table: str
    key: str
    subject: tuple[str, ...] = field(converter=_columns)


@frozen(kw_only=True)
class Direction:
    """
    The columns with the two sides of a movement of money: *out* the payer, *into* the payee.
    """

    out: str
    into: str


@frozen(kw_only=True)
class Omission:
    """
    Rows left out on purpose: those whose *column* (such as `deleted_at`) is not NULL, and why.
    """

    column: str
    reason: str

    def __attrs_post_init__(self) -> None:
        if not self.reason.strip():
            raise InvalidCatalog(self.column, "rows are left out only for a reason: say which")


def _fields(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(fields)


@frozen(kw_only=True)
class Dataset:
    """
    A named table of history.

    *key* are the columns that order the pages: unique together, never NULL. *subject* are the columns
    of which any one makes the row the subject's; instead of them *owner* may say where ownership lies.
    *as_of* is the column that bounds the dataset at the export's instant. Key, subject, as-of and
    direction are columns of the table, and are exported only if a field maps them. *direction* may
    instead name a field that says `in`, `out` or `self`, as the subject sees it.
    """

    name: str
    table: str
    key: tuple[str, ...] = field(converter=_columns)
    subject: tuple[str, ...] = field(default=(), converter=_columns)
    owner: Owner | None = None
    as_of: str | None = None
    fields: tuple[Field, ...] = field(converter=_fields)
    direction: Direction | str | None = None
    omit: Omission | None = None
    description: str = ""

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name):
            raise InvalidCatalog(quoted(self.name), "a name is a letter, then letters, digits or _, 63 at most")
        if not self.table:
            raise InvalidCatalog(self.name, "name the table")
        if not self.key or len(set(self.key)) != len(self.key):
            raise InvalidCatalog(self.name, "key is one or more different columns")
        if bool(self.subject) == bool(self.owner):
            raise InvalidCatalog(self.name, "give either subject columns or an owner table")
        if self.owner is not None and not self.owner.subject:
            raise InvalidCatalog(self.name, "the owner table needs subject columns")
        if not self.fields:
            raise InvalidCatalog(self.name, "give at least one field")
        names = [f.name for f in self.fields]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise InvalidCatalog(self.name, f"two fields have one name: {listed(twice)}")
        self._check_references(names)

    def _check_references(self, names: list[str]) -> None:
        for each in self.fields:
            if isinstance(each.asset, str) and each.asset not in names:
                where = f"{self.name}.{each.name}"
                raise InvalidCatalog(where, f"asset names no field of the dataset; there are: {listed(names)}")
        if isinstance(self.direction, str) and self.direction not in names:
            raise InvalidCatalog(self.name, f"direction names no field of the dataset; there are: {listed(names)}")

    def field_named(self, name: str) -> Field:
        """
        Return the field called *name*, or raise `UnknownName`.
        """
        for each in self.fields:
            if each.name == name:
                return each
        raise UnknownName.of("field", name, [f.name for f in self.fields])


def _datasets(datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
    return tuple(datasets)


@frozen
class Catalog:
    """
    All datasets, in the order in which they are exported. *timezone* (IANA name) is that of
    timestamps stored without one; `None` makes such a timestamp an error.
    """

    datasets: tuple[Dataset, ...] = field(converter=_datasets)
    timezone: str | None = None
    _by_name: Mapping[str, Dataset] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not self.datasets:
            raise InvalidCatalog("catalog", "give at least one dataset")
        by_name = {d.name: d for d in self.datasets}
        if len(by_name) != len(self.datasets):
            raise InvalidCatalog("catalog", "two datasets have one name")
        object.__setattr__(self, "_by_name", MappingProxyType(by_name))

    @property
    def names(self) -> tuple[str, ...]:
        """
        The datasets' names, in order.
        """
        return tuple(d.name for d in self.datasets)

    def dataset(self, name: str) -> Dataset:
        """
        Return the dataset called *name*, or raise `UnknownName`.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownName.of("dataset", name, self.names) from None

    def only(self, names: Iterable[str]) -> Catalog:
        """
        Return the catalog with just these datasets, in catalog order, or raise `UnknownName`.
        """
        wanted = {self.dataset(name).name for name in names}
        return Catalog(tuple(d for d in self.datasets if d.name in wanted), timezone=self.timezone)
