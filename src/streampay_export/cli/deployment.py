"""
A configuration file made into a running deployment, and who it is that types.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .._core.catalog import Catalog
from .._core.party import Actor, Capacity
from .._core.step_up import StepUp
from .._core.streampay import STREAMPAY
from ..access import operator_on_this_machine
from ..configuration import Configuration, read_configuration
from ..embedded import Embedded, embedded
from ..errors import SourceMismatch
from ..ports.notify import Notify
from ..sources.sqlalchemy import SqlAlchemySource
from ..telemetry.none import NoTelemetry
from ..telemetry.opentelemetry import OpenTelemetry
from .public_keys import leave_public_key
from .terminal import say

WHOSE_TABLES = (
    "The configuration has no [datasets], so StreamPay's own tables are looked for; describe yours there "
    "(the tutorial, Your own database)"
)


@contextmanager
def deployment(config: Path) -> Iterator[Embedded]:
    """
    Open what *config* describes, with nothing working in the background; leaving closes it.
    """
    configuration = read_configuration(config)
    with source_of(configuration) as source, open_deployment(configuration, source) as opened:
        yield opened


def are_streampays(catalog: Catalog) -> bool:
    """
    Say whether the tables looked for are StreamPay's, as they are where a configuration names none.
    """
    return catalog.datasets == STREAMPAY.datasets


def source_of(configuration: Configuration) -> SqlAlchemySource:
    """
    Open the history database; the caller closes it.
    """
    return SqlAlchemySource(configuration.source_url, timezone=configuration.timezone, schema=configuration.schema)


@contextmanager
def _mail(configuration: Configuration) -> Iterator[Notify | None]:
    mail = configuration.mail
    if mail is None:
        yield None
        return
    from ..notify.smtp import SmtpNotifier
    from ..notify.sql import SqlRecipients
    from ..notify.wording import TemplateWording
    from ..sources.sqlalchemy_engine import open_engine

    notifier = SmtpNotifier(
        mail.host,
        mail.port,
        sender=mail.sender,
        security=mail.security,
        user=mail.user,
        password=mail.password,
    )
    engine = open_engine(configuration.source_url)
    try:
        recipients = SqlRecipients(
            engine,
            table=mail.table,
            subject=mail.subject,
            address=mail.address,
            language=mail.language,
            schema=configuration.schema,
        )
        yield Notify(notifier=notifier, recipients=recipients, wording=TemplateWording())
    finally:
        engine.dispose()


@contextmanager
def open_deployment(configuration: Configuration, source: SqlAlchemySource) -> Iterator[Embedded]:
    """
    Wire a deployment for operators on this machine; says where keys are when it has made them.
    """
    with ExitStack() as stack:
        notify = stack.enter_context(_mail(configuration))
        try:
            wired = embedded(
                configuration.places,
                source=source,
                catalog=configuration.catalog,
                policies=configuration.policies,
                notice=configuration.notice,
                retention=configuration.retention,
                allow_partial=configuration.allow_partial,
                fan_out=configuration.fan_out,
                authorize=operator_on_this_machine,
                step_up=StepUp(erase=None),  # the shell is the login, and cannot say how fresh
                telemetry=OpenTelemetry() if configuration.opentelemetry else NoTelemetry(),
                base_url=configuration.mail.base_url if configuration.mail else None,
                notify=notify,
                threads=0,
            )
        except SourceMismatch as error:
            if not are_streampays(configuration.catalog):
                raise
            raise SourceMismatch(error.dataset, f"{error.problem}. {WHOSE_TABLES}") from None
        opened = stack.enter_context(wired)
        if opened.keys_made:
            keys = configuration.places.keys
            leave_public_key(keys, opened.wiring.manifests.public_keys()[0])
            say(f"new keys were made in {keys}: keep a copy of them apart from database and storage")
        yield opened


def operator() -> Actor:
    """
    Return whoever types, by their name on this machine.
    """
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return Actor(id=name or "command-line", capacity=Capacity.OPERATOR)
