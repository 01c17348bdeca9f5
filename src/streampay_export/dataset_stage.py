"""
One dataset on its way into files: pages become bytes, and bytes parts, in every asked format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ._core.cut import Columns
from ._core.manifest import Digest
from .packing import PackedStage
from .ports.writer import Encoder


class DatasetStage:
    """
    One dataset being written in every asked format: a page is encoded once per format from one read.

    A file is `head`, then all pages joined by `separator`, then `tail`. A *part* is its pages and the separators
    between them; the separator that joins two parts belongs to neither, so that a part's bytes do not depend on
    its place. Call `begin`, then `page` and `close_part`, then `end`; instead of a part's pages its packed bytes
    may be put back with `restore`. *stages* has one empty stage for each encoder; whoever made them closes them.
    Used by one thread.
    """

    def __init__(self, encoders: Mapping[str, Encoder], stages: Mapping[str, PackedStage]) -> None:
        self._encoders = encoders
        self._stages = stages
        self._any_part = self._in_part = False

    def begin(self) -> None:
        """
        Write the heads.
        """
        for name, encoder in self._encoders.items():
            self._stages[name].piece(encoder.head)

    def page(self, columns: Columns) -> int:
        """
        Encode one non-empty page in every format; return how many bytes that were, over all formats.

        All formats are encoded before any is written: a page that cannot be written leaves no trace.
        Raises `UnwritableValue`.
        """
        encoded = {name: encoder.page(columns) for name, encoder in self._encoders.items()}
        if not self._in_part:
            self._join()
        for name, data in encoded.items():
            if self._in_part:
                self._stages[name].add(self._encoders[name].separator)
            self._stages[name].add(data)
        self._in_part = True
        return sum(map(len, encoded.values()))

    def close_part(self) -> Mapping[str, Digest]:
        """
        Return size and SHA-256 of the part's bytes in each format, and begin the next part.
        """
        self._any_part |= self._in_part
        self._in_part = False
        return {name: stage.close_part() for name, stage in self._stages.items()}

    @property
    def packed_part(self) -> Mapping[str, int]:
        """
        How many bytes the part closed last has in each format, packed.
        """
        return {name: stage.packed_part for name, stage in self._stages.items()}

    def part_blocks(self, name: str) -> Iterator[bytes]:
        """
        Yield the packed bytes of the part closed last, in one format; none of its next page may be staged.
        """
        return self._stages[name].part_blocks()

    def restore(self, files: Mapping[str, Digest], blocks: Mapping[str, Iterable[bytes]]) -> None:
        """
        Put back the packed bytes of a part that was staged before, in every format. Whatever *blocks* raise leaves
        no trace of it here; nor does `ObjectAltered`, raised unless they hold as much as *files* say.
        """
        with self.all_or_nothing():
            self._join()
            for name, stage in self._stages.items():
                stage.restore(blocks[name], files[name])
            self._any_part = True

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """
        Forget what was staged in the block, no more than a part, when that raises.
        """
        marks, any_part = {name: stage.mark() for name, stage in self._stages.items()}, self._any_part
        try:
            yield
        except BaseException:
            for name, mark in marks.items():
                self._stages[name].back_to(mark)
            self._any_part, self._in_part = any_part, False
            raise

    def end(self) -> None:
        """
        Write the tails.
        """
        for name, encoder in self._encoders.items():
            self._stages[name].end(encoder.tail)

    def _join(self) -> None:
        if self._any_part:
            for name, encoder in self._encoders.items():
                self._stages[name].piece(encoder.separator)
