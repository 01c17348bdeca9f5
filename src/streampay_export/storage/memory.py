"""
Artifacts in memory: for tests and demonstrations.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from .._core.job import Protection
from ..errors import ObjectExists, ObjectMissing
from ..ports.storage import StoredObject
from .check import check_key, check_prefix, check_range

CHUNK = 256 * 1024


class MemoryStorage:
    """
    A `Storage` in a dictionary, gone with the process. Thread-safe; nothing to close.

    *protection* is what it says of itself; it encrypts nothing.
    """

    def __init__(self, protection: Protection = Protection.LIBRARY) -> None:
        self.protection = protection
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Store everything *stage* holds under *key*, or raise `ObjectExists`.
        """
        check_key(key)
        stage.seek(0)
        content = stage.read()
        with self._lock:
            if key in self._objects:
                raise ObjectExists
            self._objects[key] = content

    def size(self, key: str) -> int:
        """
        Return the object's size in bytes, or raise `ObjectMissing`.
        """
        check_key(key)
        return len(self._get(key))

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end) in chunks of 256 KiB; `ObjectMissing` if there is none.
        """
        check_key(key)
        check_range(start, end)
        return self._read(key, start, end)

    def delete(self, key: str) -> None:
        """
        Delete the object; not an error when there is none.
        """
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """
        Yield every object whose key begins with *prefix*.
        """
        check_prefix(prefix)
        with self._lock:
            sizes = {key: len(content) for key, content in self._objects.items() if key.startswith(prefix)}
        return (StoredObject(key=key, size=size) for key, size in sizes.items())

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Return 0: nothing is ever half stored.
        """
        return 0

    def check(self) -> None:
        """
        Do nothing: what is deleted is gone.
        """

    def _get(self, key: str) -> bytes:
        with self._lock:
            content = self._objects.get(key)
        if content is None:
            raise ObjectMissing
        return content

    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        content = self._get(key)
        stop = len(content) if end is None else min(end, len(content))
        for at in range(start, stop, CHUNK):
            yield content[at : min(at + CHUNK, stop)]
