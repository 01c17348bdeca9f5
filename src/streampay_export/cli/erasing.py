"""
`erase`: a person's exports, and the replay of erasures over a restored job database.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict

from .._core.erasure import ErasureReceipt
from .._core.party import Subject
from ..errors import InvalidRequest
from .deployment import deployment, operator
from .exporting import subject_id
from .moments import instant
from .outcome import DONE, OUTSIDE, print_json
from .terminal import log_to_terminal, say
from .wire import moment


def erase(
    config: Path,
    subject: str | None,
    identifiers: Sequence[str],
    basis: str,
    retain_until: str | None,
    *,
    as_json: bool,
) -> int:
    """
    Erase one person and print the receipt; exit code 3 where the sweeper has to finish it.
    """
    if subject is None:
        raise InvalidRequest("subject", "say whom: --subject ID, or --subject - to read the id; or --replay")
    person, until = Subject(subject_id(subject), identifiers), instant("retain-until", retain_until)
    log_to_terminal(logging.WARNING)
    with deployment(config) as opened:
        receipt = opened.service.erase(operator(), person, basis=basis, retain_until=until)
    if as_json:
        print_json(_form(receipt))
    else:
        _tell(receipt)
        # A configuration file has no eraser.
        say("the rows of your own database are as they were: scrub them there, or erase from Python with an Eraser")
    return DONE if receipt.finished_at else OUTSIDE


def replay(config: Path, subject: str | None, *, as_json: bool) -> int:
    """
    Bring job database and tombstone log to what either knows.
    """
    if subject is not None:
        raise InvalidRequest("replay", "give either --subject ID or --replay, not both")
    with deployment(config) as opened:
        replayed = asdict(opened.service.replay_erasures(operator()))
    if as_json:
        print_json(replayed)
        return DONE
    print(", ".join(f"{name} {count}" for name, count in replayed.items()))
    if replayed["tombstones"]:
        say("if your own database was restored too, erase again there who was erased since")
    return DONE


def _tell(receipt: ErasureReceipt) -> None:
    print(f"receipt {receipt.id}: erased as of {moment(receipt.at)}, exports: {receipt.exports}")
    for each in receipt.retained:
        print(f"  retained: {each.dataset}.{each.field}: {each.basis}, until {each.until}")
    if receipt.finished_at is None:
        say("not finished: the sweeper goes on with it; run sweep, or see what it logs")


def _form(receipt: ErasureReceipt) -> dict[str, object]:
    return {
        "receipt": receipt.id,
        "at": moment(receipt.at),
        "basis": receipt.basis,
        "retain_until": moment(receipt.retain_until),
        "exports": receipt.exports,
        "retained": [asdict(each) for each in receipt.retained],
        "finished_at": moment(receipt.finished_at),
    }
