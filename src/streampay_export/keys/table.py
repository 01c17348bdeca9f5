"""
The key table: which keys there are for each purpose, what each is good for, and the roots they derive from.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import field, frozen
from cattrs.preconf.json import make_converter

from .._core.signature import KeyState
from ..errors import KeysMissing, listed
from ..signing.ed25519 import Ed25519Key
from .derivation import KEY_BYTES, KeyPurpose, derive, public_id

VERSION = 1
_ED25519 = frozenset({KeyPurpose.MANIFEST, KeyPurpose.CHECKPOINT})


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

    Raises `KeysMissing` where a purpose has not exactly one current key, or a key's id is not the one
    its root gives: then table and secrets do not belong together.
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
        for row in self.keys:
            root = self.roots.get(row.root)
            if root is None or len(root) != KEY_BYTES or key_id(root, row.purpose) != row.key_id:
                raise KeysMissing(f"key {row.key_id} does not come from the root secret its row names")

    def of(self, purpose: KeyPurpose) -> tuple[tuple[KeyRow, bytes], ...]:
        """
        Return the keys of a purpose with their 32 secret bytes, newest first.
        """
        return tuple((row, derive(self.roots[row.root], purpose)) for row in self.keys if row.purpose is purpose)


def new_table(created_at: datetime, randomness: Callable[[int], bytes]) -> KeyTable:
    """
    Make a table with one current key for each purpose.
    """
    shared = randomness(KEY_BYTES)
    # The key-encryption key has a root of its own: destroying one of its versions must not take more along.
    roots = dict.fromkeys(KeyPurpose, shared)
    roots[KeyPurpose.KEY_ENCRYPTION] = randomness(KEY_BYTES)
    rows = tuple(
        KeyRow(
            purpose=purpose,
            key_id=key_id(root, purpose),
            state=KeyState.CURRENT,
            created_at=created_at,
            root=public_id(root, "root"),
        )
        for purpose, root in roots.items()
    )
    return KeyTable(roots={public_id(root, "root"): root for root in roots.values()}, keys=rows)


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
