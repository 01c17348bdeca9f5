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
    by = _pruned(begin, checkpoints)
    head = origin(mac, tenant) if by is None else Head(number=by.size, link=bytes.fromhex(by.link))
    ahead = sorted((each for each in checkpoints if each.size > head.number), key=lambda each: each.size)
    proven_to = head.number
    finding: Finding | None = None
    rest = chain(begin, links)
    for each in rest:
        if each.number != head.number + 1 or next_link(mac, head.link, each.number, each.entry) != each.link:
            finding = what_was_done(mac, head, [each, *islice(rest, LOOK_AHEAD)])
            break
        head = Head(number=each.number, link=each.link)
        while ahead and ahead[0].size == head.number and finding is None:
            checkpoint = ahead.pop(0)
            if checkpoint.link == head.link.hex():
                proven_to, by = head.number, checkpoint
            else:
                kind = Tampering.REPLACED if by is None else Tampering.REGROWN
                finding = Finding(kind=kind, first=proven_to + 1, last=head.number)
        if finding is not None:
            break
    else:
        if ahead:
            finding = Finding(kind=Tampering.CUT, first=head.number + 1, last=ahead[-1].size)
    return Verdict(tenant=tenant, size=head.number, proven_to=proven_to, by=by, finding=finding)


def _pruned(begin: Sequence[ChainedEntry], checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    ends = {each.size: each for each in checkpoints if each.pruned}
    return ends.get(begin[0].number - 1) if begin else None
