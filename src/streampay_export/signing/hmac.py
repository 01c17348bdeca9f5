"""
HMAC-SHA256 (RFC 2104) for tickets and cursors: what this deployment makes and checks itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from attrs import field, frozen

from .._core.signature import KeyState, Signature
from ..errors import KeysMissing


@frozen(kw_only=True)
class HmacKey:
    """
    One secret of 32 bytes, its id, and what it is good for.
    """

    key_id: str
    secret: bytes = field(repr=False)
    state: KeyState = field(default=KeyState.CURRENT, converter=KeyState)


class HmacSigner:
    """
    A `TicketSigner`. Thread-safe; nothing to close.

    Takes keys, newest first: the first current one signs. Raises `KeysMissing` when none is current.
    """

    def __init__(self, keys: Iterable[HmacKey]) -> None:
        known = tuple(keys)
        current = next((key for key in known if key.state is KeyState.CURRENT), None)
        if current is None:
            raise KeysMissing("no signing key is current; make one")
        self._current = current
        self._verifying = {key.key_id: key.secret for key in known if key.state is not KeyState.REVOKED}

    def sign(self, message: bytes) -> Signature:
        """
        Sign with the current key.
        """
        return Signature(key_id=self._current.key_id, value=_mac(self._current.secret, message))

    def verify(self, message: bytes, signature: Signature) -> bool:
        """
        Return whether a known key that is not revoked made the signature. Constant-time.
        """
        secret = self._verifying.get(signature.key_id)
        return secret is not None and hmac.compare_digest(_mac(secret, message), signature.value)


def _mac(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, "sha256")
