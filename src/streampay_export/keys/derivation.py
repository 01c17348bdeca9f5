"""
From a secret to the keys of one purpose each: HKDF-SHA256 (RFC 5869) with a label.
"""

from __future__ import annotations

import base64
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_BYTES = 32
_LABEL = b"streampay-export 1 "


class KeyPurpose(StrEnum):
    """
    What a key is for. The value is its HKDF label: changing one loses everything made under it.
    """

    KEY_ENCRYPTION = "key-encryption"
    OWNER_TAG = "owner-tag"
    TOMBSTONE = "tombstone"
    AUDIT_PSEUDONYM = "audit-pseudonym"
    AUDIT_CHAIN = "audit-chain"
    CHECKPOINT = "checkpoint"
    MANIFEST = "manifest"
    TICKET = "ticket"
    CURSOR = "cursor"


def derive(secret: bytes, label: str, context: bytes = b"") -> bytes:
    """
    Return the 32-byte key for *label* and *context* under a uniformly random 32-byte secret.
    """
    return _expand(secret, label, context, KEY_BYTES)


def public_id(secret: bytes, label: str) -> str:
    """
    Return 16 characters of `a-z2-7` that name the key for *label* and say nothing about it.
    """
    return base64.b32encode(_expand(secret, "id of " + label, b"", 10)).decode("ascii").lower()


def _expand(secret: bytes, label: str, context: bytes, size: int) -> bytes:
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a secret has {KEY_BYTES} bytes")
    # A newline ends the label, so that no context can turn one purpose into another. RFC 5869 lets the
    # extract step go where the input is uniformly random already.
    info = _LABEL + label.encode("ascii") + b"\n" + context
    return HKDFExpand(algorithm=SHA256(), length=size, info=info).derive(secret)
