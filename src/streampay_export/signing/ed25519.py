"""
Ed25519 (RFC 8032) for manifests and checkpoints: anybody with the public key can check them, years later.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .._core.signature import KeyState, PublicKey, Signature, public_key_id
from ..errors import KeysMissing

_ORDER = (KeyState.CURRENT, KeyState.RETIRED, KeyState.REVOKED)


@frozen(kw_only=True)
class Ed25519Key:
    """
    One private key (the 32-byte seed of RFC 8032) and what it is good for.
    """

    seed: bytes = field(repr=False)
    state: KeyState = field(default=KeyState.CURRENT, converter=KeyState)

    def public(self) -> PublicKey:
        """
        Return the verification key, with its id.
        """
        raw = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return PublicKey(key_id=public_key_id(raw), raw=raw, state=self.state)


class Ed25519Signer:
    """
    A `ManifestSigner`, and a `CheckpointSigner`. Thread-safe; nothing to close.

    Takes keys, newest first: the first current one signs. Raises `KeysMissing` when none is current.
    """

    def __init__(self, keys: Iterable[Ed25519Key]) -> None:
        known = tuple(keys)
        current = next((key for key in known if key.state is KeyState.CURRENT), None)
        if current is None:
            raise KeysMissing("no signing key is current; make one")
        self._private = Ed25519PrivateKey.from_private_bytes(current.seed)
        self._key_id = current.public().key_id
        publics = [key.public() for key in known]
        self._public = tuple(sorted(publics, key=lambda key: _ORDER.index(key.state)))

    def sign(self, message: bytes) -> Signature:
        """
        Sign with the current key; the same message has the same signature.
        """
        return Signature(key_id=self._key_id, value=self._private.sign(message))

    def verify(self, message: bytes, signature: Signature) -> bool:
        """
        Return whether the signature is by one of these keys, and that one is not revoked.
        """
        key = next((key for key in self._public if key.key_id == signature.key_id), None)
        if key is None or key.state is KeyState.REVOKED:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature.value, message)
        except InvalidSignature:
            return False
        return True

    def public_keys(self) -> tuple[PublicKey, ...]:
        """
        Return the verification keys, current first, revoked last.
        """
        return self._public
