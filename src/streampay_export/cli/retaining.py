"""
`retention rule`, `check` and `apply`: what a bucket deletes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._core.retention import Retention
from ..configuration import read_configuration
from ..storage.fsspec import FsspecStorage
from .outcome import DONE, NO, print_json
from .terminal import say


def rule(config: Path) -> None:
    """
    Print the rule in the form that the storage's own tools take.
    """
    storage, retention = _opened(config)
    print_json(storage.lifecycle_document(retention.exports))


def check(config: Path, *, as_json: bool) -> int:
    """
    Say whether the storage deletes by itself what no sweeper deleted; the exit code is 1 where it does not.
    """
    storage, retention = _opened(config)
    gaps = storage.lifecycle_gaps(retention.exports)
    if as_json:
        found: list[Mapping[str, Any]] = [{"kind": str(gap), "problem": gap.sentence} for gap in gaps]
        print_json({"in_place": not gaps, "findings": found})
    else:
        for gap in gaps:
            print(f"{gap}: {gap.sentence}")
        if not gaps:
            print("the storage deletes by itself what no sweeper deleted")
    return NO if gaps else DONE


def apply(config: Path, *, as_json: bool) -> int:
    """
    Put the rule into the bucket, beside those of others, and check.
    """
    storage, retention = _opened(config)
    storage.put_lifecycle(retention.exports)
    if not as_json:
        say("the rule is in the bucket; a bucket takes up to a day to follow a new one")
    return check(config, as_json=as_json)


def _opened(config: Path) -> tuple[FsspecStorage, Retention]:
    configuration = read_configuration(config)
    places = configuration.places
    return FsspecStorage(places.storage, protection=places.protection), configuration.retention
