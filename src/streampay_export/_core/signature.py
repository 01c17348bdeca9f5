"""
Signatures and the keys that check them, as plain values.
"""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from attrs import field, frozen


class KeyState(StrEnum):
    """
    What a key is good for: `current` signs and verifies, `retired` verifies only, `revoked` nothing.
    """

    CURRENT = "current"
    RETIRED = "retired"
    REVOKED = "revoked"


@frozen(kw_only=True)
class Signature:
    """
    A signature or MAC and the id of the key that made it.
    """

    key_id: str
    value: bytes = field(repr=False)


@frozen(kw_only=True)
class PublicKey:
    """
    An Ed25519 verification key of 32 bytes, its id, and what it is good for.
    """

    key_id: str
    raw: bytes = field(repr=False)
    state: KeyState = field(default=KeyState.CURRENT, converter=KeyState)


def public_key_id(raw: bytes) -> str:
    """
    Return the id of a raw public key: 16 characters of its SHA-256, which anybody can recompute.
    """
    return base64.b32encode(hashlib.sha256(raw).digest()[:10]).decode("ascii").lower()
