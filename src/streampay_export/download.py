"""
A download that has been authorised: its bytes, whole or in ranges, and what became of it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, timedelta

from attrs import field, frozen

from ._core.job import Artifact, Protection
from ._core.party import Actor
from ._core.trail import Event
from .artifact import ArtifactFile
from .errors import ExportError, ExportGone
from .ports.jobs import LinkUse
from .ports.links import CloudUrl
from .ports.telemetry import Measure, Span
from .recording import Recorder
from .wiring import Wiring

# Revoking, deleting or erasing is felt by a running transfer within this time.
RECHECK_EVERY = timedelta(seconds=3)


@frozen(kw_only=True)
class Download:
    """
    The bytes of one bundle for one person. Reading it is recorded; `read` may be called for each range.
    """

    job_id: str
    artifact: Artifact
    file: ArtifactFile = field(repr=False)
    completed_at: datetime
    link_id: str = field(repr=False)
    actor: Actor
    owner_tag: str = field(repr=False)
    wiring: Wiring = field(repr=False)
    recorder: Recorder = field(repr=False)

    @property
    def size(self) -> int:
        """
        Size of the whole bundle in bytes.
        """
        return self.artifact.size

    @property
    def sha256(self) -> str:
        """
        SHA-256 (hex) of the whole bundle.
        """
        return self.artifact.sha256

    @property
    def file_name(self) -> str:
        """
        The name to save it under: plain ASCII, nothing of a person in it.
        """
        return f"streampay-export-{self.job_id}.zip"

    def hand_over(self) -> CloudUrl | None:
        """
        Mint a URL at which the store itself hands the bundle out, where that was chosen, else `None`.

        From then on nothing can be taken back before the URL ends, counted, or recorded. Raises
        `ExportGone`, and `StorageUnavailable` when nothing can be signed with.
        """
        w = self.wiring
        if w.cloud_urls is None or self.artifact.protection is not Protection.STORE:
            return None
        until = self._require_still_allowed().begun_at + w.session_life
        job = w.jobs.get(self.actor.tenant, self.job_id)
        if job is None or job.expires_at is None:
            raise ExportGone(state="no longer available")
        # The store goes by its own clock and the signer by this host's: the later one is the careful one.
        now = max(w.jobs.now(), w.clock())
        return w.cloud_urls.mint(
            self.artifact.key, file_name=self.file_name, until=min(until, job.expires_at), now=now
        )

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end); close the iterator when the person goes away.

        No byte comes that was not checked. Raises `ExportGone` within seconds of a revocation,
        `StorageUnavailable` when the store breaks off, `ObjectAltered` when it holds something else.
        """
        telemetry, tenant = self.wiring.telemetry, self.actor.tenant
        sent = 0
        chunks = self._chunks(start, self.size if end is None else end)
        with telemetry.span(Span.DOWNLOAD, tenant=tenant, job=self.job_id) as span, closing(chunks):
            try:
                for chunk in chunks:
                    yield chunk
                    sent += len(chunk)
            finally:
                span.add(bytes=sent)
                telemetry.count(Measure.DOWNLOADED, sent, tenant=tenant)

    def _chunks(self, start: int, end: int) -> Generator[bytes, None, None]:
        sent = 0
        checked_at = self.wiring.clock()
        chunks = self.file.read(start, end)
        try:
            for chunk in chunks:
                # A clock that was set back must not put the next check off.
                if abs(self.wiring.clock() - checked_at) >= RECHECK_EVERY:
                    self._require_still_allowed()
                    checked_at = self.wiring.clock()
                yield chunk
                sent += len(chunk)
        except ExportError as error:
            self._record(Event.DOWNLOAD_BROKEN_OFF, start, start + sent, error.slug)
            raise
        except GeneratorExit:
            self._record(Event.DOWNLOAD_BROKEN_OFF, start, start + sent, "the receiver went away")
            raise
        if end == self.size:
            self._record(Event.DOWNLOAD_FINISHED, start, end)

    def _record(self, event: Event, start: int, reached: int, why: str = "") -> None:
        use_id = self.recorder.use_of(self.link_id, self.actor)
        entry = self.recorder.by_actor(
            event,
            f"{use_id}:{event}:{start}-{reached}" if why else f"{use_id}:{event}",
            self.actor,
            self.job_id,
            self.owner_tag,
            self.wiring.jobs.now(),
            **{"from": str(start), "to": str(reached)},
            **({"why": why} if why else {}),
        )
        self.recorder.happened(entry)

    def _require_still_allowed(self) -> LinkUse:
        use = self.wiring.jobs.use_link(
            self.actor.tenant, self.job_id, self.link_id, session=self.wiring.session_life
        )
        if use is None:
            raise ExportGone(state="no longer available")
        return use
