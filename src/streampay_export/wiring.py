"""
Everything that varies, plugged in once: service, worker and sweeper are made from one `Wiring`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from attrs import field, frozen

from ._core.catalog import Catalog
from ._core.deadline import CalendarMonths
from ._core.job import Protection
from ._core.notice import ProcessingNotice, require_notice
from ._core.pager import PART_ROWS
from ._core.policy import Policies
from ._core.retention import LONGEST, Retention
from ._core.step_up import StepUp
from .errors import InvalidConfiguration
from .lease import Renewals
from .ports.audit import AuditReader, AuditSink
from .ports.authorize import Authorizer
from .ports.clock import Clock
from .ports.deadline import DeadlineRule
from .ports.dispatch import Dispatcher
from .ports.erasure import Eraser, LaterRequest, TombstoneLog
from .ports.identity import MakeId, Randomness
from .ports.jobs import JobStore
from .ports.keys import KeyProvider, KeyVersions, Sealer, Tagger
from .ports.links import CloudUrls, Links
from .ports.notify import Notify
from .ports.outbox import Outbox
from .ports.report import Report
from .ports.signing import ManifestSigner, TicketSigner
from .ports.source import HistorySource
from .ports.storage import Storage
from .ports.telemetry import Telemetry
from .ports.writer import Writer
from .telemetry.none import NoTelemetry

# Long enough to click, too short to be worth stealing from a log.
LINK_LIFE = timedelta(minutes=5)
# A slow line fetches 4 GiB in an hour at 10 Mbit/s, and a broken transfer is taken up again within it.
SESSION_LIFE = timedelta(minutes=60)
# Whoever has such a link has the history (OWASP ASVS 14.2.1): a day is the most.
BEARER_LIFE = timedelta(hours=24)


@frozen(kw_only=True)
class Wiring:
    """
    The ports and settings of one deployment. Whoever made a port closes it; nothing here does.

    *retention* says how long what is kept is kept.
    *realm* names this deployment inside tickets: a ticket of another realm is not valid here.
    With *fan_out* the parts of a long dataset are read by every worker that is free; it takes several to be of use.
    *part_rows* are the rows of a part, the unit of going on after a crash: tests make it small, deployments
    leave it, as a manifest's bytes depend on it. *stage_folder* holds work in progress (unnamed files);
    `None` is the system's temporary folder.
    With *allow_partial* a dataset that cannot be read makes an export partial, and said to be, instead of failing
    it. *deadline* says when the law wants an answer (GDPR Art. 12(3), unless another law applies). *trail* reads
    the audit trail back, where it can be; *checkpoint* signs how far it goes, and is called at every sweep.
    With *bearer_life* there may be open links that need nobody signed in, and live so long, at most 24 hours.
    *step_up* says for what a sign-in must be how fresh; with *cooling_off* nobody gets a copy of their own until
    so long after their e-mail address or a wallet changed. Within *request_cooldown* of a request that was
    answered the same request gets that copy, and another has to wait.
    *versions* are those of the key behind *keys*: `None` where a key management service looks after them.
    *telemetry* is told what operators watch; by default nobody is.
    *cloud_urls* sends people to the storage itself, which must then encrypt by itself; `None` is never.
    *tombstones* says who was erased, wherever the database was restored to; *eraser* erases them from the
    application's own data, which without it is left as it is; a later request is refused, with the
    reason, unless *after_erasure* answers otherwise. With *notify* people are told what becomes of their
    requests; without it nobody is told anything. *renewals* are of the leases that this process's workers hold.
    """

    catalog: Catalog
    policies: Policies
    notice: ProcessingNotice
    source: HistorySource
    jobs: JobStore
    outbox: Outbox
    storage: Storage
    audit: AuditSink
    tombstones: TombstoneLog
    keys: KeyProvider
    tagger: Tagger
    sealer: Callable[[bytes], Sealer]
    tickets: TicketSigner
    cursors: TicketSigner
    manifests: ManifestSigner
    links: Links
    authorize: Authorizer
    dispatcher: Dispatcher
    writers: Mapping[str, Writer]
    report: Report
    make_id: MakeId
    randomness: Randomness
    clock: Clock
    realm: str = "default"
    retention: Retention = field(factory=Retention)
    link_life: timedelta = LINK_LIFE
    session_life: timedelta = SESSION_LIFE
    bearer_life: timedelta | None = None
    lease: timedelta = timedelta(seconds=60)
    renew_every: timedelta = timedelta(seconds=20)
    max_attempts: int = 5
    part_rows: int = PART_ROWS
    fan_out: bool = False
    allow_partial: bool = False
    step_up: StepUp = field(factory=StepUp)
    cooling_off: timedelta | None = None
    request_cooldown: timedelta | None = None
    stage_folder: Path | None = None
    deadline: DeadlineRule = field(factory=CalendarMonths)
    trail: AuditReader | None = None
    checkpoint: Callable[[], object] = field(default=lambda: None)
    versions: KeyVersions | None = None
    cloud_urls: CloudUrls | None = None
    eraser: Eraser | None = None
    after_erasure: LaterRequest | None = None
    telemetry: Telemetry = field(factory=NoTelemetry)
    notify: Notify | None = None
    renewals: Renewals = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        require_notice(self.notice)
        self.policies.check(self.catalog)
        if self.cooling_off is not None and not timedelta(0) < self.cooling_off <= timedelta(days=14):
            raise InvalidConfiguration(
                "cooling_off", "a wait is longer than 0 and at most 14 days, so that a month holds"
            )
        if self.request_cooldown is not None and not timedelta(0) < self.request_cooldown <= timedelta(days=1):
            raise InvalidConfiguration("request_cooldown", "a cooldown is longer than 0 and at most a day")
        _check_lives(self)
        if self.renew_every * 2 > self.lease:
            raise InvalidConfiguration("lease", "a lease is at least twice as long as the interval of its renewal")
        object.__setattr__(self, "renewals", Renewals(self.renew_every))
        if self.cloud_urls is not None and self.storage.protection is not Protection.STORE:
            raise InvalidConfiguration(
                "storage.protection",
                "what this library encrypts only it can hand out; write store, or leave cloud URLs out",
            )
        for format_, writer in self.writers.items():
            if writer.format != format_:
                raise InvalidConfiguration("writers", f"the writer under '{format_}' writes {writer.format}")


def _check_lives(wiring: Wiring) -> None:
    for name, life in (("link_life", wiring.link_life), ("session_life", wiring.session_life)):
        if not timedelta(seconds=1) <= life <= LONGEST:
            raise InvalidConfiguration(name, "a link or session lasts from one second to 7 days")
    if wiring.bearer_life is not None and not timedelta(seconds=1) <= wiring.bearer_life <= BEARER_LIFE:
        raise InvalidConfiguration("bearer_life", "a link that needs nobody signed in lasts at most 24 hours")
