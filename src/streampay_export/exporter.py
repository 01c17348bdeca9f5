"""
From source to stage: how one dataset of one person becomes bytes.

Reads as the story of an export: count, read a page, redact it, write it, close the part, count again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

from attrs import field, frozen

from ._core.cut import Cut, inexact_fields
from ._core.figures import Figures
from ._core.manifest import DatasetSummary, PartSummary
from ._core.pager import Pager, owner_values, pages
from ._core.selection import Census, Key, Query
from .errors import CountMismatch, NullKey
from .ports.source import HistorySource, Snapshot
from .stage import DatasetStage


@frozen(kw_only=True)
class PartEnd:
    """
    Where a part stopped: its summary, its last key, and whether that was the end of the dataset.
    """

    summary: PartSummary
    last: Key | None
    exhausted: bool


@frozen(kw_only=True)
class DatasetExport:
    """
    One dataset of one export. *watch* is called after every page with the rows written so far and
    the rows expected, and stops the export by raising.
    """

    source: HistorySource
    cut: Cut
    query: Query
    stage: DatasetStage
    watch: Callable[[int, int], None]
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
        parts: list[PartSummary] = []
        self.stage.begin()
        with self.source.snapshot() as snapshot:
            census = self._census(snapshot)
            part = self._part(snapshot, census, number=0, after=None, before=0)
            parts.append(part.summary)
        while not part.exhausted:
            with self.source.snapshot() as snapshot:
                written = sum(each.rows for each in parts)
                part = self._part(snapshot, census, number=len(parts), after=part.last, before=written)
            # A dataset that ends with its last part's last row shows only in one read more.
            if part.summary.rows:
                parts.append(part.summary)
        self.stage.end()
        dataset = self.query.selection.dataset.name
        return DatasetSummary.of(dataset, census, parts, recount=self._recount(len(parts), census))

    def _census(self, snapshot: Snapshot) -> Census:
        dataset = self.query.selection.dataset
        census = snapshot.census(self.query)
        for column, rows in zip(dataset.key, census.null_keys, strict=False):
            if rows:
                raise NullKey(dataset=dataset.name, column=column, rows=rows)
        return census

    def _part(self, snapshot: Snapshot, census: Census, *, number: int, after: Key | None, before: int) -> PartEnd:
        dataset = self.query.selection.dataset.name
        pager = Pager(self.query.selection, owner_values(self.query.subject), after=after)
        figures = Figures()
        written = before
        for rows in pages(pager, lambda key, limit: snapshot.page(self.query, key, limit)):
            columns = self.cut.columns(rows)
            figures += self.cut.figures(rows, columns)
            self._inexact.update(inexact_fields(self.cut, rows, self._inexact))
            pager.emitted(self.stage.page(columns))
            written += len(rows)
            self.watch(written, census.included)
        end = pager.finish
        if number == 0 and end.exhausted:
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
        return PartEnd(summary=summary, last=end.last, exhausted=end.exhausted)

    def _recount(self, parts: int, census: Census) -> int:
        if parts == 1:
            return census.included
        with self.source.snapshot() as snapshot:
            return snapshot.count(self.query, None, None)
