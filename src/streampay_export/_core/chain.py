"""
Arithmetic of the audit trail: a keyed chain per tenant.

    link 0 = MAC(32 zero bytes | 0 | tenant)
    link n = MAC(link n-1 | n | entry n)

Numbers are dense from 1 and spelled as 8 bytes, big-endian; an entry is its canonical JSON. The MAC comes
with its key inside, so nobody here knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import field, frozen

Mac: TypeAlias = Callable[[bytes], bytes]
"""A MAC of 32 bytes under a key that it does not give out. Thread-safe."""

LINK_BYTES = 32


@frozen(kw_only=True)
class Head:
    """
    How far a tenant's chain goes: the last number and its link. Number 0 is the chain's origin.
    """

    number: int
    link: bytes = field(repr=False)


@frozen(kw_only=True)
class ChainedEntry:
    """
    One link of a chain as it is stored: number, link and entry, none of them checked.
    """

    number: int
    link: bytes = field(repr=False)
    entry: bytes = field(repr=False)


def next_link(mac: Mac, before: bytes, number: int, entry: bytes) -> bytes:
    """
    Return the link of the entry with this number, which follows the link *before*.
    """
    return mac(before + number.to_bytes(8) + entry)


def origin(mac: Mac, tenant: str) -> Head:
    """
    Return where a tenant's chain begins; it is stored nowhere.
    """
    return Head(number=0, link=next_link(mac, bytes(LINK_BYTES), 0, tenant.encode()))


def chained(mac: Mac, head: Head, entry: bytes) -> ChainedEntry:
    """
    Return the entry with the number and the link that follow *head*.
    """
    number = head.number + 1
    return ChainedEntry(number=number, link=next_link(mac, head.link, number, entry), entry=entry)
