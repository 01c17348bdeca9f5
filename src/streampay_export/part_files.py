"""
The files of parts in storage: encrypted as they are put, and brought back whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO, cast

from attrs import frozen

from ._core.closed_part import ClosedPart, KeptPart
from ._core.encrypted_file import FileContext, FilePurpose
from ._core.job import Job
from .dataset_stage import DatasetStage
from .errors import ObjectExists
from .ports.keys import Sealer
from .storage.encrypted import EncryptedFile, EncryptedStage
from .wiring import Wiring


@frozen(kw_only=True)
class PartFiles:
    """
    The files of one job's parts, one for each part and format, under keys that hold the fence of their writer.
    """

    wiring: Wiring
    job: Job
    sealer: Sealer

    def put(self, part: ClosedPart, fence: int, stage: DatasetStage) -> None:
        """
        Put the files of the part that *stage* closed last. Raises `StorageUnavailable`.
        """
        for name, size in part.packed.items():
            context = self._context(part.summary.dataset, part.summary.number, name, fence)
            file = EncryptedStage(partial(stage.part_blocks, name), size, partial(self.sealer.encryptor, context))
            # The key holds the fence of this claim: what is there already was put there under this very claim.
            with suppress(ObjectExists):
                self.wiring.storage.put(context.file, cast("BinaryIO", file))

    def restore(self, part: ClosedPart, fence: int, stage: DatasetStage, check: Callable[[], None]) -> None:
        """
        Stage a part's files again. Raises `ObjectMissing` or `ObjectAltered`, and then nothing is staged.

        *check* is called between blocks and may raise.
        """
        blocks = {name: self._blocks(part, name, fence, check) for name in part.packed}
        stage.restore(part.summary.files, blocks)

    def _blocks(self, part: ClosedPart, name: str, fence: int, check: Callable[[], None]) -> Iterator[bytes]:
        context = self._context(part.summary.dataset, part.summary.number, name, fence)
        file = EncryptedFile(
            storage=self.wiring.storage,
            key=context.file,
            size=part.packed[name],
            decryptor=partial(self.sealer.decryptor, context),
        )
        for block in file.read():
            check()
            yield block

    def delete(self, part: KeptPart) -> None:
        """
        Delete a part's files. Raises `StorageUnavailable`.
        """
        for name in self.job.request.formats:
            self.wiring.storage.delete(self._context(part.dataset, part.number, name, part.fence).file)

    def _context(self, dataset: str, number: int, format_: str, fence: int) -> FileContext:
        place = self.job.request.datasets.index(dataset)
        return FileContext(
            purpose=FilePurpose.PART,
            tenant=self.job.tenant,
            job_id=self.job.id,
            file=f"{self.job.tenant}/{self.job.id}/{fence}-{place}-{number}-{format_}.part",
            fence=fence,
        )
