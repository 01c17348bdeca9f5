"""
Keyed hashes that stand for people.
"""

from __future__ import annotations

import hmac


class HmacTagger:
    """
    A `Tagger`: HMAC-SHA256 over tenant and person, each behind its length. Thread-safe.
    """

    def __init__(self, *, owner_key: bytes, audit_key: bytes, tombstone_key: bytes, tombstone_key_id: str) -> None:
        self._owner_key = owner_key
        self._audit_key = audit_key
        self._tombstone_key = tombstone_key
        self._tombstone_key_id = tombstone_key_id

    @property
    def tombstone_key_id(self) -> str:
        """
        The id of the key under which tombstone tags are made.
        """
        return self._tombstone_key_id

    def owner_tag(self, tenant: str, person: str) -> str:
        """
        Return the tag of a subject or actor id, as 64 hex digits.
        """
        return _tag(self._owner_key, tenant, person)

    def audit_pseudonym(self, tenant: str, person: str) -> str:
        """
        Return the name under which the audit trail knows a person, as 64 hex digits.
        """
        return _tag(self._audit_key, tenant, person)

    def tombstone_tag(self, tenant: str, identifier: str) -> str:
        """
        Return the tag by which an erasure knows an identifier, as 64 hex digits.
        """
        return _tag(self._tombstone_key, tenant, identifier)


def _tag(key: bytes, tenant: str, person: str) -> str:
    # Lone surrogates are no reason to fail here, or to give two people one tag.
    parts = (tenant.encode("utf-8", "surrogatepass"), person.encode("utf-8", "surrogatepass"))
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.digest(key, message, "sha256").hex()
