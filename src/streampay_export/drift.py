"""
The drift check: asks a source for its facts, compares them with the catalog, and puts the result into lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from ._core.catalog import Catalog
from ._core.drift import NO_POLICIES, find_drift, tables_of
from ._core.finding import Drift, Finding
from ._core.policy import Policies
from .errors import InvalidConfiguration, quoted
from .ports.inspection import SchemaInspector


def check_drift(source: object, catalog: Catalog, policies: Policies = NO_POLICIES) -> Drift:
    """
    Compare a live source with the catalog, and with the columns on which rules of *policies* depend.

    Reads declarations, never rows. Not of one moment: what is altered meanwhile may be seen or not.

    Raises `InvalidConfiguration` for a source that declares nothing (no `SchemaInspector`), and
    `SourceUnavailable` for one that does not answer.
    """
    if not isinstance(source, SchemaInspector):
        problem = (
            f"{type(source).__name__} declares no columns, types or indexes to compare the catalog with; "
            "check the database behind it with SqlAlchemySource"
        )
        raise InvalidConfiguration("source", problem)
    facts = {table: source.table_facts(table) for table in tables_of(catalog)}
    there = source.table_names() if None in facts.values() else ()
    return find_drift(catalog, facts, policies, there=there)


def lines_of(drift: Drift) -> Sequence[str]:
    """
    Return the result for a person to read: by table, one line a finding or note, and the count last.

    Names are escaped where they are not printable.
    """
    counts = [_counted(len(drift.findings), "finding")]
    counts += [f"{len(drift.excused)} excused"] if drift.excused else []
    counts += [_counted(len(drift.notes), "note")] if drift.notes else []
    return [*_by_table(drift.findings), *_by_table(drift.notes), ", ".join(counts)]


def _by_table(found: Sequence[Finding]) -> Iterator[str]:
    for table, group in groupby(found, attrgetter("table")):
        rows = [(str(each.kind), _plain(each.column or ""), each.problem) for each in group]
        kinds, columns = (max(len(row[place]) for row in rows) for place in (0, 1))
        yield _plain(table)
        for kind, column, problem in rows:
            yield f"  {kind:{kinds}}  {column:{columns}}  {problem}"


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _plain(name: str) -> str:
    return quoted(name)[1:-1]
