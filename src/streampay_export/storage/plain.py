"""
Where the store itself encrypts: an artifact as it was put there, read by its own offsets.

Stands on the ports alone, as `storage.encrypted` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..errors import ObjectAltered
from ..ports.storage import Read


@frozen(kw_only=True)
class PlainFile:
    """
    One file in a storage, in the clear to whoever may read there. Thread-safe.

    *size* is in bytes, from whoever remembers it: a file of any other size is refused.
    """

    storage: Read
    key: str
    size: int

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end); nothing here can tell whether they were altered.

        Raises `ObjectMissing`, `ObjectAltered` and `StorageUnavailable`.
        """
        if self.storage.size(self.key) != self.size:
            raise ObjectAltered
        yield from self.storage.read(self.key, start, end)
