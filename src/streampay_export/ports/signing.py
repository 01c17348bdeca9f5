"""Signatures: short-lived tickets, and manifests for years."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen


@frozen(kw_only=True)
class Signature:
    """
    A signature or MAC and the id of the key that made it.
    """

    key_id: str
    value: bytes


@frozen(kw_only=True)
class PublicKey:
    """
    An Ed25519 verification key. *state* is `current`, `retired` (still verifies) or `revoked`.
    """

    key_id: str
    raw: bytes = field(repr=False)
    state: str = "current"


class TicketSigner(Protocol):
    """
    Signs ticket messages with the newest key and verifies with every key not revoked. Thread-safe.
    """

    def sign(self, message: bytes) -> Signature:
        """
        Sign with the current key.
        """

    def verify(self, message: bytes, signature: Signature) -> bool:
        """
        Return whether the signature is by a known key that is not revoked. Constant-time.
        """


class ManifestSigner(Protocol):
    """
    Signs manifests with Ed25519 (RFC 8032). Thread-safe.
    """

    def sign(self, message: bytes) -> Signature:
        """
        Sign with the current key.
        """

    def public_keys(self) -> Sequence[PublicKey]:
        """
        Return the verification keys, current first.
        """
