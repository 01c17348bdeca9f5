"""
What a bundle is about to say: everything but its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from .catalog import Dataset
from .cut import OutputField
from .lifecycle import Completeness
from .manifest import DatasetSummary, Digest
from .notice import ProcessingNotice
from .party import Subject
from .policy import AlteredField
from .request import ExportRequest


class Staged(Protocol):
    """
    A finished data file, waiting to be packed.
    """

    @property
    def digest(self) -> Digest:
        """
        Size and SHA-256 of all of it.
        """

    def blocks(self) -> Iterator[bytes]:
        """
        Yield all of it, from the start, in blocks of 256 KiB.
        """


@frozen(kw_only=True)
class DatasetContents:
    """
    One dataset in a bundle: the catalog's entry, the columns of its files, what was written, and the
    finished file of each format.

    *withheld* are the fields that are left out or altered (see `policy.withheld_fields`); *inexact*
    names those whose source keeps decimals as floating-point numbers.
    """

    dataset: Dataset
    fields: tuple[OutputField, ...]
    withheld: tuple[AlteredField, ...] = ()
    summary: DatasetSummary
    stages: Mapping[str, Staged] = field(repr=False)
    inexact: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """
        The dataset's name.
        """
        return self.dataset.name


@frozen(kw_only=True)
class BundleContents:
    """
    One export, read and encoded, about to become a bundle. Instants are the caller's, in UTC.
    """

    job_id: str
    profile: str
    request: ExportRequest
    subject: Subject = field(repr=False)
    as_of: datetime
    received_at: datetime
    completed_at: datetime
    completeness: Completeness = field(default=Completeness.FULL, converter=Completeness)
    datasets: tuple[DatasetContents, ...]
    notice: ProcessingNotice
