"""
Drift: where a live database and the catalog have come apart. Facts and a catalog in, findings out.

An export needs none of this: it reads what the catalog names, and fails where it cannot. Whoever changes the
database learns here what no export would tell them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..errors import quoted
from .catalog import Catalog
from .column_use import columns_used, owner_columns_used
from .dataset_drift import dataset_findings
from .finding import Drift, Excused, Finding, FindingKind
from .policy import Policies
from .table_facts import TableFacts

NO_POLICIES = Policies({})
_KINDS = list(FindingKind)


def tables_of(catalog: Catalog) -> tuple[str, ...]:
    """
    Return the tables that the catalog names, owner tables among them, each once and in catalog order.
    """
    named = ((each.table, *([each.owner.table] if each.owner else [])) for each in catalog.datasets)
    return tuple(dict.fromkeys(name for names in named for name in names))


def find_drift(
    catalog: Catalog,
    facts: Mapping[str, TableFacts | None],
    policies: Policies = NO_POLICIES,
    *,
    there: Sequence[str] = (),
) -> Drift:
    """
    Compare the catalog with the facts about each of its tables; `None` is a table that is not there.

    *policies* add the columns on which their rules depend; *there* are the tables to choose from.
    """
    everything = [
        found
        for each in catalog.datasets
        for found in dataset_findings(each, policies, catalog.timezone, facts, there)
    ]
    findings: list[Finding] = []
    notes: list[Finding] = []
    excused: list[Excused] = []
    for table in tables_of(catalog):
        known = facts[table]
        found = [each for each in everything if each.table == table]
        reasons = _reasons(catalog, table)
        if known is not None:
            found += _unclassified(catalog, policies, table, known)
            found += _stale(catalog, table, known, found)
        for each in _in_order(found, known):
            reason = reasons.get(each.column or "")
            if reason is not None and _excusable(each):
                excused.append(Excused(finding=each, reason=reason))
            elif each.kind is FindingKind.CANNOT_TELL:
                notes.append(each)
            else:
                findings.append(each)
    return Drift(findings=tuple(findings), notes=tuple(notes), excused=tuple(excused))


def _unclassified(catalog: Catalog, policies: Policies, table: str, there: TableFacts) -> Iterator[Finding]:
    """
    Yield the columns that nobody named. Of a table that is only an owner's, the others are nobody's concern.
    """
    on_it = [each for each in catalog.datasets if each.table == table]
    if not on_it:
        return
    named = {column for each in on_it for column in columns_used(each, policies)}
    for each in catalog.datasets:
        named |= owner_columns_used(each).keys() if each.owner and each.owner.table == table else set()
    for column in there.columns:
        if column.name not in named:
            declared = f"it is {quoted(column.declared)}, and " if column.declared else ""
            yield Finding(
                kind=FindingKind.UNCLASSIFIED,
                dataset=on_it[0].name,
                table=table,
                column=column.name,
                problem=f"{declared}nobody has named it, so it is in no export: "
                "map it as a field, or ignore it with a reason",
            )


def _reasons(catalog: Catalog, table: str) -> Mapping[str, str]:
    reasons: dict[str, str] = {}
    for each in catalog.datasets:
        if each.table == table:
            reasons = {**each.ignored, **reasons}
    return reasons


def _excusable(found: Finding) -> bool:
    return found.kind not in {FindingKind.MISSING, FindingKind.STALE_EXCUSE}


def _stale(catalog: Catalog, table: str, there: TableFacts, found: Sequence[Finding]) -> Iterator[Finding]:
    """
    Yield the excuses that excuse nothing, so that none outlives its reason.
    """
    needed = {each.column for each in found if _excusable(each)}
    for each in catalog.datasets:
        for column in each.ignored if each.table == table else ():
            if column not in needed:
                why = "nothing is wrong with it" if there.column(column) else "there is no such column any more"
                yield Finding(
                    kind=FindingKind.STALE_EXCUSE,
                    dataset=each.name,
                    table=table,
                    column=column,
                    problem=f"it is ignored, and {why}: take it out of ignored",
                )


def _in_order(found: Sequence[Finding], there: TableFacts | None) -> Sequence[Finding]:
    """
    Return one table's findings: on itself, on columns that are gone, then column by column as they stand.

    What several datasets say in the same words is said once, by the first of them.
    """
    places = {each.name: place for place, each in enumerate(there.columns if there else ())}
    once = {(each.kind, each.column, each.problem): each for each in reversed(found)}

    def place(each: Finding) -> tuple[object, ...]:
        at = -2 if each.column is None else places.get(each.column, -1)
        return at, each.column or "", _KINDS.index(each.kind), each.problem

    return sorted(once.values(), key=place)
