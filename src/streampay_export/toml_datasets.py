"""
One dataset as TOML has it: its table and columns, its fields, and each profile's rules for them.
"""

from __future__ import annotations

from typing import TypeAlias

from ._core.catalog import Dataset, Direction, Invariant, Omission, Owner
from ._core.field import Constant, Field, FieldType, LegalBasis, OnErasure, Origin, Retain, Scrub
from ._core.policy import FieldRule
from .errors import InvalidCatalog
from .toml_rules import read_field_rule
from .toml_table import TomlTable

ProfileRules: TypeAlias = dict[str, dict[str, dict[str, FieldRule]]]
"""Rules by profile, dataset and field."""


def read_dataset(tables: TomlTable, name: str, rules: ProfileRules) -> Dataset:
    """
    Take the dataset *name* out of `[datasets]`; its fields' rules are added to *rules*.
    """
    table = tables.table(name)
    fields = table.table("fields")
    if not fields.names():
        raise table.wrong("fields", f"list at least one field, as [datasets.{name}.fields.NAME]")
    invariants = table.table("invariants")
    ignored = table.table("ignored")
    try:
        dataset = Dataset(
            name=name,
            table=table.text("table", name),
            key=table.texts("key"),
            subject=table.texts("subject") if "subject" in table else (),
            owner=_owner(table.table("owner")) if "owner" in table else None,
            as_of=table.optional_text("as_of"),
            direction=_direction(table.table("direction")) if "direction" in table else None,
            omit=_omission(table.table("omit_deleted")) if "omit_deleted" in table else None,
            description=table.optional_text("description") or "",
            state=table.optional_text("state"),
            highlights=table.texts("highlights") if "highlights" in table else (),
            invariants=[_invariant(invariants.table(each), each) for each in invariants.names()],
            ignored={column: ignored.text(column) for column in ignored.names()},
            fields=tuple(_field(fields, field, name, rules) for field in fields.names()),
        )
    except InvalidCatalog as error:
        table.finish()  # what is missing may be there, spelt otherwise
        raise tables.wrong(name, error.problem) from None
    table.finish()
    return dataset


def _owner(table: TomlTable) -> Owner:
    owner = Owner(
        via=table.text("via"), table=table.text("table"), key=table.text("key"), subject=table.texts("subject")
    )
    table.finish()
    return owner


def _direction(table: TomlTable) -> Direction:
    direction = Direction(out=table.text("out"), into=table.text("in"))
    table.finish()
    return direction


def _omission(table: TomlTable) -> Omission:
    omission = Omission(column=table.text("column"), reason=table.text("reason"))
    table.finish()
    return omission


def _invariant(table: TomlTable, name: str) -> Invariant:
    invariant = Invariant(
        name=name,
        left=table.texts("left"),
        right=table.texts("right"),
        description=table.optional_text("description") or "",
    )
    table.finish()
    return invariant


def _field(fields: TomlTable, name: str, dataset: str, rules: ProfileRules) -> Field:
    table = fields.table(name)
    _rule_into(rules, "self", dataset, name, table)
    profiles = table.table("rules")
    for profile in profiles.names():
        if profile == "self":
            raise profiles.wrong(profile, "the rule of profile self stands in the field itself, as rule and reason")
        entry = profiles.table(profile)
        _rule_into(rules, profile, dataset, name, entry)
        entry.finish()
    try:
        field = Field(
            name=name,
            type=FieldType(table.one_of("type", list(FieldType))),
            column=table.optional_text("column") or "",
            asset=_asset(table),
            scale=table.whole_number("scale"),
            unit=table.optional_text("unit"),
            description=table.optional_text("description") or "",
            category=table.optional_text("category") or "",
            origin=table.one_of("origin", list(Origin)) if "origin" in table else None,
            legal_basis=table.one_of("legal_basis", list(LegalBasis)) if "legal_basis" in table else None,
            purpose=table.optional_text("purpose") or "",
            retention=table.optional_text("retention") or "",
            on_erasure=_on_erasure(table.table("on_erasure")) if "on_erasure" in table else None,
            reveals=table.optional_text("reveals") or "",
        )
    except InvalidCatalog as error:
        table.finish()
        raise fields.wrong(name, error.problem) from None
    table.finish()
    return field


def _rule_into(rules: ProfileRules, profile: str, dataset: str, field: str, table: TomlTable) -> None:
    of_profile = rules.setdefault(profile, {})
    rule = read_field_rule(table)
    if rule is not None:
        of_profile.setdefault(dataset, {})[field] = rule


def _asset(table: TomlTable) -> str | Constant | None:
    value = table.raw("asset")
    if value is None or (isinstance(value, str) and value):
        return value
    if isinstance(value, dict) and set(value) == {"const"} and isinstance(value["const"], str):
        return Constant(value["const"])
    raise table.wrong("asset", 'a field\'s name, or {const = "XLM"}, is expected')


def _on_erasure(table: TomlTable) -> OnErasure:
    does = table.one_of("does", ["scrub", "retain"])
    answer = Scrub() if does == "scrub" else Retain(basis=table.text("basis"), until=table.text("until"))
    table.finish()
    return answer
