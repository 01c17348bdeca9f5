"""
Keys that live as long as the process: for tests and demonstrations.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable
from datetime import UTC, datetime

from .ring import KeyRing
from .table import new_table

_NEVER_MIND_WHEN = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryKeys(KeyRing):
    """
    A `KeyRing` that nobody stores: what was made under it is lost with the process. Thread-safe.

    With a *seed* the keys are the same every time (and no secret); seals keep their random nonces.
    """

    def __init__(self, seed: bytes | None = None, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        source = randomness if seed is None else _stream(seed)
        super().__init__(new_table(_NEVER_MIND_WHEN, source), where="memory", randomness=randomness)


def _stream(seed: bytes) -> Callable[[int], bytes]:
    count = itertools.count()
    return lambda size: hashlib.shake_256(next(count).to_bytes(8) + seed).digest(size)
