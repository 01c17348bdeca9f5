"""
What completeness costs: counting, totals and the report, as a share of the export they are part of.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from streampay_export._core.contents import BundleContents, DatasetContents
from streampay_export._core.cut import compile_cut
from streampay_export._core.notice import NOTICE_PARTS, ProcessingNotice
from streampay_export._core.party import Subject
from streampay_export._core.request import ExportRequest
from streampay_export._core.selection import Query
from streampay_export.bundle import assemble
from streampay_export.dataset_stage import DatasetStage
from streampay_export.exporter import DatasetExport
from streampay_export.keys.memory import MemoryKeys
from streampay_export.packing import PackedStage
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.writers import CsvWriter, JsonWriter
from streampay_export.writers.report import HtmlReport

from .ours import PAYOUTS, SELF
from .payouts import PSEUDONYM_KEY, wallet


class Stopwatches:
    """
    Adds up, by name, the seconds spent in what was wrapped.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def on(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """
        Return *call*, timed.
        """

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began

        return timed


class CountedSource:
    """
    A source whose counting is timed.
    """

    def __init__(self, source: SqlAlchemySource, watches: Stopwatches) -> None:
        self._source, self._watches = source, watches

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        """
        Open a snapshot whose counting is timed.
        """
        with self._source.snapshot() as snapshot:
            snapshot.census = self._watches.on("counts", snapshot.census)  # type: ignore[method-assign]  # timed
            snapshot.count = self._watches.on("counts", snapshot.count)  # type: ignore[method-assign]  # timed
            yield snapshot


def proof(url: str, rows: int) -> Mapping[str, float]:
    """
    Make the whole bundle (CSV and JSON) of the person who has *rows* payouts; say where the seconds went.
    """
    began = time.perf_counter()
    watches = Stopwatches()
    subject = Subject(wallet(rows))
    cut = compile_cut(PAYOUTS, SELF, timezone="UTC", pseudonym_key=PSEUDONYM_KEY, owners=frozenset(subject.names))
    cut = evolve(cut, figures=watches.on("totals", cut.figures))
    writers = {"csv": CsvWriter(), "json": JsonWriter()}
    with SqlAlchemySource(url, timezone="UTC") as source, PackedStage() as csv, PackedStage() as json:
        stages = {"csv": csv, "json": json}
        as_of = source.now()
        summary = DatasetExport(
            source=CountedSource(source, watches),
            cut=cut,
            query=Query(selection=cut.selection, subject=subject, as_of=as_of),
            stage=DatasetStage(
                {name: writer.encoder(PAYOUTS, cut.fields) for name, writer in writers.items()}, stages
            ),
            watch=lambda *_: None,
        ).run()
        now = datetime.now(UTC)
        contents = BundleContents(
            job_id="benchmark",
            profile="self",
            request=ExportRequest(datasets=("payouts",)),
            subject=subject,
            as_of=as_of,
            received_at=now,
            completed_at=now,
            datasets=(DatasetContents(dataset=PAYOUTS, fields=cut.fields, summary=summary, stages=stages),),
            notice=ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, "Made up.")),
        )
        report = watches.on("report", HtmlReport())
        assemble(contents, writers=writers, signer=MemoryKeys(b"bench").manifests, report=report)
    return {**watches.seconds, "seconds": time.perf_counter() - began}
