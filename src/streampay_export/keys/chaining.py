"""
The MAC that links the entries of the audit trail, and marks the lines of the tombstone log.
"""

from __future__ import annotations

import hmac


class HmacChain:
    """
    A `Mac`: HMAC-SHA256 under a key that is never rotated, as what was marked is checked by marking it again.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, message: bytes) -> bytes:
        """
        Return the MAC of *message*, 32 bytes. Thread-safe.
        """
        return hmac.digest(self._key, message, "sha256")
