"""
From source to stage: how one dataset of one person becomes bytes.

Reads as the story of an export: count, read a page, redact it, write it, close the part, count again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Protocol

from attrs import evolve, field, frozen

from ._core.closed_part import ClosedPart, KeyRange
from ._core.cut import Cut, inexact_fields
from ._core.figures import Figures
from ._core.manifest import DatasetSummary, PartSummary
from ._core.pager import PART_ROWS, Pager, owner_values, pages
from ._core.selection import Census, Key, Query
from .dataset_stage import DatasetStage
from .errors import CountMismatch, NullKey
from .ports.source import HistorySource, Snapshot
from .ports.telemetry import Measure, Span, Telemetry
from .telemetry.none import NoTelemetry


class KeptParts(Protocol):
    """
    Parts of this dataset that outlive the attempt that read them.
    """

    def restore(self) -> Sequence[ClosedPart]:
        """
        Bring back what former attempts closed, from part 0 on, into the stage; none where nothing lasts.
        """

    def keep(self, part: ClosedPart) -> None:
        """
        See to it that a part that is not the last can be restored. Called before the next page is staged.
        """

    def shares(self, census: Census, closed: int) -> bool:
        """
        Say whether what lies behind so many closed parts is worth sharing.
        """

    def share(self, census: Census, closed: Sequence[ClosedPart]) -> Sequence[ClosedPart]:
        """
        Have what lies behind the closed parts read by whoever is free, and bring it into the stage.
        """


class NothingLasts:
    """
    A `KeptParts` that keeps none: the next attempt begins again.
    """

    def restore(self) -> Sequence[ClosedPart]:
        """
        Bring nothing back.
        """
        return ()

    def keep(self, part: ClosedPart) -> None:
        """
        Keep nothing.
        """

    def shares(self, census: Census, closed: int) -> bool:
        """
        Say no.
        """
        return False

    def share(self, census: Census, closed: Sequence[ClosedPart]) -> Sequence[ClosedPart]:
        """
        Share nothing.
        """
        return ()


@frozen(kw_only=True)
class DatasetExport:
    """
    One dataset of one export. *watch* is called after every page with the rows written so far and
    the rows expected, and stops the export by raising. *part_rows* are the rows of a part.
    """

    source: HistorySource
    cut: Cut
    query: Query
    stage: DatasetStage
    watch: Callable[[int, int], None]
    kept: KeptParts = field(factory=NothingLasts)
    part_rows: int = PART_ROWS
    telemetry: Telemetry = field(factory=NoTelemetry)
    _inexact: set[str] = field(factory=set, init=False, repr=False)

    @property
    def inexact(self) -> tuple[str, ...]:
        """
        The decimal fields in which the source keeps floating-point numbers, as far as they were met.
        """
        return tuple(each.name for each in self.cut.fields if each.name in self._inexact)

    def run(self) -> DatasetSummary:
        """
        Export the dataset part by part and return its summary.

        Raises `SourceDataError` subclasses when the rows cannot be exported faithfully,
        `SourceUnavailable`, `StorageUnavailable` for a full disk, and whatever *watch* raises.
        """
        self.stage.begin()
        parts = list(self.kept.restore())
        self._met(parts)
        census = parts[0].census if parts else None
        exhausted = shared = False
        while not exhausted:
            with self.source.snapshot() as snapshot:
                census = census or self._census(snapshot)
                # What was shared and could not be brought back is read here, in order.
                shared = not shared and self.kept.shares(census, len(parts))
                part = None if shared else self._next_part(snapshot, census, parts)
            if part is None:
                parts += self.kept.share(census, parts)
                self._met(parts)
                census = census if parts else None
                continue
            exhausted = part.exhausted
            # A dataset that ends with its last part's last row shows only in one read more.
            if part.summary.rows or not parts:
                parts.append(part)
            if not exhausted:
                self.kept.keep(part)
        self.stage.end()
        # A planned part whose rows were all erased meanwhile has none, and no place among those that have.
        filled = [each.summary for each in parts if each.summary.rows] or [parts[0].summary]
        return DatasetSummary.of(
            self.query.selection.dataset.name,
            parts[0].census,
            (evolve(each, number=number) for number, each in enumerate(filled)),
            recount=self._recount(parts),
        )

    def planned_part(self, snapshot: Snapshot, number: int, range_: KeyRange) -> ClosedPart:
        """
        Export the rows of one key range, as the part of that number. Raises what `run` raises.
        """
        rows = snapshot.count(self.query, range_.after, range_.upto)
        return self._told(number, lambda: self._part(snapshot, number, range_.after, range_.census, rows=rows))

    def _met(self, parts: Sequence[ClosedPart]) -> None:
        """
        Take note of parts that were read elsewhere.
        """
        for part in parts[-1:]:
            self._inexact.update(*(each.inexact for each in parts))
            self.watch(sum(each.summary.rows for each in parts), part.census.included)

    def _next_part(self, snapshot: Snapshot, census: Census, before: Sequence[ClosedPart]) -> ClosedPart:
        after = before[-1].last if before else None
        written = sum(each.summary.rows for each in before)
        number = len(before)
        return self._told(number, lambda: self._part(snapshot, number, after, census, written=written))

    def _told(self, number: int, read: Callable[[], ClosedPart]) -> ClosedPart:
        dataset = self.query.selection.dataset.name
        with self.telemetry.span(Span.PART, dataset=dataset, number=number) as span:
            part = read()
            span.add(rows=part.summary.rows, bytes=sum(each.size for each in part.summary.files.values()))
        self.telemetry.count(Measure.ROWS, part.summary.rows, dataset=dataset)
        return part

    def _census(self, snapshot: Snapshot) -> Census:
        dataset = self.query.selection.dataset
        census = snapshot.census(self.query)
        for column, rows in zip(dataset.key, census.null_keys, strict=False):
            if rows:
                raise NullKey(dataset=dataset.name, column=column, rows=rows)
        return census

    def _part(  # two callers, both above
        self,
        snapshot: Snapshot,
        number: int,
        after: Key | None,
        census: Census,
        *,
        written: int = 0,
        rows: int | None = None,
    ) -> ClosedPart:
        """
        Read one part: as many *rows* as were counted between two keys, or those of a whole part.
        """
        dataset = self.query.selection.dataset.name
        most = self.part_rows if rows is None else rows
        pager = Pager(self.query.selection, owner_values(self.query.subject), after=after, max_rows=most)
        figures = Figures()
        for page in pages(pager, lambda key, limit: snapshot.page(self.query, key, limit)):
            columns = self.cut.columns(page)
            figures += self.cut.figures(page, columns)
            self._inexact.update(inexact_fields(self.cut, page, self._inexact))
            pager.emitted(self.stage.page(columns))
            written += len(page)
            self.watch(written, census.included)
        end = pager.finish
        if rows is not None:
            expected = rows
        elif after is None and end.exhausted:
            expected = census.included
        else:
            expected = snapshot.count(self.query, after, None if end.exhausted else end.last)
        if expected != end.rows:
            raise CountMismatch(dataset=dataset, expected=expected, written=end.rows)
        summary = PartSummary(
            dataset=dataset,
            number=number,
            expected=expected,
            rows=end.rows,
            read_at=snapshot.read_at.astimezone(UTC),
            files=self.stage.close_part(),
            figures=figures,
        )
        return ClosedPart(
            summary=summary,
            after=after,
            last=end.last,
            exhausted=end.exhausted,
            census=census,
            inexact=self.inexact,
            packed=self.stage.packed_part,
        )

    def _recount(self, parts: Sequence[ClosedPart]) -> int:
        if len(parts) == 1:
            return parts[0].census.included
        with self.source.snapshot() as snapshot:
            return snapshot.count(self.query, None, None)
