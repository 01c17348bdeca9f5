"""
A deployment's keys at work: what wraps, tags, signs and seals, made from one key table.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import frozen

from .._core.signature import KeyState
from ..ports.keys import KeyProvider, KeyVersions
from ..signing.ed25519 import Ed25519Key, Ed25519Signer
from ..signing.hmac import HmacKey, HmacSigner
from .chaining import HmacChain
from .derivation import KeyPurpose, derive
from .sealing import JobSealer
from .table import KeyTable
from .tagging import HmacTagger
from .versions import HeldTable, TableInMemory, VersionedWrapper


@frozen(kw_only=True)
class KeyDescription:
    """
    One key as `keys list` shows it: nothing secret. *where* is the file, or `memory`.
    """

    purpose: KeyPurpose
    key_id: str
    state: KeyState
    where: str


class KeyRing:
    """
    What a deployment's keys do. Thread-safe; nothing to close. The keys themselves have no getter.

    *provider* wraps job keys under the newest of the *versions* (`None` where the table cannot be
    changed), *tagger* makes owner tags, audit pseudonyms and tombstone tags, *tickets* and *cursors* sign
    what a person carries with HMAC-SHA256, *ed25519_tickets* signs tickets so that a public key alone checks
    them, *manifests* signs bundles, *chain* links the audit trail's entries and *checkpoints* signs how far
    they go, *tombstones* marks the lines of the tombstone log. A current key does all of its purpose; a
    retired one still opens and verifies; a revoked one does nothing.
    """

    def __init__(
        self,
        table: KeyTable,
        *,
        where: str,
        randomness: Callable[[int], bytes] = os.urandom,
        held: HeldTable | None = None,
    ) -> None:
        self._randomness = randomness
        self._described = tuple(
            KeyDescription(purpose=row.purpose, key_id=row.key_id, state=row.state, where=where)
            for row in table.keys
        )
        held = held or TableInMemory(table)
        wrapper = VersionedWrapper(held, randomness)
        self.provider: KeyProvider = wrapper
        self.versions: KeyVersions | None = wrapper if held.changeable else None
        tombstone_key = _current(table, KeyPurpose.TOMBSTONE)
        self.tagger = HmacTagger(
            owner_key=_current(table, KeyPurpose.OWNER_TAG),
            audit_key=_current(table, KeyPurpose.AUDIT_PSEUDONYM),
            tombstone_key=tombstone_key,
            tombstone_key_id=next(
                row.key_id for row, _ in table.of(KeyPurpose.TOMBSTONE) if row.state is KeyState.CURRENT
            ),
        )
        self.tombstones = HmacChain(derive(tombstone_key, "log"))
        self.chain = HmacChain(_current(table, KeyPurpose.AUDIT_CHAIN))
        self.tickets = _hmac_signer(table, KeyPurpose.TICKET)
        # Not the same bytes for two algorithms: these keys are one step further down.
        self.ed25519_tickets = Ed25519Signer(
            Ed25519Key(seed=derive(secret, "ticket-ed25519"), state=row.state)
            for row, secret in table.of(KeyPurpose.TICKET)
        )
        self.cursors = _hmac_signer(table, KeyPurpose.CURSOR)
        self.manifests = _ed25519_signer(table, KeyPurpose.MANIFEST)
        self.checkpoints = _ed25519_signer(table, KeyPurpose.CHECKPOINT)

    def sealer(self, job_key: bytes) -> JobSealer:
        """
        Return what derives from a job key of 32 bytes.
        """
        return JobSealer(job_key, self._randomness)

    def describe(self) -> tuple[KeyDescription, ...]:
        """
        Return every key without its secret, in the table's order.
        """
        return self._described


def _current(table: KeyTable, purpose: KeyPurpose) -> bytes:
    return next(secret for row, secret in table.of(purpose) if row.state is KeyState.CURRENT)


def _hmac_signer(table: KeyTable, purpose: KeyPurpose) -> HmacSigner:
    return HmacSigner(
        HmacKey(key_id=row.key_id, secret=secret, state=row.state) for row, secret in table.of(purpose)
    )


def _ed25519_signer(table: KeyTable, purpose: KeyPurpose) -> Ed25519Signer:
    return Ed25519Signer(Ed25519Key(seed=secret, state=row.state) for row, secret in table.of(purpose))
