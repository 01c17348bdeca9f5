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

from ._core.catalog import Catalog
from ._core.job import Protection
from ._core.notice import ENGLISH, NOTICE_PARTS, ProcessingNotice
from ._core.policy import Policies, Policy
from ._core.retention import Retention
from ._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from .embedded import Places
from .errors import InvalidCatalog, InvalidConfiguration, InvalidPolicy, listed, quoted, quoted_path
from .toml_datasets import ProfileRules, read_dataset
from .toml_mail import MailSettings, read_mail
from .toml_table import TomlTable

SQLITE = "sqlite:///"
SECTIONS = (
    "source",
    "datasets",
    "storage",
    "jobs",
    "audit",
    "keys",
    "erasure",
    "retention",
    "notice",
    "mail",
    "telemetry",
)
_CENTURY = 36_500
# By key: which period of `Retention` it is, and the most days.
PERIODS = {
    "days": ("exports", 7),
    "jobs_days": ("jobs", _CENTURY),
    "idempotency_days": ("idempotency", _CENTURY),
    "audit_days": ("audit", _CENTURY),
}


@frozen(kw_only=True)
class Configuration:
    """
    What a configuration file says, with every default filled in and every path absolute.
    """

    source_url: str
    timezone: str | None
    schema: str | None
    allow_partial: bool
    fan_out: bool
    catalog: Catalog
    policies: Policies
    places: Places
    notice: ProcessingNotice
    retention: Retention
    opentelemetry: bool = False
    mail: MailSettings | None = None


def read_configuration(path: Path) -> Configuration:
    """
    Read a TOML file; relative paths in it are relative to its folder.

    Raises `InvalidConfiguration` for a file that is missing, is no TOML, or has a mistake in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidConfiguration(quoted_path(path), "no configuration file can be read there") from None
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
    # A section that is spelled wrongly is not there: it is named before what it lacks.
    top.only(SECTIONS)
    source = top.table("source")
    url = _anchored(source.text("url"), folder)
    zone = _timezone(source)
    schema = source.optional_text("schema")
    allow_partial = source.flag("allow_partial", default=False)
    fan_out = source.flag("fan_out", default=False)
    source.finish()
    catalog, policies = _history(top, zone)
    places = _places(top, folder)
    retention = _retention(top)
    notice = _notice(top)
    mail = read_mail(top, folder)
    telemetry = top.table("telemetry")
    opentelemetry = telemetry.flag("opentelemetry", default=False)
    telemetry.finish()
    return Configuration(
        source_url=url,
        timezone=zone,
        schema=schema,
        allow_partial=allow_partial,
        fan_out=fan_out,
        catalog=catalog,
        policies=policies,
        places=places,
        notice=notice,
        retention=retention,
        mail=mail,
        opentelemetry=opentelemetry,
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
    rules: ProfileRules = {"self": {}}
    datasets = [read_dataset(tables, name, rules) for name in tables.names()]
    try:
        catalog = Catalog(datasets, timezone=zone)
        policies = Policies.of(*(Policy(profile=profile, rules=each) for profile, each in rules.items()))
        policies.check(catalog)
    except (InvalidCatalog, InvalidPolicy) as error:
        raise InvalidConfiguration("datasets", str(error)) from None
    return catalog, policies


def _places(top: TomlTable, folder: Path) -> Places:
    beside = Places.beside(folder)
    storage, jobs, audit, keys, erasure = (
        top.table(name) for name in ("storage", "jobs", "audit", "keys", "erasure")
    )
    if "path" in audit and "url" in audit:
        raise audit.wrong("path", "give either path (a file) or url (a database), not both")
    trail = (
        _anchored(audit.text("url"), folder) if "url" in audit else str(folder / audit.text("path", beside.audit))
    )
    if "unencrypted" in storage.names():
        raise storage.wrong(
            "unencrypted",
            "artifacts are always encrypted, by us or by the store: see storage.protection; remove this line",
        )
    protection = storage.text("protection", Protection.LIBRARY)
    if protection not in set(Protection):
        raise storage.wrong("protection", "write library (the default), or store where it is to encrypt by itself")
    places = Places(
        storage=_anchored(storage.text("url", beside.storage), folder),
        jobs=_anchored(jobs.text("url", beside.jobs), folder),
        audit=trail,
        keys=folder / keys.text("path", str(beside.keys)),
        protection=Protection(protection),
        checkpoints=folder / audit.text("checkpoints", str(beside.checkpoints)),
        tombstones=folder / erasure.text("log", str(beside.tombstones)),
    )
    for table in (storage, jobs, audit, keys, erasure):
        table.finish()
    return places


def _retention(top: TomlTable) -> Retention:
    table = top.table("retention")
    periods: dict[str, timedelta] = {}
    for key, (period, most) in PERIODS.items():
        days = table.whole_number(key)
        if days is not None and not 1 <= days <= most:
            raise table.wrong(key, f"a whole number from 1 to {most} is expected")
        if days is not None:
            periods[period] = timedelta(days=days)
    table.finish()
    return Retention(**periods)


def _notice(top: TomlTable) -> ProcessingNotice:
    if "notice" not in top:
        raise InvalidConfiguration(
            "notice", f"the section [notice] is required (GDPR Art. 15); its keys: {listed(NOTICE_PARTS)}"
        )
    table = top.table("notice")
    headings = table.table("headings")
    given = {part: table.raw(part) for part in NOTICE_PARTS}
    language = table.text("language", ENGLISH)
    table.finish()
    titles = {part: headings.text(part) for part in headings.names()}
    # What is missing is named by the notice itself: all of it at once.
    return ProcessingNotice(**given, language=language, headings=titles)


def _anchored(url: str, folder: Path) -> str:
    """
    Make the relative path of a SQLite or file URL relative to the configuration's folder.
    """
    if url.startswith(SQLITE) and not url.startswith(("sqlite:////", "sqlite:///:memory:", "sqlite:///file:")):
        return f"{SQLITE}{folder / url.removeprefix(SQLITE)}"
    if url.startswith("file://") and not url.startswith("file:///"):
        return f"file://{folder / url.removeprefix('file://')}"
    return url
