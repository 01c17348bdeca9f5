"""
The files of parts in storage: encrypted as they are put, brought back whole before a byte is staged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import BinaryIO, cast

from attrs import frozen

from ._core.closed_part import KeptPart
from ._core.encrypted_file import FileContext, FilePurpose
from ._core.job import Job
from ._core.manifest import PartSummary
from .errors import ObjectAltered, ObjectExists
from .ports.keys import Sealer
from .stage import DatasetStage, Stage
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

    def put(self, summary: PartSummary, fence: int, stage: DatasetStage) -> None:
        """
        Put the files of the part that *stage* closed last. Raises `StorageUnavailable`.
        """
        for name, digest in summary.files.items():
            context = self._context(summary.dataset, summary.number, name, fence)
            file = EncryptedStage(
                partial(stage.part_blocks, name), digest.size, partial(self.sealer.encryptor, context)
            )
            # The key holds the fence of this claim: what is there already was put there under this very claim.
            with suppress(ObjectExists):
                self.wiring.storage.put(context.file, cast("BinaryIO", file))

    def restore(self, summary: PartSummary, fence: int, stage: DatasetStage, check: Callable[[], None]) -> None:
        """
        Stage a part's files again. Raises `ObjectMissing` or `ObjectAltered`, and then nothing is staged.

        *check* is called between blocks and may raise.
        """
        drafts: dict[str, Stage] = {}
        try:
            for name, digest in summary.files.items():
                draft = drafts[name] = Stage(self.wiring.stage_folder)
                context = self._context(summary.dataset, summary.number, name, fence)
                file = EncryptedFile(
                    storage=self.wiring.storage,
                    key=context.file,
                    size=digest.size,
                    decryptor=partial(self.sealer.decryptor, context),
                )
                for block in file.read():
                    check()
                    draft.append(block)
                if draft.digest != digest:
                    raise ObjectAltered
            stage.restore({name: draft.blocks() for name, draft in drafts.items()})
        finally:
            for draft in drafts.values():
                draft.close()

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
