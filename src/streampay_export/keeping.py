"""
Parts that outlive the attempt that read them: encrypted into storage as they close, and brought back from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import BinaryIO, cast

from attrs import field, frozen

from ._core.closed_part import ClosedPart, KeptPart, read_closed_part, spell_closed_part
from ._core.encrypted_file import FileContext, FilePurpose
from ._core.job import Claim
from .errors import KeysMissing, ObjectAltered, ObjectExists, ObjectMissing, StorageUnavailable
from .ports.keys import Sealer
from .stage import DatasetStage, Stage
from .storage.encrypted import EncryptedFile, EncryptedStage
from .wiring import Wiring

logger = logging.getLogger("streampay_export")


@frozen(kw_only=True)
class PartKeeper:
    """
    Keeps the parts of one claimed job. Its rows in the job store say which parts there are and are sealed under
    the job's key, as what is in storage is: shredding that key ends them all.
    """

    wiring: Wiring
    claim: Claim
    sealer: Sealer
    as_of: datetime
    check: Callable[[], None]
    _rows: dict[tuple[str, int], KeptPart] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        job = self.claim.job
        rows = self.wiring.jobs.kept_parts(job.tenant, job.id) if job.fence > 1 else ()
        object.__setattr__(self, "_rows", {(row.dataset, row.number): row for row in rows})

    def of(self, dataset: str, cut: str, stage: DatasetStage) -> DatasetParts:
        """
        Return what keeps the parts of one dataset; *cut* is its fingerprint (see `closed_part.fingerprint`).
        """
        return DatasetParts(keeper=self, dataset=dataset, cut=cut, stage=stage)

    def keep(self, part: KeptPart) -> None:
        """
        Store a part's row, in the place of a former attempt's. Raises `LeaseLost`.
        """
        self.wiring.jobs.keep_part(self.claim, self.as_of, part)
        self._rows[part.dataset, part.number] = part

    def rows(self, dataset: str) -> Iterator[KeptPart]:
        """
        Yield the kept parts of a dataset, from 0 on without a gap.
        """
        number = 0
        while (row := self._rows.get((dataset, number))) is not None:
            yield row
            number += 1

    def clear(self) -> None:
        """
        Delete what is in storage of the parts, once the artifact holds them all; the sweeper deletes what stays.
        """
        with suppress(StorageUnavailable):
            for row in self._rows.values():
                for name in self.claim.job.request.formats:
                    self.wiring.storage.delete(self.context(row.dataset, row.number, name, row.fence).file)

    def context(self, dataset: str, number: int, format_: str, fence: int) -> FileContext:
        """
        Return what a part's file is bound to; its *file* is its key in storage, which holds no text of anybody's.
        """
        job = self.claim.job
        place = job.request.datasets.index(dataset)
        return FileContext(
            purpose=FilePurpose.PART,
            tenant=job.tenant,
            job_id=job.id,
            file=f"{job.tenant}/{job.id}/{fence}-{place}-{number}-{format_}.part",
            fence=fence,
        )


@frozen(kw_only=True)
class DatasetParts:
    """
    A `KeptParts` of one dataset. Used by one thread.
    """

    keeper: PartKeeper
    dataset: str
    cut: str
    stage: DatasetStage

    def restore(self) -> Sequence[ClosedPart]:
        """
        Stage again what former attempts closed; where anything of a part is missing or altered, it ends before it.
        """
        restored: list[ClosedPart] = []
        with suppress(KeysMissing, ObjectAltered, ObjectMissing):
            for row in self.keeper.rows(self.dataset):
                part = read_closed_part(self.keeper.sealer.unseal(row.sealed), self.dataset, self.cut)
                if part is None:
                    break
                self._restore(part, row.fence)
                restored.append(part)
        if restored:
            job = self.keeper.claim.job
            logger.info("export %s goes on after part %d of %s", job.id, len(restored), self.dataset)
        return restored

    def keep(self, part: ClosedPart) -> None:
        """
        Put the part closed last into storage, then into the job's rows. Raises `LeaseLost`, `StorageUnavailable`.
        """
        keeper, summary = self.keeper, part.summary
        for name, digest in summary.files.items():
            context = keeper.context(self.dataset, summary.number, name, keeper.claim.fence)
            stage = EncryptedStage(
                partial(self.stage.part_blocks, name), digest.size, partial(keeper.sealer.encryptor, context)
            )
            # The key holds this claim's fence: what is there already was put there by this very attempt.
            with suppress(ObjectExists):
                keeper.wiring.storage.put(context.file, cast("BinaryIO", stage))
        sealed = keeper.sealer.seal(spell_closed_part(part, self.cut))
        keeper.keep(KeptPart(dataset=self.dataset, number=summary.number, fence=keeper.claim.fence, sealed=sealed))

    def _restore(self, part: ClosedPart, fence: int) -> None:
        """
        Bring one part's files here whole before a byte of them is staged.
        """
        drafts: dict[str, Stage] = {}
        try:
            for name, digest in part.summary.files.items():
                draft = drafts[name] = Stage(self.keeper.wiring.stage_folder)
                for block in self._file(part.summary.number, name, fence, digest.size):
                    self.keeper.check()
                    draft.append(block)
                if draft.digest != digest:
                    raise ObjectAltered
            self.stage.restore({name: draft.blocks() for name, draft in drafts.items()})
        finally:
            for draft in drafts.values():
                draft.close()

    def _file(self, number: int, name: str, fence: int, size: int) -> Iterable[bytes]:
        context = self.keeper.context(self.dataset, number, name, fence)
        file = EncryptedFile(
            storage=self.keeper.wiring.storage,
            key=context.file,
            size=size,
            decryptor=partial(self.keeper.sealer.decryptor, context),
        )
        return file.read()
