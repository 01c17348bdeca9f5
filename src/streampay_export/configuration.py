"""
A deployment described in TOML: source, datasets, rules, places, notice.

Every mistake is an `InvalidConfiguration` that names the key and says what would be right.
"""

from __future__ import annotations

import tomllib
import zoneinfo
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from ._core.catalog import Catalog, Constant, Dataset, Direction, Field, FieldType, Omission, Owner
from ._core.notice import NOTICE_PARTS, ProcessingNotice
from ._core.policy import FieldRule, Keep, Mask, MaskKind, Policies, Policy, Pseudonymise, Rule, Withhold
from ._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from .embedded import Places
from .errors import InvalidCatalog, InvalidConfiguration, InvalidPolicy, listed, quoted
from .toml_table import TomlTable

SQLITE = "sqlite:///"
RULES: tuple[str, ...] = ("keep", "withhold", "mask", "pseudonymise")


@frozen(kw_only=True)
class Configuration:
    """
    What a configuration file says, with every default filled in and every path absolute.
    """

    source_url: str
    timezone: str | None
    schema: str | None
    catalog: Catalog
    policies: Policies
    places: Places
    notice: ProcessingNotice
    retention: timedelta


def read_configuration(path: Path) -> Configuration:
    """
    Read a TOML file; relative paths in it are relative to its folder.

    Raises `InvalidConfiguration` for a file that is missing, is no TOML, or has a mistake in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidConfiguration(quoted(str(path)), "no configuration file can be read there") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message holds a position and what was expected, and quotes nothing of the file.
        raise InvalidConfiguration(quoted(path.name), f"this is not valid TOML: {error}") from None
    return configuration_from(values, folder=path.absolute().parent)


def configuration_from(values: Mapping[str, object], *, folder: Path) -> Configuration:
    """
    Read a parsed TOML document; *folder* is what its relative paths are relative to.
    """
    top = TomlTable(values)
    source = top.table("source")
    url = _anchored(source.text("url"), folder)
    zone = _timezone(source)
    schema = source.optional_text("schema")
    source.finish()
    catalog, policies = _history(top, zone)
    places = _places(top, folder)
    retention = _retention(top)
    notice = _notice(top)
    top.finish()
    return Configuration(
        source_url=url,
        timezone=zone,
        schema=schema,
        catalog=catalog,
        policies=policies,
        places=places,
        notice=notice,
        retention=retention,
    )


def _timezone(source: TomlTable) -> str | None:
    name = source.optional_text("timezone")
    if name is not None:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise source.wrong(
                "timezone", "a time zone's IANA name is expected, such as UTC or Europe/Paris"
            ) from None
    return name


def _history(top: TomlTable, zone: str | None) -> tuple[Catalog, Policies]:
    if "datasets" not in top:
        return Catalog(STREAMPAY.datasets, timezone=zone or STREAMPAY.timezone), STREAMPAY_POLICIES
    tables = top.table("datasets")
    if not tables.names():
        raise top.wrong("datasets", "describe at least one dataset, or leave [datasets] out for StreamPay's")
    rules: dict[str, dict[str, dict[str, FieldRule]]] = {"self": {}}
    datasets = [_dataset(tables, name, rules) for name in tables.names()]
    try:
        catalog = Catalog(datasets, timezone=zone)
        policies = Policies.of(*(Policy(profile=profile, rules=each) for profile, each in rules.items()))
        policies.check(catalog)
    except (InvalidCatalog, InvalidPolicy) as error:
        raise InvalidConfiguration("datasets", str(error)) from None
    return catalog, policies


def _dataset(tables: TomlTable, name: str, rules: dict[str, dict[str, dict[str, FieldRule]]]) -> Dataset:
    table = tables.table(name)
    fields = table.table("fields")
    if not fields.names():
        raise table.wrong("fields", f"list at least one field, as [datasets.{name}.fields.NAME]")
    owner = None
    if "owner" in table:
        joined = table.table("owner")
        owner = Owner(
            via=joined.text("via"),
            table=joined.text("table"),
            key=joined.text("key"),
            subject=joined.texts("subject"),
        )
        joined.finish()
    direction = None
    if "direction" in table:
        ways = table.table("direction")
        direction = Direction(out=ways.text("out"), into=ways.text("in"))
        ways.finish()
    omit = None
    if "omit_deleted" in table:
        omitted = table.table("omit_deleted")
        omit = Omission(column=omitted.text("column"), reason=omitted.text("reason"))
        omitted.finish()
    try:
        dataset = Dataset(
            name=name,
            table=table.text("table", name),
            key=table.texts("key"),
            subject=table.texts("subject") if "subject" in table else (),
            owner=owner,
            as_of=table.optional_text("as_of"),
            direction=direction,
            omit=omit,
            description=table.optional_text("description") or "",
            fields=tuple(_field(fields, field, name, rules) for field in fields.names()),
        )
    except InvalidCatalog as error:
        raise tables.wrong(name, error.problem) from None
    table.finish()
    return dataset


def _field(fields: TomlTable, name: str, dataset: str, rules: dict[str, dict[str, dict[str, FieldRule]]]) -> Field:
    table = fields.table(name)
    _rule_into(rules, "self", dataset, name, table)
    profiles = table.table("rules")
    for profile in profiles.names():
        if profile == "self":
            raise profiles.wrong(profile, "the rule of profile self stands in the field itself, as rule and reason")
        entry = profiles.table(profile)
        rules.setdefault(profile, {})
        _rule_into(rules, profile, dataset, name, entry)
        entry.finish()
    kind = table.text("type")
    if kind not in list(FieldType):
        raise table.wrong("type", f"one of {listed(list(FieldType))} is expected")
    try:
        field = Field(
            name=name,
            type=FieldType(kind),
            column=table.optional_text("column") or "",
            asset=_asset(table),
            scale=table.whole_number("scale"),
            unit=table.optional_text("unit"),
            description=table.optional_text("description") or "",
            category=table.optional_text("category") or "",
            origin=_origin(table),
            reveals=table.optional_text("reveals") or "",
        )
    except InvalidCatalog as error:
        raise fields.wrong(name, error.problem) from None
    table.finish()
    return field


def _asset(table: TomlTable) -> str | Constant | None:
    value = table.raw("asset")
    if value is None or (isinstance(value, str) and value):
        return value
    if isinstance(value, dict) and set(value) == {"const"} and isinstance(value["const"], str):
        return Constant(value["const"])
    raise table.wrong("asset", 'a field\'s name, or {const = "XLM"}, is expected')


def _origin(table: TomlTable) -> str | None:
    origin = table.optional_text("origin")
    if origin not in {None, "provided", "observed", "derived"}:
        raise table.wrong("origin", "one of provided, observed, derived is expected")
    return origin


def _rule_into(
    rules: dict[str, dict[str, dict[str, FieldRule]]], profile: str, dataset: str, field: str, table: TomlTable
) -> None:
    if "rule" not in table:
        for key in ("reason", "as", "disclose", "basis"):
            if key in table:
                raise table.wrong(key, f"this belongs to a rule: add rule = one of {listed(RULES)}")
        return
    rule = _rule(table)
    if "reason" not in table:
        raise table.wrong("reason", "every rule needs a reason that a person can read")
    try:
        entry = FieldRule(
            rule=rule,
            reason=table.text("reason"),
            disclose=table.flag("disclose", default=True),
            basis=table.optional_text("basis") or "",
        )
    except InvalidPolicy as error:
        raise table.wrong("disclose", error.problem) from None
    rules[profile].setdefault(dataset, {})[field] = entry


def _rule(table: TomlTable) -> Rule:
    name = table.text("rule")
    kind = table.optional_text("as")
    if kind is not None and name != "mask":
        raise table.wrong("as", 'this belongs to rule = "mask"')
    if kind is not None and kind not in list(MaskKind):
        raise table.wrong("as", f"one of {listed(list(MaskKind))} is expected")
    match name:
        case "keep":
            return Keep()
        case "withhold":
            return Withhold()
        case "mask":
            return Mask(MaskKind(kind or "text"))
        case "pseudonymise":
            return Pseudonymise()
        case "generalise":
            raise table.wrong("rule", "generalise is not available yet; withhold or pseudonymise the field for now")
        case _:
            raise table.wrong("rule", f"one of {listed(RULES)} is expected")


def _places(top: TomlTable, folder: Path) -> Places:
    beside = Places.beside(folder)
    storage, jobs, audit, keys = (top.table(name) for name in ("storage", "jobs", "audit", "keys"))
    if "path" in audit and "url" in audit:
        raise audit.wrong("path", "give either path (a file) or url (a database), not both")
    trail = (
        _anchored(audit.text("url"), folder) if "url" in audit else str(folder / audit.text("path", beside.audit))
    )
    places = Places(
        storage=_anchored(storage.text("url", beside.storage), folder),
        unencrypted=storage.flag("unencrypted", default=False),
        jobs=_anchored(jobs.text("url", beside.jobs), folder),
        audit=trail,
        keys=folder / keys.text("path", str(beside.keys)),
    )
    for table in (storage, jobs, audit, keys):
        table.finish()
    return places


def _retention(top: TomlTable) -> timedelta:
    table = top.table("retention")
    days = table.whole_number("days", 7)
    if days is None or not 1 <= days <= 7:
        raise table.wrong("days", "a whole number from 1 to 7 is expected")
    table.finish()
    return timedelta(days=days)


def _notice(top: TomlTable) -> ProcessingNotice:
    if "notice" not in top:
        raise InvalidConfiguration(
            "notice", f"the section [notice] is required (GDPR Art. 15); its keys: {listed(NOTICE_PARTS)}"
        )
    table = top.table("notice")
    notice = ProcessingNotice(**{part: table.text(part) for part in NOTICE_PARTS})
    table.finish()
    return notice


def _anchored(url: str, folder: Path) -> str:
    """
    Make the relative path of a SQLite or file URL relative to the configuration's folder.
    """
    if url.startswith(SQLITE) and not url.startswith(("sqlite:////", "sqlite:///:memory:", "sqlite:///file:")):
        return f"{SQLITE}{folder / url.removeprefix(SQLITE)}"
    if url.startswith("file://") and not url.startswith("file:///"):
        return f"file://{folder / url.removeprefix('file://')}"
    return url
