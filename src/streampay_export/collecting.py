"""
All datasets of one job, read one after the other; what cannot be read fails the export, or is missing from it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from attrs import frozen

from ._core.catalog import Dataset
from ._core.contents import DatasetContents
from ._core.job import Claim
from ._core.manifest import MissingDataset
from ._core.party import Subject
from ._core.policy_listing import withheld_fields
from .dataset_parts import DatasetParts
from .dataset_stage import DatasetStage
from .errors import ExportError, KeyForm, NullKey, SourceMismatch, SourceUnavailable, UnwritableValue
from .exporter import DatasetExport
from .keeping import PartKeeper
from .lease import Lease
from .packing import PackedStage
from .ports.keys import Sealer
from .ports.telemetry import Span
from .preparing import prepare
from .progress import Progress
from .wiring import Wiring

logger = logging.getLogger("streampay_export")

# A dataset that cannot be read. Anything else (a row too few, a row of somebody else) casts doubt on the source.
UNREADABLE = (SourceMismatch, SourceUnavailable, NullKey, KeyForm, UnwritableValue)


@frozen(kw_only=True)
class Collected:
    """
    What was read of a job's datasets, and which could not be.
    """

    datasets: tuple[DatasetContents, ...]
    missing: tuple[MissingDataset, ...]


@frozen(kw_only=True)
class Collecting:
    """
    The datasets of one claimed job, to be read for *subject* into *stages* (by dataset and format).
    """

    wiring: Wiring
    claim: Claim
    lease: Lease
    sealer: Sealer
    subject: Subject
    as_of: datetime
    stages: Mapping[str, Mapping[str, PackedStage]]
    keeper: PartKeeper

    def run(self) -> Collected:
        """
        Read every dataset. Raises what `DatasetExport.run` raises; where the wiring allows partial exports, a
        dataset that cannot be read is missing instead, unless all are.
        """
        w = self.wiring
        request = self.claim.job.request
        progress = Progress(w, self.claim, self.as_of, self.lease)
        read: list[DatasetContents] = []
        missing: list[MissingDataset] = []
        for dataset in w.catalog.only(request.datasets).datasets:
            try:
                read.append(self._read(dataset, progress))
                progress.done(read[-1].summary)
            except UNREADABLE as error:
                if not self._may_be_missing(error) or len(missing) + 1 == len(request.datasets):
                    raise
                logger.error("export %s goes on without %s: %s", self.claim.job.id, dataset.name, error)  # noqa: TRY400  # a driver's traceback may quote rows
                missing.append(MissingDataset(name=dataset.name, slug=error.slug, sentence=error.person))
                progress.failed(dataset.name)
        return Collected(datasets=tuple(read), missing=tuple(missing))

    def _may_be_missing(self, error: ExportError) -> bool:
        tried = not error.retry or self.claim.job.attempts >= self.wiring.max_attempts
        return self.wiring.allow_partial and tried

    def _read(self, dataset: Dataset, progress: Progress) -> DatasetContents:
        w = self.wiring
        prepared = prepare(w, self.claim.job, dataset, sealer=self.sealer, subject=self.subject, as_of=self.as_of)
        stages = self.stages[dataset.name]
        stage = DatasetStage(prepared.encoders, stages)
        watch = progress.of(dataset.name)
        export = DatasetExport(
            source=w.source,
            cut=prepared.cut,
            query=prepared.query,
            stage=stage,
            watch=watch,
            kept=DatasetParts(keeper=self.keeper, prepared=prepared, stage=stage, watch=watch),
            part_rows=w.part_rows,
            telemetry=w.telemetry,
        )
        job = self.claim.job
        with w.telemetry.span(Span.DATASET, tenant=job.tenant, job=job.id, dataset=dataset.name) as span:
            summary = export.run()
            span.add(rows=summary.written)
        for name, held in summary.figures.invariants.items():
            if held.broken:
                told = (self.claim.job.id, dataset.name, name, held.broken, held.rows)
                logger.warning("export %s: %s: invariant %s does not hold in %d of %d rows", *told)
        return DatasetContents(
            dataset=dataset,
            fields=prepared.cut.fields,
            withheld=withheld_fields(dataset, prepared.policy),
            summary=summary,
            stages=stages,
            inexact=export.inexact,
        )
