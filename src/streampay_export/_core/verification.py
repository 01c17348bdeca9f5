"""
A walk along an audit trail's chain: what it proves, and the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from attrs import frozen

from .chain import ChainedEntry, Head, Mac, next_link, origin
from .checkpoint import Checkpoint
from .tampering import LOOK_AHEAD, Finding, Tampering, what_was_done


@frozen(kw_only=True)
class Verdict:
    """
    What stands in a tenant's trail up to number *size*, the last one in its place, and what that proves.

    Up to *proven_to* it is what was recorded, and all of it: checkpoint *by* says so. Behind, the links
    hold too, but cutting the end off would not show. *finding* is the first thing that is wrong.
    """

    tenant: str
    size: int
    proven_to: int
    by: Checkpoint | None = None
    finding: Finding | None = None


def verify_chain(
    mac: Mac, tenant: str, stored: Iterable[ChainedEntry], checkpoints: Sequence[Checkpoint]
) -> Verdict:
    """
    Walk along a tenant's chain, as it is stored, up to the first thing that is wrong.

    *checkpoints* are genuine, this tenant's, and were read before the chain was, which only grows. A
    chain that does not begin with number 1 must begin where one that says *pruned* ends.
    """
    links = iter(stored)
    begin = list(islice(links, 1))
    started = _pruned(begin, checkpoints)
    head = origin(mac, tenant) if started is None else Head(number=started.size, link=bytes.fromhex(started.link))
    ahead = sorted((each for each in checkpoints if each.size > head.number), key=lambda each: each.size)
    agreed = [] if started is None else [started]
    kind = Tampering.CUT
    rest = chain(begin, links)
    for each in rest:
        if each.number != head.number + 1 or next_link(mac, head.link, each.number, each.entry) != each.link:
            finding = what_was_done(mac, head, [each, *islice(rest, LOOK_AHEAD)])
            return _verdict(tenant, head, agreed, finding)
        head = Head(number=each.number, link=each.link)
        while ahead and ahead[0].size == head.number and ahead[0].link == head.link.hex():
            agreed.append(ahead.pop(0))
        if ahead and ahead[0].size == head.number:
            kind = Tampering.REGROWN
            break
    if not ahead:
        return _verdict(tenant, head, agreed, None)
    # What was signed after the cut agrees with what has grown since, and proves nothing of what was before.
    before = min(each.at for each in ahead)
    agreed = [each for each in agreed if each.at <= before]
    if kind is Tampering.CUT:
        finding = Finding(kind=kind, first=head.number + 1, last=ahead[-1].size)
    else:
        first = agreed[-1].size + 1 if agreed else 1
        finding = Finding(kind=kind if agreed else Tampering.REPLACED, first=first, last=head.number)
    return _verdict(tenant, head, agreed, finding)


def _verdict(tenant: str, head: Head, agreed: Sequence[Checkpoint], finding: Finding | None) -> Verdict:
    by = agreed[-1] if agreed else None
    return Verdict(tenant=tenant, size=head.number, proven_to=by.size if by else 0, by=by, finding=finding)


def _pruned(begin: Sequence[ChainedEntry], checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    ends = {each.size: each for each in checkpoints if each.pruned}
    return ends.get(begin[0].number - 1) if begin else None
