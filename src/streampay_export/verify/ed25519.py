"""
Ed25519 (RFC 8032) by cryptography, kept apart so that checking integrity alone does not load it.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def raw_of_pem(data: bytes) -> bytes:
    """
    Return the 32 bytes of a PEM public key, or raise `TypeError` or `ValueError` when it is no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(data)
    except UnsupportedAlgorithm:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("the key is not an Ed25519 public key")
    return key.public_bytes_raw()


def signed_by(raw: bytes, signature: bytes, message: bytes) -> bool:
    """
    Return whether *signature* over *message* was made with the private half of *raw*.
    """
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True
