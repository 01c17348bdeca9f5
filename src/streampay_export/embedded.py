"""
The default wiring: SQLite, local disk and threads of this process, in one call.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import Factory, field, frozen

from ._core.catalog import Catalog
from ._core.job import Protection
from ._core.notice import ProcessingNotice, require_notice
from ._core.policy import Policies
from ._core.retention import Retention
from ._core.step_up import StepUp
from .access import owner_only
from .audit.checkpoints import Checkpoints, FileCheckpoints
from .audit.jsonl import JsonLinesAudit
from .audit.sql import SqlAudit
from .dispatch.threads import ThreadDispatcher
from .errors import StorageUnavailable
from .identity import make_id, random_bytes
from .jobs.sql import SqlJobStore
from .keys.local import LocalKeys
from .keys.ring import KeyRing
from .keys.sealing import JobSealer
from .links.app import AppLinks
from .ports.authorize import Authorizer
from .ports.dispatch import Dispatcher
from .ports.erasure import Eraser, LaterRequest
from .ports.links import CloudUrls
from .ports.notify import Notify
from .ports.source import HistorySource
from .ports.telemetry import Telemetry
from .ports.writer import Writer
from .service import ExportService
from .storage.fsspec import FsspecStorage
from .sweeper import Sweeper
from .telemetry.none import NoTelemetry
from .tombstones.jsonl import FileTombstones
from .wiring import Wiring
from .worker import Worker
from .writers.csv import CsvWriter
from .writers.json import JsonWriter
from .writers.ndjson import NdjsonWriter
from .writers.report import HtmlReport


def default_writers() -> Mapping[str, Writer]:
    """
    Return the writers of the formats every deployment has, in canonical order.
    """
    return {writer.format: writer for writer in (CsvWriter(), NdjsonWriter(), JsonWriter())}


def _tombstones_beside_keys(places: Places) -> Path:
    return places.keys.with_name("tombstones.jsonl")


@frozen(kw_only=True)
class Places:
    """
    Where a deployment keeps what it keeps. `Places.beside(folder)` is the default of each.

    With *protection* `store` encryption at rest is left to the storage. *checkpoints* of the audit trail
    are beside the keys' folder unless said otherwise: there they prove little, as whoever can rewrite the
    trail can rewrite them too. *tombstones*, the log of who was erased, is beside the keys' folder too; let
    no backup of the database bring an older one back.
    """

    storage: str
    jobs: str
    audit: str
    keys: Path
    protection: Protection = field(default=Protection.LIBRARY, converter=Protection)
    checkpoints: Path = field()
    tombstones: Path = field(default=Factory(_tombstones_beside_keys, takes_self=True))

    @checkpoints.default
    def _beside_keys(self) -> Path:
        return self.keys.with_name("audit-checkpoints.jsonl")

    @classmethod
    def beside(cls, folder: Path) -> Places:
        """
        Return the defaults: `exports/`, `exports.db`, `audit.jsonl`, `audit-checkpoints.jsonl`,
        `tombstones.jsonl` and `keys/`.
        """
        folder = folder.absolute()
        return cls(
            storage=(folder / "exports").as_uri(),
            jobs=f"sqlite:///{folder / 'exports.db'}",
            audit=str(folder / "audit.jsonl"),
            keys=folder / "keys",
        )


@frozen(kw_only=True)
class Embedded:
    """
    A whole deployment in one process. `start` begins sweeping; `close` ends threads and connections.

    Closes everything but *source*, which is the caller's.
    """

    service: ExportService
    worker: Worker
    sweeper: Sweeper
    wiring: Wiring
    keys_made: bool
    _closing: tuple[Callable[[], object], ...] = field(repr=False)
    _threads: list[threading.Thread] = field(factory=list, repr=False)

    def start(self) -> Embedded:
        """
        Sweep every ten seconds in a background thread, which also takes up jobs left by a dead process.
        """
        thread = threading.Thread(target=self.sweeper.run, name="streampay-export-sweeper", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self

    def close(self) -> None:
        """
        Stop at the next page, hand back what is at hand, and close. May be called twice.
        """
        self.worker.stop.set()
        self.sweeper.stop.set()
        for thread in self._threads:
            thread.join()
        for close in self._closing:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def embedded(
    places: Places,
    *,
    source: HistorySource,
    catalog: Catalog,
    policies: Policies,
    notice: ProcessingNotice,
    authorize: Authorizer = owner_only,
    eraser: Eraser | None = None,
    after_erasure: LaterRequest | None = None,
    base_url: str | None = None,
    ed25519_tickets: bool = False,
    retention: Retention = Retention(),  # noqa: B008  # a value, and a frozen one
    allow_partial: bool = False,
    fan_out: bool = False,
    step_up: StepUp = StepUp(),  # noqa: B008  # a value, and a frozen one
    cooling_off: timedelta | None = None,
    request_cooldown: timedelta | None = None,
    telemetry: Telemetry = NoTelemetry(),  # noqa: B008  # it keeps nothing
    threads: int = 1,
    dispatcher: Dispatcher | None = None,
    stage_folder: Path | None = None,
    cloud_urls: CloudUrls | None = None,
    notify: Notify | None = None,
) -> Embedded:
    """
    Wire a deployment that needs nothing but a folder.

    Keys are made on first use, when neither keys, jobs nor tombstones exist yet (`keys_made` says so); any other
    start without them raises `KeysMissing`. With *threads* = 0, or a *dispatcher* of the caller's, nothing
    works in this process: other processes do. Tickets are signed with HMAC-SHA256, or with Ed25519 if
    *ed25519_tickets*: then whoever has the public key alone can check them.

    Raises `SetupError` for what is inconsistent, or a storage that keeps what is deleted, and
    `SourceMismatch` when the database does not have what the catalog says.
    """
    require_notice(notice)
    source.check(catalog)
    storage = FsspecStorage(places.storage, protection=places.protection)
    with contextlib.suppress(StorageUnavailable):  # asked again before anything is put there
        storage.check()
    now = datetime.now(UTC)
    jobs = SqlJobStore(places.jobs, make_folder=True)
    jobs.create_tables()
    keys_made = not (places.keys.exists() or jobs.has_jobs() or places.tombstones.exists())
    keys = LocalKeys.load_or_init(places.keys, created_at=now, first_use=keys_made)
    audit = open_trail(places, keys, make=True)
    bell = ThreadDispatcher(lambda *ring: worker.work(*ring), threads=threads)  # noqa: PLW0108  # the worker is made below
    wiring = Wiring(
        catalog=catalog,
        policies=policies,
        notice=notice,
        source=source,
        jobs=jobs,
        outbox=jobs,
        storage=storage,
        audit=audit,
        tombstones=FileTombstones(places.tombstones, keys.tombstones),
        keys=keys.provider,
        versions=keys.versions,
        tagger=keys.tagger,
        sealer=JobSealer,
        tickets=keys.ed25519_tickets if ed25519_tickets else keys.tickets,
        cursors=keys.cursors,
        manifests=keys.manifests,
        links=AppLinks(base_url),
        authorize=authorize,
        dispatcher=bell if dispatcher is None else dispatcher,
        writers=default_writers(),
        report=HtmlReport(),
        make_id=make_id,
        randomness=random_bytes,
        clock=lambda: datetime.now(UTC),
        retention=retention,
        allow_partial=allow_partial,
        fan_out=fan_out,
        step_up=step_up,
        cooling_off=cooling_off,
        request_cooldown=request_cooldown,
        stage_folder=stage_folder,
        telemetry=telemetry,
        trail=audit,
        checkpoint=audit.checkpoint,
        cloud_urls=cloud_urls,
        eraser=eraser,
        after_erasure=after_erasure,
        notify=notify,
    )
    worker = Worker(wiring)
    return Embedded(
        service=ExportService(wiring),
        worker=worker,
        sweeper=Sweeper(wiring),
        wiring=wiring,
        keys_made=keys_made,
        closing=(bell.close, jobs.close, audit.close),
    )


def open_trail(places: Places, keys: KeyRing, *, make: bool = False) -> SqlAudit | JsonLinesAudit:
    """
    Open the audit trail, and with *make* make tables that are missing; the caller closes it.
    """
    checkpoints = open_checkpoints(places, keys)
    if "://" in places.audit:
        audit = SqlAudit(places.audit, chain=keys.chain, checkpoints=checkpoints, make_folder=True)
        if make:
            audit.create_tables()
        return audit
    return JsonLinesAudit(Path(places.audit), chain=keys.chain, checkpoints=checkpoints)


def open_checkpoints(places: Places, keys: KeyRing) -> Checkpoints:
    """
    Return what signs and reads the trail's checkpoints.
    """
    return Checkpoints(FileCheckpoints(places.checkpoints), keys.checkpoints, lambda: datetime.now(UTC))
