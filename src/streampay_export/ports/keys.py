"""Keys: wrapping job keys, tagging people, all without a getter."""

from __future__ import annotations

from typing import Protocol

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
