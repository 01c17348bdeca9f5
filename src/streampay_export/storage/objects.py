"""
Objects in a store that fsspec knows: memory, S3, Google Cloud Storage, Azure Blob Storage.
"""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from attrs import field, frozen

from ..errors import ExportError, InvalidConfiguration, ObjectExists, ObjectMissing, StorageUnavailable
from ..ports.storage import StoredObject
from .check import is_key
from .lifecycle import Gap

CHUNK = 256 * 1024
# A request per block: small enough to hold, large enough that the round trip does not count.
BLOCK = 4 * 1024 * 1024
# s3fs sends up to here in one request and whatever is larger in parts, which it slices from the mapping.
LARGEST_IN_MEMORY = 100 * 1024 * 1024
# Seconds for a request and all its library's tries: a network that swallows packets holds nobody for longer.
CALL_TIMEOUT = 60.0
# Bytes per second an upload is given on top; a line that is slower breaks off and is tried again later.
SLOWEST_UPLOAD = 256 * 1024
# A listing is many requests, one for a thousand objects.
LISTING = 10

# fsspec's memory file system hands the same open file to every reader, and its exclusive create is two steps.
_MEMORY_LOCK = threading.RLock()


@frozen
class ObjectStore:
    """
    A bucket or container and a path in it. Keys were checked. Thread-safe; nothing to close.

    An object is created by one request that refuses to replace another (`mode="create"`), or by a
    multipart upload whose last request does. No call lasts longer than *call_timeout* seconds, but for
    listings and large uploads, which have more. *created_with* goes to the store with each new object.
    """

    protocol: str
    root: str
    fs: Any = field(repr=False)
    call_timeout: float = CALL_TIMEOUT
    created_with: Mapping[str, str] = field(factory=dict)

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Create the object, or raise `ObjectExists`.
        """
        with self._asking():
            content = _whole(stage)
            bound = self._within(self.call_timeout + len(content) / SLOWEST_UPLOAD)
            try:
                self.fs.pipe_file(self._path(key), content, mode="create", **self.created_with, **bound)
            except FileNotFoundError:
                raise StorageUnavailable(f"there is no such {self.protocol} bucket or container") from None
            except OSError as error:
                # What a failed If-None-Match comes back as.
                if error.errno == errno.EINVAL and self.fs.exists(self._path(key), **self._within()):
                    raise ObjectExists from None
                raise

    def size(self, key: str) -> int:
        """
        Return the object's size in bytes, or raise `ObjectMissing`.
        """
        with self._asking():
            info = self.fs.info(self._path(key), **self._within())
        if info["type"] != "file":
            raise ObjectMissing
        return int(info["size"])

    def read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end) in chunks of 256 KiB, fetched in blocks of 4 MiB.
        """
        size = self.size(key)
        stop = size if end is None else min(end, size)
        for at in range(start, stop, BLOCK):
            until = min(at + BLOCK, stop)
            with self._asking():
                # By name: to s3fs the second argument is a version.
                block = self.fs.cat_file(self._path(key), start=at, end=until, **self._within())
            if len(block) != until - at:
                raise StorageUnavailable("an object ended before its end")
            for offset in range(0, len(block), CHUNK):
                yield block[offset : offset + CHUNK]

    def delete(self, key: str) -> None:
        """
        Delete the object, if there is one.
        """
        with contextlib.suppress(ObjectMissing), self._asking():
            self.fs.rm_file(self._path(key), **self._within())

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """
        Yield every object that has a key, and the key begins with *prefix*.
        """
        folder = self._path(prefix.rpartition("/")[0]).rstrip("/")
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(ObjectMissing), self._asking():
            found = self.fs.find(folder, detail=True, **self._within(LISTING * self.call_timeout))
        start = len(self.root) + 1
        for path, info in found.items():
            key = path.removeprefix("/")[start:]
            if key.startswith(prefix) and is_key(key):
                yield StoredObject(key=key, size=int(info["size"]), modified_at=_modified(info))

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Return 0: an object here is created by one request, or by parts that the store itself forgets.
        """
        return 0

    def check(self) -> None:
        """
        Do nothing: whether such a store keeps what was deleted cannot be asked of it.
        """

    def lifecycle_gaps(self, exports: timedelta) -> Sequence[Gap]:
        """
        Say that it cannot be asked.
        """
        return (Gap.CANNOT_TELL,)

    def put_lifecycle(self, exports: timedelta) -> None:
        """
        Refuse: its own tools do that.
        """
        raise InvalidConfiguration(
            "storage.url", "such a storage takes no rule from here; give its own tools the rule"
        )

    def _within(self, seconds: float | None = None) -> dict[str, float]:
        # What fsspec runs in its own thread it can also give up; the memory file system answers at once.
        return {"timeout": seconds or self.call_timeout} if self.fs.async_impl else {}

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        with _MEMORY_LOCK if self.protocol == "memory" else contextlib.nullcontext():
            try:
                yield
            except ExportError:
                raise
            except FileNotFoundError:
                raise ObjectMissing from None
            except FileExistsError:
                raise ObjectExists from None
            except Exception as error:  # noqa: BLE001 — each store has its own exceptions, and they quote keys and URLs
                raise StorageUnavailable(
                    f"the {self.protocol} store refused or did not answer ({type(error).__name__})"
                ) from None


def _whole(stage: BinaryIO) -> bytes | mmap.mmap:
    size = stage.seek(0, io.SEEK_END)
    stage.seek(0)
    if size <= LARGEST_IN_MEMORY:
        return stage.read()
    with contextlib.suppress(OSError, AttributeError):
        return mmap.mmap(stage.fileno(), 0, access=mmap.ACCESS_READ)
    # A stage that is no file cannot be mapped; an unnamed copy of it can, for as long as the mapping lives.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stage, copy, CHUNK)
        copy.flush()
        return mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)


def _modified(info: dict[str, Any]) -> datetime | None:
    for name in ("LastModified", "last_modified", "mtime", "created"):
        match info.get(name):
            case datetime() as instant:
                return instant.astimezone(UTC)
            case float() as seconds:
                return datetime.fromtimestamp(seconds, UTC)
    return None
