"""
Checkpoints: signed statements of how far a tenant's audit trail goes.

Links show every change by someone without the chain key but one: a chain cut short is a whole chain.
A checkpoint kept elsewhere says how long it was.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .signature import Signature


@frozen(kw_only=True)
class Checkpoint:
    """
    At the instant *at* (UTC) a tenant's trail had *size* entries, the last of them with this *link* (hex).

    A *pruned* one says besides that they were deleted on purpose: the trail begins behind them.
    """

    tenant: str
    size: int
    link: str
    at: datetime
    pruned: bool = False


@frozen(kw_only=True)
class SignedCheckpoint:
    """
    A checkpoint and the signature over its `wire.checkpoint_to_sign`.
    """

    checkpoint: Checkpoint
    signature: Signature
