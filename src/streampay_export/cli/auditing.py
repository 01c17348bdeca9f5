"""
`audit verify` and `audit prune`: what operators and auditors run over the audit trail.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve

from .._core.verification import Verdict, verify_chain
from ..audit.pruning import prune_trail
from ..configuration import read_configuration
from ..embedded import Places, open_checkpoints, open_trail
from ..errors import InvalidRequest, quoted_path
from ..keys.local import LocalKeys
from .deployment import operator
from .moments import instant
from .outcome import DONE, NO, print_json
from .terminal import log_to_terminal, say
from .wire import moment

_LITTLE = (
    "the checkpoints lie on the same disk as the trail: whoever can change one can change both, so they prove "
    "little; keep copies where this application cannot write, and give one with --checkpoint"
)


def audit_verify(config: Path, checkpoint: Path | None, tenant: str | None, *, as_json: bool) -> int:
    """
    Walk along the chain of a tenant, or of all, and return the exit code: 1 where it does not hold.
    """
    log_to_terminal(logging.WARNING)
    places = read_configuration(config).places
    keys = LocalKeys.load(places.keys)
    files = [places.checkpoints]
    if checkpoint is not None:
        if not checkpoint.is_file():
            raise InvalidRequest("checkpoint", f"there is no file {quoted_path(checkpoint)}")
        files.append(checkpoint.absolute())
    # Checkpoints before entries: one that is signed meanwhile would make the end look cut off.
    kept = [open_checkpoints(evolve(places, checkpoints=file), keys).genuine() for file in files]
    genuine = [each for found, _ in kept for each in found]
    strange = sum(others for _, others in kept)
    trail = open_trail(places, keys)
    try:
        tenants = [tenant] if tenant else sorted({*trail.tenants(), *(each.tenant for each in genuine)})
        verdicts = [
            verify_chain(keys.chain, name, trail.chain(name), [each for each in genuine if each.tenant == name])
            for name in tenants
        ]
    finally:
        trail.close()
    apart = checkpoint is not None or not _on_one_disk(places)
    intact = not strange and all(each.finding is None for each in verdicts)
    if as_json:
        forms = [_form(each) for each in verdicts]
        print_json({"intact": intact, "apart": apart, "strange_checkpoints": strange, "tenants": forms})
    else:
        for each in verdicts:
            print(_sentence(each))
        if not verdicts:
            print("the trail is empty, and no checkpoint says that it was not")
        if strange:
            print(f"{strange} checkpoints are not signed by this deployment's keys")
    if not apart:
        say(_LITTLE)
    return DONE if intact else NO


def audit_prune(config: Path, before: str | None, tenant: str, *, as_json: bool) -> None:
    """
    Delete the entries older than *before*, or than the configuration keeps them, behind a signed record.
    """
    configuration = read_configuration(config)
    places, now = configuration.places, datetime.now(UTC)
    until = instant("before", before) or _kept_since(now, configuration.retention.audit)
    keys = LocalKeys.load(places.keys)
    trail = open_trail(places, keys)
    try:
        deleted = prune_trail(
            evolve(operator(), tenant=tenant),
            trail,
            before=until,
            at=now,
            chain=keys.chain,
            checkpoints=open_checkpoints(places, keys),
        )
    finally:
        trail.close()
    if as_json:
        print_json({"tenant": tenant, "deleted": deleted})
    else:
        print(f"{tenant}: {deleted} entries deleted")


def _kept_since(now: datetime, period: timedelta | None) -> datetime:
    if period is None:
        raise InvalidRequest("before", "give a day or an instant, or set audit_days under [retention]")
    return now - period


def _sentence(verdict: Verdict) -> str:
    found = verdict.finding or f"intact up to number {verdict.size}"
    if verdict.by is None:
        return f"{verdict.tenant}: {found}; no checkpoint proves how much there was"
    by = f"the checkpoint of {moment(verdict.by.at)}"
    return f"{verdict.tenant}: {found}; proven up to number {verdict.proven_to} by {by}"


def _form(verdict: Verdict) -> dict[str, object]:
    by, finding = verdict.by, verdict.finding
    return {
        "tenant": verdict.tenant,
        "intact_to": verdict.size,
        "proven_to": verdict.proven_to,
        "checkpoint": by and {"size": by.size, "at": moment(by.at), "pruned": by.pruned},
        "finding": finding and {"kind": str(finding.kind), "first": finding.first, "last": finding.last},
    }


def _on_one_disk(places: Places) -> bool:
    trail = Path(places.audit.removeprefix("sqlite:///"))
    try:
        return trail.stat().st_dev == places.checkpoints.stat().st_dev
    except OSError:
        return False
