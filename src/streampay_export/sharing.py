"""
A long dataset shared out: its key ranges are planned once, and each is read by whoever is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from attrs import evolve

from ._core.closed_part import ClosedPart, KeptPart, KeyRange, PartClaim, View, read_key_range, spell_closed_part
from ._core.selection import Census, Key, Query, Selection
from ._core.wire import read_subject
from .artifact import sealer_of
from .dataset_stage import DatasetStage
from .errors import ExportError, LeaseLost, SourceMismatch, SourceUnavailable, Stopped
from .exporter import DatasetExport
from .packing import PackedStage
from .part_files import PartFiles
from .ports.source import HistorySource, SharedViews, Snapshot
from .ports.telemetry import Measure
from .preparing import prepare
from .wiring import Wiring

# Below this many parts that are left, sharing costs more than it saves.
FEWEST_PARTS = 4
# A part's first fence: above every fence of the job's claims so far, so that no two writers ever have one key.
FENCES_OF_A_CLAIM = 1 << 20


def key_ranges(
    snapshot: Snapshot, query: Query, after: Key | None, rows: int, *, census: Census, view: View | None
) -> Iterator[KeyRange]:
    """
    Yield the ranges of *rows* rows each behind a key (`None`: from the start), in key order; the last one may have
    fewer. Only key and subject columns are read, page by page.
    """
    narrow = evolve(query, selection=Selection.of(query.selection.dataset, []))
    while page := snapshot.page(narrow, after, rows):
        upto = tuple(page[-1][place] for place in narrow.selection.key)
        yield KeyRange(after=after, upto=upto, census=census, view=view)
        after = upto


def shared_view(source: HistorySource, snapshot: Snapshot) -> View | None:
    """
    Return the view of a snapshot, for others to join while it is open; `None` where the source shares none.
    """
    name = source.share(snapshot) if isinstance(source, SharedViews) else None
    return None if name is None else View(name=name, read_at=snapshot.read_at)


def read_planned_part(
    wiring: Wiring, claim: PartClaim, check: Callable[[], None], stage: DatasetStage | None = None
) -> ClosedPart:
    """
    Read the part of a claim, put its files into storage, close and return it. It goes into *stage*, if that has
    come to it, by the way.

    *check* is called after every page and raises when the part must be let go. Raises what `DatasetExport.run`
    raises, `LeaseLost`, and `SourceMismatch` where this worker would cut the dataset otherwise than it was planned.
    What fails is counted here, as not every failure of a part is one of its job's attempts.
    """
    try:
        return _read_and_keep(wiring, claim, check, stage)
    except Stopped:
        raise
    except Exception as error:
        slug = error.slug if isinstance(error, ExportError) else "internal"
        wiring.telemetry.count(Measure.PART_FAILURES, tenant=claim.job.tenant, slug=slug)
        raise


def _read_and_keep(
    wiring: Wiring, claim: PartClaim, check: Callable[[], None], stage: DatasetStage | None
) -> ClosedPart:
    job, part = claim.job, claim.part
    if job.sealed is None or job.as_of is None:
        raise LeaseLost(state=job.state)
    sealer = sealer_of(wiring, job)
    subject = read_subject(sealer.unseal(job.sealed).decode())
    dataset = wiring.catalog.dataset(part.dataset)
    prepared = prepare(wiring, job, dataset, sealer=sealer, subject=subject, as_of=job.as_of)
    range_ = read_key_range(sealer.unseal(part.sealed), part.dataset, prepared.fingerprint)
    if range_ is None:
        raise SourceMismatch(part.dataset, "it was planned under another policy than this worker's; deploy one")
    with ExitStack() as stages:
        stage = stage or DatasetStage(
            prepared.encoders,
            {
                name: stages.enter_context(PackedStage(wiring.stage_folder, whole=False))
                for name in prepared.encoders
            },
        )
        export = DatasetExport(
            source=wiring.source,
            cut=prepared.cut,
            query=prepared.query,
            stage=stage,
            watch=lambda *_: check(),
            telemetry=wiring.telemetry,
        )
        closed = _read(export, part.number, range_)
        PartFiles(wiring=wiring, job=job, sealer=sealer).put(closed, part.fence, stage)
    kept = KeptPart(
        dataset=part.dataset,
        number=part.number,
        fence=part.fence,
        sealed=sealer.seal(spell_closed_part(closed, prepared.fingerprint)),
    )
    wiring.jobs.close_part(claim, kept)
    return closed


def _read(export: DatasetExport, number: int, range_: KeyRange) -> ClosedPart:
    """
    Read a range in the view it was planned in, or, once that is gone, in a snapshot of its own.
    """
    with ExitStack() as opened:
        snapshot = _joined(export.source, range_.view, opened)
        if snapshot is None or range_.view is None:
            return export.planned_part(opened.enter_context(export.source.snapshot()), number, range_)
        closed = export.planned_part(snapshot, number, range_)
        return evolve(closed, summary=evolve(closed.summary, read_at=range_.view.read_at))


def _joined(source: HistorySource, view: View | None, opened: ExitStack) -> Snapshot | None:
    if view is not None and isinstance(source, SharedViews):
        # Only joining may fail: what breaks off later has staged rows already.
        with suppress(SourceUnavailable):
            return opened.enter_context(source.joined(view.name))
    return None
