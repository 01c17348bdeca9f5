"""
What history exists: datasets, their fields, who owns a row, and in which order rows are paged.

A catalog is data. It is valid once built; everything that reads it may rely on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from attrs import field, frozen

from ..errors import InvalidCatalog, UnknownName, listed, quoted
from .field import NAME, Constant, Field, FieldType, LegalBasis, OnErasure, Origin, Retain, Scrub

__all__ = [
    "NAME",
    "Catalog",
    "Constant",
    "Dataset",
    "Direction",
    "Field",
    "FieldType",
    "Invariant",
    "LegalBasis",
    "Omission",
    "OnErasure",
    "Origin",
    "Owner",
    "Retain",
    "Scrub",
]


def _columns(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidCatalog(quoted(names), "columns are a list of names, also where there is one")
    return tuple(names)


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


@frozen(kw_only=True)
class Invariant:
    """
    An equation that holds in every row: the *left* fields add up to the *right* ones, in exact decimals.

    Rows in which any of them is NULL are not looked at. It is checked where all of them are kept as they are.
    """

    name: str
    left: tuple[str, ...] = field(converter=_columns)
    right: tuple[str, ...] = field(converter=_columns)
    description: str = ""

    def __attrs_post_init__(self) -> None:
        if not NAME.match(self.name):
            raise InvalidCatalog(quoted(self.name), "a name is a letter, then letters, digits or _, 63 at most")
        if not self.left or not self.right:
            raise InvalidCatalog(self.name, "an invariant has fields on both sides")

    @property
    def fields(self) -> tuple[str, ...]:
        """
        The names of all fields it speaks of.
        """
        return (*self.left, *self.right)


def _fields(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(fields)


def _invariants(invariants: Iterable[Invariant]) -> tuple[Invariant, ...]:
    return tuple(invariants)


def _reasons(reasons: Mapping[str, str]) -> Mapping[str, str]:
    for column, reason in reasons.items():
        if not reason.strip():
            raise InvalidCatalog(quoted(column), "a column is ignored only for a reason: say which")
    return MappingProxyType(dict(reasons))


@frozen(kw_only=True)
class Dataset:
    """
    A named table of history.

    *key* are the columns that order the pages: unique together, never NULL. *subject* are the columns
    of which any one makes the row the subject's; instead of them *owner* may say where ownership lies.
    *as_of* is the column that bounds the dataset at the export's instant. Key, subject, as-of and
    direction are columns of the table, and are exported only if a field maps them. *direction* may
    instead name a field that says `in`, `out` or `self`, as the subject sees it.

    For the report: *state* names the field whose values are counted, *highlights* the fields of the table
    of the latest rows. *invariants* are checked row by row and reported. For the drift check: *ignored* names
    columns of which it has nothing to say, each with the reason; that exports nothing and hides nothing.
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
    state: str | None = None
    highlights: tuple[str, ...] = field(default=(), converter=_columns)
    invariants: tuple[Invariant, ...] = field(default=(), converter=_invariants)
    ignored: Mapping[str, str] = field(factory=dict, converter=_reasons, hash=False)

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
        for invariant in self.invariants:
            for name in invariant.fields:
                if name not in names or self.field_named(name).type is not FieldType.DECIMAL:
                    where = f"{self.name}, invariant {invariant.name}"
                    raise InvalidCatalog(where, f"{quoted(name)} is no decimal field of the dataset")
        spoken_of: dict[str, Iterable[object]] = {"state": [self.state], "direction": [self.direction]}
        spoken_of["highlights"] = self.highlights
        for key, said in spoken_of.items():
            if {name for name in said if isinstance(name, str)} - set(names):
                raise InvalidCatalog(self.name, f"{key} names no field of the dataset; there are: {listed(names)}")

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
