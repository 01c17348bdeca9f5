"""
Wrapped job keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from .._core.job import WrappedKey
from ..errors import KeysMissing, quoted
from .derivation import KEY_BYTES, derive


class KeyWrapper:
    """
    A `KeyProvider`: AES-256 key wrap (RFC 3394) under a key derived per context. Thread-safe.

    AES-KW needs no nonce, so there is none to repeat, and its input is random, so being deterministic
    tells nothing. It takes no associated data; deriving its key from (key-encryption key, context)
    binds the context as firmly, and makes each key encrypt one thing.
    """

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        """
        *keys* are those that may open, by id; *current*, one of them, wraps.
        """
        self._current = current
        self._keys = dict(keys)

    def wrap(self, job_key: bytes, context: bytes) -> WrappedKey:
        """
        Encrypt a 32-byte job key, bound to *context*; the same arguments give the same ciphertext.
        """
        if len(job_key) != KEY_BYTES:
            raise ValueError(f"a job key has {KEY_BYTES} bytes")
        key = derive(self._keys[self._current], "wrap", context)
        return WrappedKey(key_id=self._current, ciphertext=aes_key_wrap(key, job_key))

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """
        Return the job key, or raise `KeysMissing`; nothing is changed either way.
        """
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise KeysMissing(
                f"an export was made under key {quoted(wrapped.key_id)}, which is revoked or not here; "
                "bring the key file back that has it"
            )
        try:
            job_key = aes_key_unwrap(derive(key, "wrap", context), wrapped.ciphertext)
        except InvalidUnwrap:
            job_key = b""
        if len(job_key) != KEY_BYTES:
            raise KeysMissing("a wrapped job key does not open: it was altered, or belongs to another export")
        return job_key
