"""
Parts that outlive the attempt that read them: put into storage as they close, and brought back from there.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from attrs import field, frozen

from ._core.closed_part import KeptPart
from ._core.job import Claim
from .errors import StorageUnavailable
from .lease import Lease
from .part_files import PartFiles
from .ports.keys import Sealer
from .wiring import Wiring


@frozen(kw_only=True)
class PartKeeper:
    """
    Keeps the parts of one claimed job. Its rows in the job store say which parts there are and are sealed under
    the job's key, as what is in storage is: shredding that key ends them all.
    """

    wiring: Wiring
    claim: Claim
    lease: Lease
    sealer: Sealer
    as_of: datetime
    files: PartFiles = field(init=False)
    _rows: dict[tuple[str, int], KeptPart] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        job = self.claim.job
        object.__setattr__(self, "files", PartFiles(wiring=self.wiring, job=job, sealer=self.sealer))
        object.__setattr__(self, "_rows", {})
        if job.fence > 1:
            self.look_again()

    def look_again(self) -> None:
        """
        Learn which parts are kept by now, whoever read them.
        """
        job = self.claim.job
        self._rows.update(
            {(row.dataset, row.number): row for row in self.wiring.jobs.kept_parts(job.tenant, job.id)}
        )

    def keep(self, part: KeptPart) -> None:
        """
        Store a part's row, in the place of a former attempt's. Raises `LeaseLost`.
        """
        self.wiring.jobs.keep_part(self.claim, self.as_of, part)
        self._rows[part.dataset, part.number] = part

    def row(self, dataset: str, number: int) -> KeptPart | None:
        """
        Return a kept part's row, if it was there when this looked.
        """
        return self._rows.get((dataset, number))

    def open_parts(self, dataset: str) -> Collection[int]:
        """
        Return the numbers of those parts of a dataset that are planned and not yet closed.
        """
        job = self.claim.job
        planned = self.wiring.jobs.planned_parts(job.tenant, job.id)
        return {part.number for part in planned if part.dataset == dataset}

    def clear(self) -> None:
        """
        Delete what is in storage of the parts, once the artifact holds them all; the sweeper deletes what stays.
        """
        with suppress(StorageUnavailable):
            for row in self._rows.values():
                self.files.delete(row)
