"""
Configuration, catalog, policy, keys or installation are at fault.
"""

from __future__ import annotations

from attrs import define

from .root import ExportError


class SetupError(ExportError):
    """
    Configuration, catalog, policy or keys are wrong; the operator or developer must mend them.
    """

    slug = "setup"


@define
class InvalidConfiguration(SetupError):
    """
    A configuration key is wrong; *problem* says what would be right.
    """

    slug = "invalid-configuration"

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


@define
class InvalidCatalog(SetupError):
    """
    A catalog is inconsistent; *where* is `dataset` or `dataset.field`.
    """

    slug = "invalid-catalog"

    where: str
    problem: str

    def __str__(self) -> str:
        return f"catalog, {self.where}: {self.problem}"


@define
class InvalidPolicy(SetupError):
    """
    A policy does not fit its catalog; *where* is `profile`, or `profile: dataset.field`.
    """

    slug = "invalid-policy"

    where: str
    problem: str

    def __str__(self) -> str:
        return f"policy, {self.where}: {self.problem}"


@define
class SourceMismatch(SetupError):
    """
    The source does not have what the catalog says: no such table or column, or of another kind.
    """

    slug = "source-mismatch"

    dataset: str
    problem: str

    def __str__(self) -> str:
        return f"dataset {self.dataset}: {self.problem}"


@define
class KeysMissing(SetupError):
    """
    Key material is missing, unknown, too short, or readable by others.
    """

    slug = "keys-missing"

    problem: str

    def __str__(self) -> str:
        return f"keys: {self.problem}"


@define
class ErasuresMissing(SetupError):
    """
    The job database and the tombstone log do not know the same erasures, as after a restored backup.
    """

    slug = "erasures-missing"

    problem: str

    def __str__(self) -> str:
        return f"{self.problem}: nothing is served until they agree; run: streampay-export erase --replay"


@define
class TombstonesBroken(SetupError):
    """
    The tombstone log is not what was appended to it. *number* is the first tombstone that does not hold.
    """

    slug = "tombstones-broken"

    number: int

    def __str__(self) -> str:
        return f"the tombstone log does not hold at number {self.number}; bring back a copy of it"


@define
class MissingExtra(SetupError):
    """
    An optional dependency is not installed.
    """

    slug = "missing-extra"

    extra: str
    needed_for: str

    def __str__(self) -> str:
        return f"{self.needed_for} needs: pip install 'streampay-export[{self.extra}]'"
