"""
Whose signature counts: public keys from a file of the reader's own, never from the bundle.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._core.dsse import Envelope, pre_authentication_encoding
from .._core.layout import MANIFEST
from .._core.signature import KeyState, PublicKey, public_key_id
from .._core.wire import read_json
from ..errors import BundleRefused, InvalidConfiguration, quoted

# Thousands of keys. Whoever gives a bundle in place of a key file is told so, not read to the end.
LARGEST_FILE = 1 << 20
# Ids are printed, so they are visible ASCII; nobody's have more characters.
KEY_ID = re.compile(r"[!-~]{1,200}\Z")


def read_public_keys(path: Path | str) -> tuple[PublicKey, ...]:
    """
    Return the keys of a file: a PEM public key, or the JSON that `GET /exports/keys` answers.

    Raises `InvalidConfiguration` for anything else, for several keys in one PEM file, and for one id on two
    keys. A PEM key has no id: it is asked about any signature.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_FILE)
        keys = (_pem_key(data),) if data.lstrip().startswith(b"-----BEGIN") else _json_keys(data)
    except OSError as error:
        raise InvalidConfiguration("public key", f"the file cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise InvalidConfiguration(
            "public key", "give an Ed25519 public key as PEM, or the JSON that GET /exports/keys answers"
        ) from None
    if not keys:
        raise InvalidConfiguration("public key", "there is no key in the file")
    return keys


def _pem_key(data: bytes) -> PublicKey:
    from .ed25519 import raw_of_pem  # noqa: PLC0415  # integrity alone needs no cryptography

    if data.count(b"-----BEGIN") > 1:
        raise ValueError("one of several keys would be passed over")
    return PublicKey(key_id="", raw=raw_of_pem(data))


def _json_keys(data: bytes) -> tuple[PublicKey, ...]:
    keys = tuple(_json_key(form) for form in read_json(data)["keys"])
    # A key may stand in several states, as in sets of several years put together: revoked counts.
    if len({key.key_id for key in keys}) != len({(key.key_id, key.raw) for key in keys}):
        raise ValueError("one id on two keys")
    return keys


def _json_key(form: Any) -> PublicKey:
    raw = base64.b64decode(form["public_key"], validate=True)
    if form["algorithm"] != "Ed25519" or len(raw) != 32 or not KEY_ID.match(form["key_id"]):
        raise ValueError("not Ed25519")
    return PublicKey(key_id=form["key_id"], raw=raw, state=KeyState(form["state"]))


def signer_of(envelope: Envelope, keys: Sequence[PublicKey]) -> str:
    """
    Return the id of the key that signed. A key that is revoked in any of its states refuses.

    Raises `BundleRefused` when none of *keys* did, or when the signature names another.
    """
    from .ed25519 import signed_by  # noqa: PLC0415  # integrity alone needs no cryptography

    (signature,) = envelope.signatures
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    claimed = quoted(signature.key_id)
    signed = [key for key in keys if signed_by(key.raw, signature.value, message)]
    if not signed:
        if signature.key_id in {_id(key) for key in keys}:
            raise BundleRefused(MANIFEST, f"its signature by the key {claimed} is wrong: it was changed")
        raise BundleRefused(MANIFEST, f"it is signed by the key {claimed}, which is not one you gave")
    revoked = next((key for key in signed if key.state is KeyState.REVOKED), None)
    if revoked is not None:
        raise BundleRefused(MANIFEST, f"the key that signed it, {quoted(_id(revoked))}, was revoked")
    # The id beside a signature is not signed: where it should be known, it is held against the key's own.
    named = next((key for key in signed if key.key_id in {"", signature.key_id}), None)
    if named is None:
        raise BundleRefused(MANIFEST, f"it names the key {claimed}, and {quoted(_id(signed[0]))} signed it")
    return _id(named)


def _id(key: PublicKey) -> str:
    return key.key_id or public_key_id(key.raw)
