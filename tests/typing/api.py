"""
Uses the public API as an application would; type-checked, never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from streampay_export import (
    STREAMPAY,
    STREAMPAY_POLICIES,
    Access,
    Actor,
    BackendError,
    CallerError,
    Catalog,
    Dataset,
    Download,
    Export,
    ExportService,
    Field,
    FieldRule,
    FieldType,
    Keep,
    Link,
    Policies,
    Policy,
    ProcessingNotice,
    Requested,
    Subject,
    Window,
)
from streampay_export.drift import check_drift
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.ports.inspection import SchemaInspector
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.testing.drift import assert_no_drift

notice = ProcessingNotice(
    controller="c",
    contact="c",
    purposes="p",
    recipients="r",
    retention="r",
    rights="r",
    complaint="c",
    source="s",
    automated_decisions="a",
    transfers="t",
)

orders = Dataset(
    name="orders",
    table="orders",
    key=("id",),
    subject=("buyer",),
    fields=(Field(name="id", type=FieldType.INTEGER), Field(name="paid", type=FieldType.DECIMAL)),
)
catalog = Catalog((orders,), timezone="UTC")
policies = Policies.of(
    Policy(profile="self", rules={"orders": {"id": FieldRule(rule=Keep(), reason="Your own order")}})
)


def only_on_weekdays(access: Access) -> bool:
    """An authoriser is any function."""
    return access.owns and datetime.now(UTC).weekday() < 5


def deployment(folder: Path) -> Embedded:
    """Wire a deployment."""
    source = SqlAlchemySource("sqlite:///shop.db", timezone="UTC")
    embedded(
        Places.beside(folder),
        source=source,
        catalog=catalog,
        policies=policies,
        notice=notice,
        authorize=only_on_weekdays,
    ).close()
    return embedded(
        Places.beside(folder), source=source, catalog=STREAMPAY, policies=STREAMPAY_POLICIES, notice=notice
    ).start()


def drifted(source: SqlAlchemySource) -> list[str]:
    """Hold the database against the catalog."""
    inspector: SchemaInspector = source
    assert_no_drift(inspector, catalog, policies)
    drift = check_drift(inspector, catalog)
    return [f"{each.table}.{each.column}: {each.problem}" for each in drift.findings]


def hand_over(service: ExportService, user: str) -> Iterator[bytes]:
    """Ask, wait, download."""
    actor, subject = Actor(id=user), Subject(user, ("GWALLET",))
    asked: Requested = service.request(
        actor, subject, formats=["csv"], window=Window(start=datetime(2025, 1, 1, tzinfo=UTC)), idempotency_key="k"
    )
    export: Export = service.status(actor, asked.export.id)
    try:
        link: Link = service.link(actor, export.id)
        download: Download = service.open(actor, export.id, link.url.partition("ticket=")[2])
    except CallerError as error:
        raise SystemExit(error.slug) from None
    except BackendError as error:
        return iter((error.slug.encode(),) if error.retry else ())
    return download.read(0, download.size)
