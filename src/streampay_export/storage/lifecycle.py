"""
The second line of defence: a bucket that deletes by itself what no sweeper deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from attrs import frozen

from ..errors import InvalidConfiguration

RULE = "streampay-export"
# A rule that waits for longer would be one by accident: it is somebody else's, for something else.
LATEST = 30
_DAY = timedelta(days=1)


class Gap(StrEnum):
    """
    What a storage does not do by itself.
    """

    MISSING = "missing"
    TOO_EARLY = "too-early"
    VERSIONS_STAY = "versions-stay"
    UPLOADS_STAY = "uploads-stay"
    CANNOT_TELL = "cannot-tell"
    NO_RULES = "no-rules"

    @property
    def sentence(self) -> str:
        """
        What is wrong, and what to do.
        """
        return _SENTENCES[self]


_SENTENCES = {
    Gap.MISSING: f"no rule deletes files at most {LATEST} days after they were stored; retention apply makes one",
    Gap.TOO_EARLY: "a rule deletes files that have not expired yet; change it, or narrow its prefix",
    Gap.VERSIONS_STAY: "the bucket keeps versions and no rule deletes them; retention apply makes one",
    Gap.UPLOADS_STAY: "no rule aborts uploads that were never finished; retention apply makes one",
    Gap.CANNOT_TELL: "this storage cannot be asked for its rules from here; compare them with retention rule",
    Gap.NO_RULES: "a folder deletes nothing by itself: the sweeper alone does",
}


@frozen(kw_only=True)
class LifecycleRule:
    """
    Delete what lies under a path of a bucket or container, *days* after it was stored.

    A day more than files live, so that the sweeper is always first: it shreds and records, a bucket does
    neither. What is unfinished or no longer current goes after a day, the shortest that there is. As objects
    are counted from when they were stored, parts of an export that is paused for longer go too, and are read again.
    """

    bucket: str
    path: str
    days: int

    @classmethod
    def of(cls, root: str, exports: timedelta) -> LifecycleRule:
        """
        Return the rule for a bucket and a path in it, whose files live for *exports*.

        Raises `InvalidConfiguration` without a path: the rule would delete all that is in the bucket.
        """
        bucket, _, path = root.partition("/")
        if not path:
            raise InvalidConfiguration(
                "storage.url", "add a path: without one the rule would delete whatever is in the bucket"
            )
        return cls(bucket=bucket, path=f"{path}/", days=-(-exports // _DAY) + 1)

    def for_s3(self) -> Mapping[str, Any]:
        """
        Return one of the `Rules` of S3's lifecycle configuration.
        """
        return {
            "ID": RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": self.path},
            "Expiration": {"Days": self.days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }

    def for_google(self) -> Mapping[str, Any]:
        """
        Return a lifecycle configuration of Google Cloud Storage.
        """
        under = {"matchesPrefix": [self.path]}
        return {
            "rule": [
                {"action": {"type": "Delete"}, "condition": {"age": self.days, **under}},
                {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 1, **under}},
                {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1, **under}},
            ]
        }

    def for_azure(self) -> Mapping[str, Any]:
        """
        Return a management policy of an Azure storage account.
        """
        after = {"delete": {"daysAfterCreationGreaterThan": self.days}}
        return {
            "rules": [
                {
                    "name": RULE,
                    "enabled": True,
                    "type": "Lifecycle",
                    "definition": {
                        "filters": {"blobTypes": ["blockBlob"], "prefixMatch": [f"{self.bucket}/{self.path}"]},
                        "actions": {"baseBlob": after, "version": after, "snapshot": after},
                    },
                }
            ]
        }

    def gaps(self, rules: Sequence[Mapping[str, Any]], *, versions: bool) -> Sequence[Gap]:
        """
        Return what the enabled *rules* of an S3 bucket lack, or do too early; *versions*: whether it keeps them.
        """
        enabled = [rule for rule in rules if rule.get("Status") == "Enabled" and not _by_tag(rule)]
        ours = [rule for rule in enabled if self.path.startswith(_prefix(rule)) and not _by_size(rule)]
        touching = [
            rule for rule in enabled if self.path.startswith(_prefix(rule)) or _prefix(rule).startswith(self.path)
        ]
        found = {
            Gap.MISSING: not any(_days(rule) <= LATEST for rule in ours),
            Gap.TOO_EARLY: any(_days(rule) < self.days - 1 for rule in touching),
            Gap.VERSIONS_STAY: versions and not any("NoncurrentVersionExpiration" in rule for rule in ours),
            Gap.UPLOADS_STAY: not any("AbortIncompleteMultipartUpload" in rule for rule in ours),
        }
        return [gap for gap, is_there in found.items() if is_there]


_NEVER = 10**6


def _days(rule: Mapping[str, Any]) -> int:
    expiration = rule.get("Expiration", {})
    if "Date" in expiration:
        return 0  # from that day on it deletes at once
    return int(expiration.get("Days", _NEVER))


def _filter(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = rule.get("Filter", {})
    return {"Prefix": rule.get("Prefix", ""), **conditions, **conditions.get("And", {})}


def _prefix(rule: Mapping[str, Any]) -> str:
    return str(_filter(rule)["Prefix"])


def _by_tag(rule: Mapping[str, Any]) -> bool:
    # Nothing of ours has a tag.
    return not {"Tag", "Tags"}.isdisjoint(_filter(rule))


def _by_size(rule: Mapping[str, Any]) -> bool:
    return not {"ObjectSizeGreaterThan", "ObjectSizeLessThan"}.isdisjoint(_filter(rule))
