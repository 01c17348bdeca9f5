"""
Objects in an S3 bucket: deleted with all their versions, and uploads that were never finished swept.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from attrs import field, frozen

from ..errors import InvalidConfiguration, StorageUnavailable
from .check import is_key
from .lifecycle import RULE, Gap, LifecycleRule
from .objects import ObjectStore

# No tenant's: artifacts lie three segments deep.
_PROBE = "start-check"
_NOTHING_OF_THE_KIND = frozenset(
    {"NotImplemented", "NoSuchLifecycleConfiguration", "ObjectLockConfigurationNotFoundError"}
)

# What a bucket says beside its rules, and would forget if it were not told again.
_KEPT = ("TransitionDefaultMinimumObjectSize",)


@frozen
class Bucket(ObjectStore):
    """
    An S3 bucket and a path in it. Keys were checked. Thread-safe; nothing to close.

    In a bucket that keeps versions a plain delete would only hide an object. So nothing is put here
    before it is known that it can be deleted.
    """

    _known: threading.Event = field(factory=threading.Event, init=False, eq=False, repr=False)

    def put(self, key: str, stage: BinaryIO) -> None:
        """
        Create the object, or raise `ObjectExists`; for the first one, what `check` raises too.
        """
        if not self._known.is_set():
            self.check()
        ObjectStore.put(self, key, stage)

    def delete(self, key: str) -> None:
        """
        Delete the object with all its versions and delete markers, if there are any.
        """
        with self._asking():
            versions = self._keeps_versions()
            if versions:
                self._delete_versions(key)
        if not versions:
            ObjectStore.delete(self, key)

    def sweep_leftovers(self, older_than: datetime) -> int:
        """
        Abort the multipart uploads under this path that began before *older_than*; return how many.
        """
        swept = 0
        with self._asking():
            for upload in self._uploads():
                if upload["Initiated"] < older_than and is_key(upload["Key"].removeprefix(self._prefix)):
                    with contextlib.suppress(FileNotFoundError):  # finished, or swept by somebody else
                        self._ask("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
                        swept += 1
        return swept

    def check(self) -> None:
        """
        Raise `InvalidConfiguration` unless all versions of what lies here can be deleted.

        Where the bucket keeps versions, or once did, it is tried with an empty object of its own.
        """
        with self._granted("s3:GetBucketVersioning"):
            versions = self._keeps_versions()
        if versions:
            self._try_deleting()
        self._known.set()

    def _try_deleting(self) -> None:
        with self._granted("s3:GetBucketObjectLockConfiguration"):
            if self._retains():
                raise InvalidConfiguration(
                    "storage.url", "its object lock keeps each object for a time; take a bucket without a retention"
                )
        probe = f"{_PROBE}/{secrets.token_hex(16)}"
        with self._granted("s3:PutObject"):
            self.fs.pipe_file(self._path(probe), b"", mode="create", **self.created_with, **self._within())
        with self._granted("s3:ListBucketVersions and s3:DeleteObjectVersion"):
            self._delete_versions(probe)

    def lifecycle_gaps(self, exports: timedelta) -> Sequence[Gap]:
        """
        Ask the bucket for its rules, and return what they lack.
        """
        rule = LifecycleRule.of(self.root, exports)
        with self._granted("s3:GetLifecycleConfiguration and s3:GetBucketVersioning"):
            rules = self._said("get_bucket_lifecycle_configuration").get("Rules", ())
            return rule.gaps(rules, versions=self._keeps_versions())

    def put_lifecycle(self, exports: timedelta) -> None:
        """
        Put our rule beside those of others, in the place of an earlier one of ours.
        """
        rule = LifecycleRule.of(self.root, exports)
        with self._granted("s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration"):
            there = self._said("get_bucket_lifecycle_configuration")
            others = [each for each in there.get("Rules", ()) if each.get("ID") != RULE]
            kept = {name: there[name] for name in _KEPT if name in there}
            rules = {"Rules": [*others, rule.for_s3()]}
            self._ask("put_bucket_lifecycle_configuration", LifecycleConfiguration=rules, **kept)

    @property
    def _prefix(self) -> str:
        return self._path("").partition("/")[2]

    def _ask(self, method: str, **arguments: Any) -> Any:
        bucket = self.root.partition("/")[0]
        return self.fs.call_s3(method, Bucket=bucket, **arguments, **self._within())

    def _keeps_versions(self) -> bool:
        return "Status" in self._said("get_bucket_versioning")

    def _retains(self) -> bool:
        return "Rule" in self._said("get_object_lock_configuration").get("ObjectLockConfiguration", {})

    def _said(self, method: str) -> Any:
        try:
            return self._ask(method)
        except OSError as error:
            if _code(error) in _NOTHING_OF_THE_KIND:
                return {}
            raise

    def _delete_versions(self, key: str) -> None:
        # Markers last: an older version that still stands would come back into view.
        for version in sorted(self._versions(key), key=lambda each: "Size" not in each):
            self._ask("delete_object", Key=version["Key"], VersionId=version["VersionId"])

    def _versions(self, key: str) -> Iterator[dict[str, Any]]:
        prefix = self._prefix + key
        for page in self._pages("list_object_versions", prefix, "KeyMarker", "VersionIdMarker"):
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if version["Key"] == prefix:
                    yield version

    def _uploads(self) -> Iterator[dict[str, Any]]:
        for page in self._pages("list_multipart_uploads", self._prefix, "KeyMarker", "UploadIdMarker"):
            yield from page.get("Uploads", ())

    def _pages(self, method: str, prefix: str, *markers: str) -> Iterator[dict[str, Any]]:
        after: dict[str, Any] = {}
        more = True
        while more:
            page = self._ask(method, Prefix=prefix, **after)
            yield page
            after = {name: page[f"Next{name}"] for name in markers if page.get(f"Next{name}")}
            more = bool(page.get("IsTruncated") and after)

    @contextlib.contextmanager
    def _granted(self, rights: str) -> Iterator[None]:
        with self._asking():
            try:
                yield
            except PermissionError as error:
                if _code(error) != "AccessDenied":
                    raise  # a wrong or expired key, of which no right is missing
                raise InvalidConfiguration(
                    "storage.url", f"what is deleted from this bucket might stay in it; grant {rights}"
                ) from None
            except FileNotFoundError:
                raise StorageUnavailable("there is no such s3 bucket") from None


def _code(error: OSError) -> Any:
    return getattr(error.__cause__, "response", {}).get("Error", {}).get("Code")
