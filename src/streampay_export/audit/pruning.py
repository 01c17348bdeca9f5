"""
Pruning: the oldest entries of the audit trail are deleted, and a signed record says up to where.
"""

from __future__ import annotations

from datetime import datetime

from .._core.chain import ChainedEntry, Mac
from .._core.checkpoint import Checkpoint
from .._core.party import Actor, Capacity
from .._core.wire import read_entry
from ..errors import NotFound, TrailBroken
from ..ports.audit import ChainedTrail
from .checkpoints import Checkpoints
from .verification import verify_trail


def prune_trail(
    actor: Actor, trail: ChainedTrail, *, before: datetime, at: datetime, chain: Mac, checkpoints: Checkpoints
) -> int:
    """
    Delete the entries of the actor's tenant that are older than *before*; return how many. For operators alone.

    The trail is verified first: pruning a trail that does not hold would destroy the evidence. What
    stays is verifiable from the signed record "pruned to n" on, made at the instant *at*. The last
    entry stays always, as does everything behind the first that is not older. An entry that was
    pruned is recorded again when it is sent again.

    Raises `NotFound` for anybody but an operator, `TrailBroken`, and `AuditUnavailable`.
    """
    if actor.capacity is not Capacity.OPERATOR:
        raise NotFound
    verdict = verify_trail(trail, actor.tenant, chain=chain, checkpoints=checkpoints)
    if verdict.finding is not None:
        raise TrailBroken(tenant=actor.tenant, problem=str(verdict.finding))
    last = _last_older(trail, actor.tenant, before, verdict.size)
    if last is None:
        return 0
    record = Checkpoint(tenant=actor.tenant, size=last.number, link=last.link.hex(), at=at, pruned=True)
    # First the record: a crash between the two leaves more than it says, never less.
    checkpoints.sign(record)
    return trail.prune(record)


def _last_older(trail: ChainedTrail, tenant: str, before: datetime, size: int) -> ChainedEntry | None:
    last: ChainedEntry | None = None
    for each in trail.chain(tenant):
        if each.number >= size or read_entry(each.entry.decode("ascii")).at >= before:
            break
        last = each
    return last
