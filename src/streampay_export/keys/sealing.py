"""
What derives from one job key.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .._core.encrypted_file import SALT_BYTES, FileContext, FileHeader
from ..errors import KeysMissing, ObjectAltered
from .derivation import derive
from .file_cipher import GcmDecryptor, GcmEncryptor, file_key

_VERSION = b"\x01"
_NONCE_BYTES = 12


class JobSealer:
    """
    A `Sealer`: keys derived from one job key. Thread-safe; not kept.

    Seals are ChaCha20-Poly1305 (RFC 8439) with random nonces: a job seals a handful of times, and a
    clash in 96 bits needs billions. Files are AES-256-GCM, each under a key of its own.
    """

    def __init__(self, job_key: bytes, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._job_key = job_key
        self._aead = ChaCha20Poly1305(derive(job_key, "seal"))
        self._pseudonym_key = derive(job_key, "pseudonym")
        self._randomness = randomness

    def seal(self, plaintext: bytes) -> bytes:
        """
        Encrypt a small secret: version, nonce, ciphertext.
        """
        nonce = self._randomness(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plaintext, _VERSION)

    def unseal(self, sealed: bytes) -> bytes:
        """
        Return what was sealed, or raise `KeysMissing` when it does not open under this job key.
        """
        version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if version == _VERSION and len(nonce) == _NONCE_BYTES:
                return self._aead.decrypt(nonce, ciphertext, _VERSION)
        except InvalidTag:
            pass
        raise KeysMissing("a sealed value does not open: it was altered, or sealed under another job key")

    def pseudonym_key(self) -> bytes:
        """
        Return the 32-byte key of this export's pseudonyms.
        """
        return self._pseudonym_key

    def encryptor(self, context: FileContext) -> GcmEncryptor:
        """
        Return what encrypts one file under a fresh salt.
        """
        header = FileHeader(fence=context.fence, salt=self._randomness(SALT_BYTES))
        return GcmEncryptor(file_key(self._job_key, header.salt, context), header)

    def decryptor(self, context: FileContext, header: bytes) -> GcmDecryptor:
        """
        Return what decrypts the file with this header, or raise `ObjectAltered` for another fence's.
        """
        parsed = FileHeader.parse(header)
        if parsed.fence != context.fence:
            raise ObjectAltered
        return GcmDecryptor(file_key(self._job_key, parsed.salt, context), header)
