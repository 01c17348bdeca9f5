"""
Verifying a tenant's audit trail against its checkpoints.
"""

from __future__ import annotations

from .._core.chain import Mac
from .._core.verification import Verdict, verify_chain
from ..ports.audit import ChainedTrail
from .checkpoints import Checkpoints


def verify_trail(trail: ChainedTrail, tenant: str, *, chain: Mac, checkpoints: Checkpoints) -> Verdict:
    """
    Walk along a tenant's chain up to the first thing that is wrong, while others may go on appending.

    Raises `AuditUnavailable` when trail or checkpoints cannot be read.
    """
    # Checkpoints first: one that is signed meanwhile would make the end look cut off.
    genuine, _ = checkpoints.genuine(tenant)
    return verify_chain(chain, tenant, trail.chain(tenant), genuine)
