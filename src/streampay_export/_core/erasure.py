"""
Erasing a person (GDPR Art. 17): the tombstone, how far an erasure is, and the receipt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import field, frozen

from .catalog import Catalog
from .job import WrappedKey
from .retained import RetainedField, retained_fields


def _each_once(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


@frozen(kw_only=True)
class Tombstone:
    """
    The mark that somebody was erased: keyed tags of every identifier they were known by, and no id.

    It reaches what was made up to *at* (UTC) and nothing later, so that who comes back is not erased again.
    *receipt* names the erasure, *key_id* the key of the tags; *basis* says why it was due, *retain_until*
    (UTC) when what the law has kept goes too, if that is known.
    """

    receipt: str
    tenant: str
    tags: tuple[str, ...] = field(converter=_each_once, repr=False)
    key_id: str
    at: datetime
    basis: str
    retain_until: datetime | None = None

    def covers(self, tags: Collection[str]) -> bool:
        """
        Return whether whoever has these tags was erased under each of them.
        """
        return set(tags) <= set(self.tags)

    def reaches(self, created_at: datetime) -> bool:
        """
        Return whether what was made at that instant is older than the erasure.
        """
        return created_at <= self.at


@frozen(kw_only=True)
class Erasure:
    """
    One erasure as the job store knows it.

    *number* is the tombstone's in the log outside the database: `None` until it is there and the jobs are
    erased. *sealed* is whom it is about, under a key of its own, until all is done; one that was read back
    from the log has none. *exports* counts the jobs it has erased; *finished_at* is UTC.
    """

    tombstone: Tombstone
    number: int | None = None
    sealed: bytes | None = field(default=None, repr=False)
    wrapped_key: WrappedKey | None = None
    exports: int = 0
    finished_at: datetime | None = None


@frozen(kw_only=True)
class ErasureReceipt:
    """
    What the person may be told: when they were erased (UTC) and why, how many exports went, what is retained.

    *finished_at* is `None` while something is still to be done; the sweeper goes on with it.
    """

    id: str
    at: datetime
    basis: str
    retain_until: datetime | None
    exports: int
    retained: tuple[RetainedField, ...]
    finished_at: datetime | None

    @classmethod
    def of(cls, erasure: Erasure, catalog: Catalog) -> ErasureReceipt:
        """
        Return the receipt of an erasure.
        """
        stone = erasure.tombstone
        return cls(
            id=stone.receipt,
            at=stone.at,
            basis=stone.basis,
            retain_until=stone.retain_until,
            exports=erasure.exports,
            retained=retained_fields(catalog),
            finished_at=erasure.finished_at,
        )
