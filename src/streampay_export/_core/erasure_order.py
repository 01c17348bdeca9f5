"""
What an application is asked to erase of a person: the catalog's `on_erasure`, dataset by dataset.
"""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from .catalog import Catalog, Dataset
from .erasure import Tombstone
from .field import Field, Retain
from .party import Subject


@frozen(kw_only=True)
class DatasetErasure:
    """
    What erasing a person means for one dataset: which fields to *scrub*, and which the law *retains*.

    A field of which the catalog does not say is scrubbed, as retaining needs a basis (GDPR Art. 17(3)).
    """

    dataset: Dataset
    scrub: tuple[Field, ...]
    retain: tuple[Field, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetErasure:
        """
        Return what erasure means for a dataset, by what its fields say.
        """
        kept = [isinstance(each.on_erasure, Retain) for each in dataset.fields]
        return cls(
            dataset=dataset,
            scrub=tuple(each for each, stays in zip(dataset.fields, kept, strict=True) if not stays),
            retain=tuple(each for each, stays in zip(dataset.fields, kept, strict=True) if stays),
        )


@frozen(kw_only=True)
class ErasureOrder:
    """
    Whom an application is to erase, and what of them. *receipt* is the same whenever it is asked again.

    Rows that were written after *at* (UTC) are not meant: somebody may have come back since.
    """

    receipt: str
    tenant: str
    subject: Subject = field(repr=False)
    at: datetime
    datasets: tuple[DatasetErasure, ...]

    @classmethod
    def of(cls, tombstone: Tombstone, subject: Subject, catalog: Catalog) -> ErasureOrder:
        """
        Return what is to be done about *subject*, whose tombstone this is.
        """
        return cls(
            receipt=tombstone.receipt,
            tenant=tombstone.tenant,
            subject=subject,
            at=tombstone.at,
            datasets=tuple(DatasetErasure.of(dataset) for dataset in catalog.datasets),
        )
