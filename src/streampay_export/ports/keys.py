"""Keys: wrapping job keys, tagging people, all without a getter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from .._core.encrypted_file import FileContext
from .._core.job import WrappedKey


class KeyProvider(Protocol):
    """
    Wraps and unwraps job keys under a key-encryption key it never gives out. Thread-safe; fits a KMS.
    """

    def wrap(self, job_key: bytes, context: bytes) -> WrappedKey:
        """
        Encrypt a 32-byte job key, bound to *context* (tenant and job id).
        """

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """
        Return the job key, or raise `KeysMissing` for an unknown key id or a wrong context.
        """


class KeyVersions(Protocol):
    """
    The versions of a key-encryption key that this library keeps; a key management service has its own.

    Thread-safe, and safe for several processes. One version wraps; those before it only unwrap, until
    they are destroyed. Methods that write raise `KeysMissing` where that is not possible.
    """

    def renew(self, now: datetime) -> bool:
        """
        Make a new version if the one that wraps is a day old; say whether this call made it.
        """

    def retired(self) -> Mapping[str, datetime]:
        """
        Return the versions that only unwrap, by key id, with the instant (UTC) since which they do not wrap.
        """

    def destroy(self, key_id: str) -> None:
        """
        Destroy a retired version for good: nothing wrapped under it opens again. Any other is left alone.
        """


class Tagger(Protocol):
    """
    Makes keyed hashes (HMAC-SHA256) that stand for people. Thread-safe.
    """

    def owner_tag(self, tenant: str, person: str) -> str:
        """
        Return the tag of a subject or actor id, as hex; what job rows hold in its place.
        """

    def audit_pseudonym(self, tenant: str, person: str) -> str:
        """
        Return the name under which the audit trail knows a person; unlinkable to the owner tag.
        """

    @property
    def tombstone_key_id(self) -> str:
        """
        The id of the key under which tombstone tags are made.
        """

    def tombstone_tag(self, tenant: str, identifier: str) -> str:
        """
        Return the tag by which an erasure knows an id or a further identifier; unlinkable to the others.
        """


class FileEncryptor(Protocol):
    """
    Encrypts one file, chunk by chunk, from its beginning to its end. One thread's.

    *header* (48 bytes) is what the encrypted file begins with: it holds a salt nobody used before, so
    that no file key ever encrypts twice. There is no way back: what failed is encrypted anew by another.
    """

    @property
    def header(self) -> bytes:
        """
        The encrypted file's first bytes.
        """

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        """
        Encrypt the next chunk of 64 KiB; *last* says that none follows, and then it may be shorter.

        Only an empty file has an empty chunk. Raises `ValueError` for another size, and after the last.
        """


class FileDecryptor(Protocol):
    """
    Decrypts one file's chunks, in any order. Thread-safe.
    """

    def open(self, number: int, chunk: bytes, *, last: bool) -> bytes:
        """
        Return the plaintext of chunk *number* (from 0), tag checked.

        Raises `ObjectAltered` for anything but the chunk of that file, place, and number that was
        sealed as the last one, or not as the last one, as *last* says.
        """


class Sealer(Protocol):
    """
    What derives from one job key. Values of this type are made per job and not kept.
    """

    def seal(self, plaintext: bytes) -> bytes:
        """
        Encrypt a small secret of the job row (subject id, identifiers).
        """

    def unseal(self, sealed: bytes) -> bytes:
        """
        Return what was sealed, or raise `KeysMissing` when it does not open under this job key.
        """

    def pseudonym_key(self) -> bytes:
        """
        Return the 32-byte key of this export's pseudonyms.
        """

    def encryptor(self, context: FileContext) -> FileEncryptor:
        """
        Return what encrypts one file, under a key of its own derived from job key, fresh salt and context.
        """

    def decryptor(self, context: FileContext, header: bytes) -> FileDecryptor:
        """
        Return what decrypts the file with this header; `ObjectAltered` unless it was begun with this fence.
        """
