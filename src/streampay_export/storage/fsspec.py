"""
Artifacts where a URL says: a folder of this machine, or a store that fsspec knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import fsspec

from .._core.job import Protection
from ..errors import InvalidConfiguration, MissingExtra
from ..ports.storage import StoredObject
from .check import check_key, check_prefix, check_range
from .disk import Disk
from .lifecycle import Gap, LifecycleRule
from .objects import CALL_TIMEOUT, ObjectStore
from .s3 import Bucket

_URL = "storage.url"
# A lease is renewed meanwhile, but a person who waits has gone by then.
LONGEST_TIMEOUT = 600
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


class FsspecStorage:
    """
    A `Storage` behind a URL: `file:///folder`, `memory://name`, `s3://bucket/path`, `gs://…`, `az://…`.

    Thread-safe; nothing to close. Nothing is touched before the first call. *options* go to the fsspec
    file system (credentials, endpoint). With *protection* `store` an object store is given plain
    bundles, and asked to encrypt them. A call that is not answered within *call_timeout* seconds is
    `StorageUnavailable`. Raises `InvalidConfiguration`, and `MissingExtra` when the store's library is
    not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        protection: str = Protection.LIBRARY,
        call_timeout: float = CALL_TIMEOUT,
        **options: Any,
    ) -> None:
        if not 0 < call_timeout <= LONGEST_TIMEOUT:  # to fsspec nothing would mean for ever
            raise InvalidConfiguration("storage.call_timeout", f"more than 0 and at most {LONGEST_TIMEOUT} seconds")
        self._url = url
        self.protection = _protection(protection)
        self._place = _open(url, self.protection, call_timeout, options)

    def __repr__(self) -> str:
        return f"FsspecStorage({self._url!r})"

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Store everything *stage* holds under *key*: whole or not at all, and only if the key was free.

        Should the answer to a stored object be lost on the way, the next try says `ObjectExists`.
        """
        check_key(key)
        self._place.put(key, stage)

    def size(self, key: str) -> int:
        """
        Return the object's size in bytes, or raise `ObjectMissing`.
        """
        check_key(key)
        return self._place.size(key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """
        Yield the bytes [start, end) in chunks of 256 KiB; `ObjectMissing` if there is none.
        """
        check_key(key)
        check_range(start, end)
        return self._place.read(key, start, end)

    def delete(self, key: str) -> None:
        """
        Delete the object; not an error when there is none.
        """
        check_key(key)
        self._place.delete(key)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """
        Yield every object whose key begins with *prefix*.
        """
        check_prefix(prefix)
        return self._place.list(prefix)

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Remove what writers killed before *older_than* left unfinished; return how many.
        """
        return self._place.sweep_leftovers(older_than)

    def check(self) -> None:
        """
        Raise `InvalidConfiguration` where a bucket keeps versions of what is deleted here.

        Of S3 only this can be asked; it writes and deletes an empty object where versions are kept.
        Without it the first `put` asks.
        """
        self._place.check()

    def lifecycle_document(self, exports: timedelta) -> Mapping[str, Any]:
        """
        Return the rule by which the storage deletes by itself what outlives *exports*, as its own tools take it.

        Raises `InvalidConfiguration` for a folder, and for a bucket without a path in it.
        """
        scheme, _, root = self._url.rstrip("/").partition("://")
        if scheme not in _EXTRAS:
            raise InvalidConfiguration(_URL, Gap.NO_RULES.sentence)
        rule = LifecycleRule.of(root, exports)
        if scheme == "s3":
            return {"Rules": [rule.for_s3()]}
        return rule.for_google() if scheme == "gs" else rule.for_azure()

    def lifecycle_gaps(self, exports: timedelta) -> Sequence[Gap]:
        """
        Return what the storage does not do by itself; nothing where such a rule is in place. S3 alone can be asked.
        """
        return self._place.lifecycle_gaps(exports)

    def put_lifecycle(self, exports: timedelta) -> None:
        """
        Put that rule into an S3 bucket, beside those of others; `InvalidConfiguration` for any other storage.
        """
        self._place.put_lifecycle(exports)


def _protection(word: str) -> Protection:
    try:
        return Protection(word)
    except ValueError:
        raise InvalidConfiguration("storage.protection", "write library or store") from None


def _open(url: str, protection: Protection, call_timeout: float, options: dict[str, Any]) -> Disk | ObjectStore:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidConfiguration(_URL, "write a URL such as file:///var/exports") from None
    if not url.isprintable():  # urlsplit drops line breaks without a word
        raise InvalidConfiguration(_URL, "write it without line breaks and control characters")
    if "::" in url:
        raise InvalidConfiguration(_URL, "chains with :: are not allowed; name one store")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidConfiguration(_URL, "write it without user, query and fragment; credentials go elsewhere")
    if protection is Protection.STORE and parts.scheme not in _EXTRAS:
        raise InvalidConfiguration("storage.protection", "only s3://, gs:// and az:// encrypt what they are given")
    if parts.scheme == "file":
        return _disk(parts.netloc, parts.path, options)
    if parts.scheme not in {"memory", *_EXTRAS}:
        raise InvalidConfiguration(_URL, "begin it with one of: file://, memory://, s3://, gs://, az://")
    root = (parts.netloc + parts.path).rstrip("/")
    if not _PLACE.fullmatch(root):
        raise InvalidConfiguration(_URL, f"write {parts.scheme}://name or {parts.scheme}://name/path")
    fs = _file_system(parts.scheme, options)
    if parts.scheme != "s3":
        return ObjectStore(parts.scheme, root, fs, call_timeout)  # the others encrypt without being asked
    return Bucket(parts.scheme, root, fs, call_timeout, _encryption(protection, options))


def _disk(host: str, path: str, options: dict[str, Any]) -> Disk:
    folder = unquote(path)
    if host or not folder.startswith("/") or "\0" in folder:
        raise InvalidConfiguration(_URL, "write file:/// and an absolute path, such as file:///var/exports")
    if options:
        raise InvalidConfiguration("storage", "a file:// storage takes no further options")
    return Disk(Path(folder))


def _encryption(protection: Protection, options: dict[str, Any]) -> dict[str, str]:
    theirs = options.get("s3_additional_kwargs", {})
    if protection is Protection.LIBRARY or "ServerSideEncryption" in theirs:
        return {}
    return {"ServerSideEncryption": "AES256"}


def _file_system(protocol: str, options: dict[str, Any]) -> Any:
    # Listings kept in memory would go stale as soon as another process writes.
    settings = {"use_listings_cache": False, "skip_instance_cache": True, **options}
    try:
        return fsspec.filesystem(protocol, **settings)
    except ImportError:
        raise MissingExtra(extra=_EXTRAS[protocol], needed_for=f"a storage at {protocol}://") from None
