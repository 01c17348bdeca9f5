"""Signatures: short-lived tickets, and manifests for years."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .._core.signature import KeyState, PublicKey, Signature

__all__ = ["CheckpointSigner", "KeyState", "ManifestSigner", "PublicKey", "Signature", "TicketSigner"]


class TicketSigner(Protocol):
    """
    Signs short messages with the current key and verifies with every key not revoked. Thread-safe.
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
        Return the verification keys, current first; revoked ones last, so that a refusal can say why.
        """


class CheckpointSigner(Protocol):
    """
    Signs checkpoints of the audit trail with Ed25519 (RFC 8032). Thread-safe.
    """

    def sign(self, message: bytes) -> Signature:
        """
        Sign with the current key.
        """

    def verify(self, message: bytes, signature: Signature) -> bool:
        """
        Return whether the signature is by a known key that is not revoked.
        """
