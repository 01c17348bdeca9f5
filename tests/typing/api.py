"""
Uses the public API as an application would; type-checked, never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from streampay_export import (
    STREAMPAY,
    STREAMPAY_POLICIES,
    Access,
    Actor,
    AfterErasure,
    Allowed,
    BackendError,
    Band,
    ByRow,
    CalendarMonths,
    CallerError,
    Catalog,
    Custom,
    Dataset,
    DatasetErasure,
    DeadlineRule,
    Dispatcher,
    Download,
    Eraser,
    ErasureOrder,
    ErasureReceipt,
    Export,
    ExportService,
    Field,
    FieldRule,
    FieldType,
    Generalise,
    Invariant,
    Keep,
    LaterRequest,
    LegalBasis,
    Link,
    Mask,
    MaskKind,
    Notifier,
    Notify,
    Occasion,
    OnErasure,
    Opened,
    Period,
    Policies,
    Policy,
    PolicyDocument,
    ProcessingNotice,
    Pseudonymise,
    Recipient,
    Recipients,
    Requested,
    Retain,
    Rule,
    Scrub,
    StepUp,
    Subject,
    SubjectIn,
    Telemetry,
    Tombstone,
    TombstoneLog,
    ValueIn,
    Window,
    Wiring,
    Withhold,
    band,
    by_row,
    generalise,
    keep,
    mask,
    policy_document,
    policy_markdown,
    pseudonymise,
    retained_policy,
    ruled,
    withhold,
)
from streampay_export.dispatch.breaker import CircuitBreaker
from streampay_export.dispatch.processes import ProcessDispatcher
from streampay_export.dispatch.worker_line import WorkerLine
from streampay_export.drift import check_drift
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.links.cloud import NEVER
from streampay_export.links.fsspec import FsspecUrls
from streampay_export.links.s3 import S3Credentials, S3Urls
from streampay_export.notify.smtp import SmtpNotifier
from streampay_export.notify.sql import SqlRecipients
from streampay_export.notify.wording import TemplateWording, Text
from streampay_export.ports.inspection import SchemaInspector
from streampay_export.ports.links import CloudUrl, CloudUrls
from streampay_export.ports.storage import Storage
from streampay_export.ports.telemetry import Fact, Measure, Span
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.telemetry.none import NoTelemetry
from streampay_export.telemetry.opentelemetry import OpenTelemetry
from streampay_export.testing.drift import assert_no_drift
from streampay_export.writers.policy import HtmlPolicy

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
named = ProcessingNotice(
    controller="c",
    contact="c",
    purposes="p",
    recipients=["a bank", "a printer"],
    retention="r",
    rights="r",
    complaint="c",
    source="s",
    automated_decisions="a",
    transfers="t",
    language="pt-BR",
    headings={"rights": "Seus direitos"},
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


def last_four(text: str) -> str:
    """A rule of one's own is any function from a text to a text."""
    return text if text.startswith("...") else f"...{text[-4:]}"


class Nothing:
    """A rule may also be an object, and answer with NULL."""

    def __call__(self, text: str, /) -> str | None:
        """Say nothing of the text."""


own: Rule = last_four
kept_for_tax: OnErasure = Retain(basis="Tax act, section 147", until="ten years after the year of payment")
sales = Dataset(
    name="sales",
    table="sale",
    key=["id"],
    subject=["buyer"],
    state="state",
    highlights=["state"],
    ignored={"search_text": "Derived from the others"},
    invariants=[Invariant(name="sum", left=["paid", "fee"], right=["total"])],
    fields=[
        Field(name="id", type="integer", legal_basis=LegalBasis.CONTRACT, on_erasure=Scrub()),
        Field(name="state", type="text"),
        *(Field(name=name, type="decimal", on_erasure=kept_for_tax) for name in ("paid", "fee", "total")),
    ],
)
entries = {
    "card": FieldRule(rule=Custom("last_four", own), reason="Enough to recognise it"),
    "session": FieldRule(rule=Custom("nothing", Nothing()), reason="Nobody needs it"),
    "memo": FieldRule(
        rule=ByRow(when=SubjectIn(column="author"), then=Keep(), otherwise=Mask(MaskKind.TEXT)), reason="Yours"
    ),
    "name": FieldRule(
        rule=ByRow(when=ValueIn(column="way", values=["out"]), then=Pseudonymise(), otherwise=Withhold()),
        reason="Yours",
    ),
    "age": FieldRule(rule=Band([18, "65"]), reason="Enough for the statistics"),
    "at": FieldRule(rule=Generalise(Period.DAY), reason="Enough for the statistics"),
}
groups = Policy(
    profile="support",
    rules={
        "sales": [
            entries,
            keep("Needed", "id"),
            withhold("Not needed", "fee"),
            mask("email", "Enough to recognise it", "mail"),
            pseudonymise("Tells people apart", "buyer"),
            generalise("month", "Enough for the statistics", "paid_at"),
            band([10, 100], "Enough for a question", "paid"),
            by_row("Yours", "note", when=SubjectIn(column="author"), then=Keep(), otherwise=Withhold()),
            ruled(Custom("last_four", own), "Enough to recognise it", "iban"),
        ]
    },
)


def only_on_weekdays(access: Access) -> bool:
    """An authoriser is any function."""
    return access.owns and datetime.now(UTC).weekday() < 5


def for_lawyers(access: Access) -> Allowed | bool:
    """It may say on which grounds."""
    if access.actor.id == "lawyer" and access.about("client"):
        return Allowed(
            relation="lawyer", basis="mandate", evidence="case 1", until=datetime(2026, 2, 1, tzinfo=UTC)
        )
    return only_on_weekdays(access)


def deployment(folder: Path) -> Embedded:
    """Wire a deployment."""
    source = SqlAlchemySource("sqlite:///shop.db", timezone="UTC")
    embedded(
        Places.beside(folder),
        source=source,
        catalog=catalog,
        policies=policies,
        notice=notice,
        authorize=for_lawyers,
        step_up=StepUp(request=timedelta(minutes=5), erase=None),
        cooling_off=timedelta(days=3),
        request_cooldown=timedelta(hours=1),
    ).close()
    return embedded(
        Places.beside(folder), source=source, catalog=STREAMPAY, policies=STREAMPAY_POLICIES, notice=notice
    ).start()


def letters(engine: Engine) -> Notify:
    """Tell people by mail, wherever a table says they are."""
    sender = Recipient("privacy@shop.example", "Shop")
    server: Notifier = SmtpNotifier("smtp.shop.example", sender=sender, user="shop", password="made up")
    book: Recipients = SqlRecipients(engine, table="account", subject=["wallet"], address="email")
    words = {"de": {each: Text(f"Titel {each}", "{{ reason }}") for each in Occasion}}
    return Notify(notifier=server, recipients=book, wording=TemplateWording(words))


def by_processes(folder: Path, source: SqlAlchemySource) -> Dispatcher:
    """Let processes of this machine work, and be one of them."""
    bell: Dispatcher = ProcessDispatcher(["shop-worker"], processes=2)
    line = WorkerLine()
    with embedded(
        Places.beside(folder),
        source=source,
        catalog=STREAMPAY,
        policies=STREAMPAY_POLICIES,
        notice=notice,
        dispatcher=line,
    ) as exports:
        line.answer(exports.worker.work, exports.worker.stop)
    return CircuitBreaker(bell.ring, bell="the processes")


def drifted(source: SqlAlchemySource) -> list[str]:
    """Hold the database against the catalog."""
    inspector: SchemaInspector = source
    assert_no_drift(inspector, catalog, policies)
    drift = check_drift(inspector, catalog)
    return [f"{each.table}.{each.column}: {each.problem}" for each in drift.findings]


class Days:
    """A deadline rule is any two methods."""

    def due(self, received_at: datetime) -> datetime:
        """Count 45 days."""
        return received_at + timedelta(days=45)

    def extended(self, received_at: datetime) -> datetime:
        """Count 45 more."""
        return received_at + timedelta(days=90)


def handle(service: ExportService, wiring: Wiring) -> tuple[DeadlineRule, DeadlineRule]:
    """Staff put off, pause, resume and refuse."""
    staff = Actor(id="s", capacity="operator")
    export = service.request(staff, Subject("u"), received_at=datetime(2026, 1, 1, tzinfo=UTC), tell=False).export
    put_off: Export = service.extend(staff, export.id, "There is much of it.")
    service.pause(staff, export.id)
    resumed: Export = service.resume(staff, put_off.id)
    refused: Export = service.refuse(staff, resumed.id, "It is the ninth.", "You may complain.")
    return (wiring.deadline, Days()) if refused.overdue else (CalendarMonths(answer=2), Days())


def publish(service: ExportService) -> tuple[str, bytes]:
    """The policy is a document, in words or as a page."""
    document: PolicyDocument = service.policy_document(["self"])
    everything: PolicyDocument = policy_document(catalog, policies, internal=True)
    return policy_markdown(everything), HtmlPolicy()(document)


def mail(service: ExportService, staff: Actor) -> int:
    """Mail a link, show its page, begin, and take everything back."""
    link: Link = service.open_link(Actor(id="u"), "j", limit=3)
    opened: Opened = service.look(Actor(id="u"), "j", link.url)
    begun: Link = service.begin(Actor(id="u"), opened.export.id, link.url)
    service.revoke_export(staff, "j", "why")
    service.revoke_subject(staff, Subject("u"), "why")
    return service.revoke_link(staff, "j", begun.id, "why") + service.revoke_all(staff, "why")


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


def cloud(now: datetime, download: Download) -> tuple[Places, CloudUrls, str]:
    """A store that encrypts by itself hands out by itself."""
    places = Places(
        storage="s3://b/live",
        jobs="sqlite://",
        audit="a",
        keys=Path("k"),
        checkpoints=Path("c"),
        protection="store",
    )
    storage: Storage = FsspecStorage(places.storage, protection="store", call_timeout=5)
    storage.check()
    credentials = S3Credentials(access_key="k", secret_key="s", session_token="t", expires_at=now)
    urls: CloudUrls = S3Urls(places.storage, region="eu-west-1", credentials=lambda: credentials)
    minted: CloudUrl | None = download.hand_over()
    return places, urls if minted else FsspecUrls("gs://b", credentials_expire=NEVER), minted.url if minted else ""


def erase_everywhere(order: ErasureOrder) -> None:
    """An eraser is a function."""
    for each in order.datasets:
        dataset: DatasetErasure = each
        print(dataset.dataset.table, [field.column for field in dataset.scrub], order.subject.names, order.at)


def back_or_not(subject: Subject, tombstone: Tombstone) -> AfterErasure:
    """The answer to a later request is one too."""
    return AfterErasure.RETURNED if tombstone.at.year < 2020 and subject.id else AfterErasure.RETAINED


def erase(service: ExportService, log: TombstoneLog) -> tuple[Eraser, LaterRequest, ErasureReceipt]:
    """Staff erase a person, and start a restored backup again."""
    staff = Actor(id="s", capacity="operator", authenticated_at=datetime(2026, 1, 1, tzinfo=UTC))
    receipt = service.erase(staff, Subject("u", ("GWALLET",)), basis="GDPR Art. 17(1)(b)")
    print(service.replay_erasures(staff).exports, len(log.read()), [each.basis for each in receipt.retained])
    print(retained_policy(catalog, policies.profile("self")).profile)
    return erase_everywhere, back_or_not, receipt


class OnlyCounts(NoTelemetry):
    """Telemetry of one's own has three methods."""

    def count(self, measure: Measure, amount: int = 1, /, **facts: Fact) -> None:
        """Print what is counted."""
        print(measure.title, amount, facts)


def watchers() -> Iterator[Telemetry]:
    """Watch, count, or do neither."""
    yield OpenTelemetry()
    yield OnlyCounts()
    with NoTelemetry().span(Span.SWEEP, tenant="default") as span:
        span.add(rows=1)
