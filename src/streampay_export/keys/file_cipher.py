"""
The cipher of files: AES-256-GCM (NIST SP 800-38D) under a key that encrypts one file and never another.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .._core.encrypted_file import CHUNK_BYTES, FileContext, FileHeader, nonce
from ..errors import ObjectAltered
from .derivation import KEY_BYTES


def file_key(job_key: bytes, salt: bytes, context: FileContext) -> bytes:
    """
    Return the 32-byte key of one file: HKDF-SHA256 (RFC 5869) over the job key.
    """
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=context.info).derive(job_key)


class GcmEncryptor:
    """
    A `FileEncryptor`. One thread's, and good for one file: it only goes forward, and not beyond the last chunk.
    """

    def __init__(self, key: bytes, header: FileHeader) -> None:
        self._aead = AESGCM(key)
        self._number = 0
        self._ended = False
        self.header = header.spell()

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        """
        Encrypt the next chunk. Raises `ValueError` for a size that the form does not have.
        """
        if self._ended:
            raise ValueError("the last chunk was encrypted already")
        full = len(chunk) == CHUNK_BYTES
        if not (full or (last and len(chunk) < CHUNK_BYTES and (chunk or self._number == 0))):
            raise ValueError(f"a chunk has {CHUNK_BYTES} bytes; the last one may have fewer, but some")
        sealed = self._aead.encrypt(nonce(self._number, last=last), chunk, self.header)
        self._number += 1
        self._ended = last
        return sealed


class GcmDecryptor:
    """
    A `FileDecryptor`. Thread-safe.
    """

    def __init__(self, key: bytes, header: bytes) -> None:
        self._aead = AESGCM(key)
        self._header = header

    def open(self, number: int, chunk: bytes, *, last: bool) -> bytes:
        """
        Decrypt the chunk of that number, or raise `ObjectAltered`.
        """
        try:
            return self._aead.decrypt(nonce(number, last=last), chunk, self._header)
        except InvalidTag:
            raise ObjectAltered from None
