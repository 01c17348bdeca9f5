"""
Whose signature counts: public keys from a file of the reader's own, never from the bundle.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._core.dsse import Envelope, pre_authentication_encoding
from .._core.layout import MANIFEST
from .._core.signature import KeyState, PublicKey
from ..errors import BundleRefused, InvalidConfiguration, quoted


def read_public_keys(path: Path | str) -> tuple[PublicKey, ...]:
    """
    Return the keys of a file: a PEM public key, or the JSON that `GET /exports/keys` answers.

    Raises `InvalidConfiguration` for anything else. A PEM key has no id: it is asked about any signature.
    """
    try:
        data = Path(path).read_bytes()
        keys = (_pem_key(data),) if data.lstrip().startswith(b"-----BEGIN") else _json_keys(data)
    except OSError as error:
        raise InvalidConfiguration("public key", f"the file cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidConfiguration(
            "public key", "give an Ed25519 public key as PEM, or the JSON that GET /exports/keys answers"
        ) from None
    if not keys:
        raise InvalidConfiguration("public key", "there is no key in the file")
    return keys


def _pem_key(data: bytes) -> PublicKey:
    from .ed25519 import raw_of_pem  # noqa: PLC0415  # integrity alone needs no cryptography

    return PublicKey(key_id="", raw=raw_of_pem(data))


def _json_keys(data: bytes) -> tuple[PublicKey, ...]:
    return tuple(_json_key(form) for form in json.loads(data)["keys"])


def _json_key(form: Any) -> PublicKey:
    raw = base64.b64decode(form["public_key"], validate=True)
    if form["algorithm"] != "Ed25519" or len(raw) != 32 or not isinstance(form["key_id"], str):
        raise ValueError("not Ed25519")
    return PublicKey(key_id=form["key_id"], raw=raw, state=KeyState(form["state"]))


def signer_of(envelope: Envelope, keys: Sequence[PublicKey]) -> str:
    """
    Return the id of the key that signed. A revoked key refuses, whoever else signed.

    Raises `BundleRefused` when none of *keys* did.
    """
    from .ed25519 import signed_by  # noqa: PLC0415  # integrity alone needs no cryptography

    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    signed = [
        (key, signature)
        for signature in envelope.signatures
        for key in keys
        if signed_by(key.raw, signature.value, message)
    ]
    for key, signature in signed:
        if key.state is KeyState.REVOKED:
            raise BundleRefused(MANIFEST, f"the key that signed it, {quoted(signature.key_id)}, was revoked")
    if signed:
        key, signature = signed[0]
        return key.key_id or signature.key_id
    claimed = envelope.signatures[0].key_id
    if claimed in {key.key_id for key in keys}:
        raise BundleRefused(MANIFEST, f"its signature by the key {quoted(claimed)} is wrong: it was changed")
    raise BundleRefused(MANIFEST, f"it is signed by the key {quoted(claimed)}, which is not one you gave")
