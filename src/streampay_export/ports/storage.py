"""Where artifacts are kept: one Protocol per verb, and the one that has them all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

from attrs import frozen

from .._core.job import Protection


@frozen(kw_only=True)
class StoredObject:
    """
    One object in storage: its key, size in bytes, and when it was stored (UTC) where the store knows.
    """

    key: str
    size: int
    modified_at: datetime | None = None


class Put(Protocol):
    """
    Stores a whole object, atomically.
    """

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Store everything *stage* holds under *key*; the caller closes it.

        A stage stands anywhere, and can be sought to its start and its end, and nowhere else. It may be
        no file of the system, and give other bytes each time it is read from the start.

        The object appears whole or not at all, and only if the key was free: `ObjectExists`
        otherwise. `StorageUnavailable` when the store fails or is full; then nothing is visible.
        """


class Read(Protocol):
    """
    Reads ranges of an object.
    """

    def size(self, key: str) -> int:
        """
        Return the object's size in bytes, or raise `ObjectMissing`.
        """

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end) in chunks of at most 256 KiB; `ObjectMissing` if there is none.

        The first chunk is fetched at the first `next`. Closing the iterator closes what it opened.
        """


class Delete(Protocol):
    """
    Deletes objects.
    """

    def delete(self, key: str) -> None:
        """
        Delete the object and every version of it; not an error when there is none.
        """


class ListObjects(Protocol):
    """
    Lists objects.
    """

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """
        Yield every object whose key begins with *prefix*, in any order.
        """


class SweepLeftovers(Protocol):
    """
    Removes what killed writers left.
    """

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Remove what writers killed before *older_than* (aware) left unfinished, and return how many.

        No object is touched, nor anything that is under way since *older_than*.
        """


class Check(Protocol):
    """
    Says at the start whether deleting deletes.
    """

    def check(self) -> None:
        """
        Raise `SetupError` when the store would keep what `delete` deletes; it says what to grant.

        A store that cannot tell does nothing. `StorageUnavailable` when it does not answer.
        """


class Storage(Put, Read, Delete, ListObjects, SweepLeftovers, Check, Protocol):
    """
    All verbs. Thread-safe. Keys are `[a-z0-9-]` segments (a last one may end in `.zip`, `.part`)
    joined by `/`, checked in one place: anything else is a `SetupError` before the store is touched.

    *protection* says what keeps artifacts from others at rest. By default that is this library: then
    whoever publishes puts nothing here but what it encrypted.
    """

    @property
    def protection(self) -> Protection:
        """
        `library`, or `store` for one that encrypts by itself what it is given in the clear.
        """
