"""
What a bundle is about to say: everything but its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from .catalog import Dataset, Field
from .cut import OutputField
from .job import DatasetProgress, DatasetState
from .lifecycle import Completeness
from .manifest import DatasetSummary, Digest, MissingDataset
from .notice import UNCLASSIFIED, DataCategory, ProcessingNotice
from .party import Subject
from .policy_listing import AlteredField
from .request import ExportRequest


class Staged(Protocol):
    """
    A finished data file, packed.
    """

    @property
    def digest(self) -> Digest:
        """
        Size and SHA-256 of its plaintext.
        """

    @property
    def crc(self) -> int:
        """
        The CRC-32 of its plaintext.
        """

    @property
    def packed(self) -> int:
        """
        How many bytes it is packed into.
        """

    def blocks(self) -> Iterator[bytes]:
        """
        Yield those, from the start, as often as asked.
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

    @property
    def spoken_of(self) -> tuple[Field, ...]:
        """
        The fields that the person is told of: written, or withheld and disclosed.
        """
        told = {each.name for each in self.fields} | {each.field for each in self.withheld}
        return tuple(each for each in self.dataset.fields if each.name in told)


@frozen(kw_only=True)
class BundleContents:
    """
    One export, read and encoded, about to become a bundle. Instants are the caller's, in UTC. *missing* are
    the datasets that could not be read: then the bundle is partial, and says so on its first screen. *subject*
    is `None` where the profile does not name whose copy it is.
    """

    job_id: str
    profile: str
    request: ExportRequest
    subject: Subject | None = field(repr=False)
    as_of: datetime
    received_at: datetime
    completed_at: datetime
    datasets: tuple[DatasetContents, ...]
    missing: tuple[MissingDataset, ...] = ()
    notice: ProcessingNotice

    @property
    def completeness(self) -> Completeness:
        """
        Whether every dataset that was asked for is here.
        """
        return Completeness.PARTIAL if self.missing else Completeness.FULL

    @property
    def categories(self) -> tuple[DataCategory, ...]:
        """
        The categories of the data concerned (GDPR Art. 15(1)(b)), as the catalog has them, in its order.
        """
        found: dict[str, list[str]] = {}
        for dataset in self.datasets:
            for each in dataset.spoken_of:
                found.setdefault(each.category or UNCLASSIFIED, []).append(f"{dataset.name}.{each.name}")
        return tuple(DataCategory(category, tuple(fields)) for category, fields in found.items())

    @property
    def progress(self) -> tuple[DatasetProgress, ...]:
        """
        How each dataset that was asked for ended, as its export's status says it; in the order asked for.
        """
        read = {each.name: DatasetProgress.done(each.summary) for each in self.datasets}
        failed = {each.name: DatasetProgress(name=each.name, state=DatasetState.FAILED) for each in self.missing}
        ended = read | failed
        return tuple(ended[name] for name in self.request.datasets)
