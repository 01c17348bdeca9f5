"""
The key table: which keys there are for each purpose, what each is good for, and the roots they derive from.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

from attrs import evolve, field, frozen
from cattrs.preconf.json import make_converter

from .._core.signature import KeyState
from ..errors import InvalidRequest, KeysMissing, UnknownName, listed, quoted
from ..signing.ed25519 import Ed25519Key
from .derivation import KEY_BYTES, KeyPurpose, derive, public_id

VERSION = 1
_ED25519 = frozenset({KeyPurpose.MANIFEST, KeyPurpose.CHECKPOINT})
# What was stored under these is found again by computing it again, and only the current key computes.
LASTING: Mapping[KeyPurpose, str] = {
    KeyPurpose.OWNER_TAG: "nobody would find the exports they have",
    KeyPurpose.TOMBSTONE: "who was erased would be unknown again",
    KeyPurpose.AUDIT_PSEUDONYM: "a person's new audit entries could not be told to be theirs",
    KeyPurpose.AUDIT_CHAIN: "the audit trail so far could not be checked any more",
}
ROTATING = tuple(purpose for purpose in KeyPurpose if purpose not in LASTING)
ROTATED_BY_DEFAULT = (KeyPurpose.KEY_ENCRYPTION, KeyPurpose.MANIFEST, KeyPurpose.TICKET, KeyPurpose.CURSOR)


@frozen(kw_only=True)
class KeyRow:
    """
    One key: derived from root secret *root* for *purpose*. *created_at* is for people to read.
    """

    purpose: KeyPurpose
    key_id: str
    state: KeyState
    created_at: datetime
    root: str


@frozen(kw_only=True)
class KeyTable:
    """
    Root secrets by id, and the keys that derive from them, newest first within a purpose.

    Raises `KeysMissing` where a purpose has not exactly one current key, a key is listed twice, or its id
    is not the one its root gives: then table and secrets do not belong together.
    """

    version: int = VERSION
    roots: Mapping[str, bytes] = field(repr=False)
    keys: tuple[KeyRow, ...]

    def __attrs_post_init__(self) -> None:
        if self.version != VERSION:
            raise KeysMissing(f"the key table has a version that is not {VERSION}; a newer release wrote it")
        current = Counter(row.purpose for row in self.keys if row.state is KeyState.CURRENT)
        wrong = [purpose for purpose in KeyPurpose if current[purpose] != 1]
        if wrong:
            raise KeysMissing(f"each purpose needs exactly one current key; look at: {listed(wrong)}")
        if len({row.key_id for row in self.keys}) != len(self.keys):
            raise KeysMissing("a key is listed twice, so that it has two states; bring back a copy of the table")
        for row in self.keys:
            root = self.roots.get(row.root)
            if root is None or len(root) != KEY_BYTES or key_id(root, row.purpose) != row.key_id:
                raise KeysMissing(f"key {row.key_id} does not come from the root secret its row names")

    def of(self, purpose: KeyPurpose) -> tuple[tuple[KeyRow, bytes], ...]:
        """
        Return the keys of a purpose with their 32 secret bytes, newest first.
        """
        return tuple((row, derive(self.roots[row.root], purpose)) for row in self.keys if row.purpose is purpose)

    def purposes_of(self, key_ids: Collection[str]) -> frozenset[KeyPurpose]:
        """
        Return the purposes whose current key is among *key_ids*.
        """
        return frozenset(
            row.purpose for row in self.keys if row.state is KeyState.CURRENT and row.key_id in key_ids
        )

    def rotated(
        self,
        purposes: Collection[KeyPurpose],
        revoked: Collection[str],
        *,
        created_at: datetime,
        randomness: Callable[[int], bytes],
    ) -> KeyTable:
        """
        Return a table in which each of *purposes* has a new current key, from a fresh root secret, and its
        former one is retired; then the keys named *revoked* are. No key and no root leaves the table.

        Raises `InvalidRequest` for a purpose whose stored data only its present key finds, and for a current
        key that would be revoked without another in its place; `UnknownName` for an unknown key.
        """
        for purpose in purposes:
            if purpose in LASTING:
                raise InvalidRequest("purpose", f"the {purpose} key is not rotated: {LASTING[purpose]}")
        known = [row.key_id for row in self.keys]
        for each in revoked:
            if each not in known:
                raise UnknownName.of("key", each, known, field="revoke")
        for row in self.keys:
            if row.state is KeyState.CURRENT and row.key_id in revoked and row.purpose not in purposes:
                problem = f"{quoted(row.key_id)} is in use; rotate the purpose {row.purpose} in the same step"
                raise InvalidRequest("revoke", problem)
        roots = _fresh_roots(purposes, randomness)
        made = {row.purpose: row for row in _new_rows(roots, created_at)}
        rows: list[KeyRow] = []
        for row in self.keys:
            state = row.state
            if state is KeyState.CURRENT and row.purpose in made:
                rows.append(made[row.purpose])
                state = KeyState.RETIRED
            rows.append(evolve(row, state=KeyState.REVOKED if row.key_id in revoked else state))
        return KeyTable(roots={**self.roots, **_by_id(roots)}, keys=tuple(rows))

    def without_version(self, key_id: str) -> KeyTable:
        """
        Return a table without that retired key-encryption key and its root; any other key stays.
        """
        rows = tuple(
            row
            for row in self.keys
            if (row.key_id, row.purpose, row.state) != (key_id, KeyPurpose.KEY_ENCRYPTION, KeyState.RETIRED)
        )
        needed = {row.root for row in rows}
        return KeyTable(roots={name: root for name, root in self.roots.items() if name in needed}, keys=rows)


def new_table(created_at: datetime, randomness: Callable[[int], bytes]) -> KeyTable:
    """
    Make a table with one current key for each purpose.
    """
    roots = _fresh_roots(KeyPurpose, randomness)
    return KeyTable(roots=_by_id(roots), keys=tuple(_new_rows(roots, created_at)))


def _fresh_roots(purposes: Iterable[KeyPurpose], randomness: Callable[[int], bytes]) -> dict[KeyPurpose, bytes]:
    shared, wrapping = randomness(KEY_BYTES), randomness(KEY_BYTES)
    # The key-encryption key has a root of its own: destroying one of its versions must not take more along.
    return {
        purpose: wrapping if purpose is KeyPurpose.KEY_ENCRYPTION else shared
        for purpose in KeyPurpose
        if purpose in set(purposes)
    }


def _by_id(roots: Mapping[KeyPurpose, bytes]) -> dict[str, bytes]:
    return {public_id(root, "root"): root for root in roots.values()}


def _new_rows(roots: Mapping[KeyPurpose, bytes], created_at: datetime) -> Iterator[KeyRow]:
    for purpose, root in roots.items():
        yield KeyRow(
            purpose=purpose,
            key_id=key_id(root, purpose),
            state=KeyState.CURRENT,
            created_at=created_at,
            root=public_id(root, "root"),
        )


def key_id(root: bytes, purpose: KeyPurpose) -> str:
    """
    Return a key's id: of an Ed25519 key what its public key hashes to, else derived beside the key.
    """
    if purpose in _ED25519:
        return Ed25519Key(seed=derive(root, purpose)).public().key_id
    return public_id(root, purpose)


def dump(table: KeyTable) -> bytes:
    """
    Return the table as JSON, for people to read too.
    """
    return _CONVERTER.dumps(table, indent=2).encode() + b"\n"


def load(text: bytes) -> KeyTable:
    """
    Read a table, or raise `KeysMissing` for anything `dump` would not write.
    """
    try:
        table = _CONVERTER.loads(text, KeyTable)
    except KeysMissing:
        raise
    except Exception:  # noqa: BLE001 — whatever cattrs or json say would quote the secrets
        raise KeysMissing("the key file is damaged or is none; bring back a copy of it") from None
    return table


def _unspell(text: object, _: type[bytes]) -> bytes:
    if not isinstance(text, str):
        raise binascii.Error("text is expected")
    return base64.b64decode(text, validate=True)


_CONVERTER = make_converter(forbid_extra_keys=True, detailed_validation=False)
_CONVERTER.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode("ascii"))
_CONVERTER.register_structure_hook(bytes, _unspell)
