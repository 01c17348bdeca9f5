"""
The public half of the current manifest key, as a file for `verify --public-key`.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from .._core.signature import PublicKey
from ..errors import KeysMissing

FILE = "manifest-public.pem"
# SubjectPublicKeyInfo of every Ed25519 key begins with these bytes (RFC 8410).
_ED25519 = bytes.fromhex("302a300506032b6570032100")


def leave_public_key(folder: Path, key: PublicKey) -> Path:
    """
    Write *key* as PEM into *folder*, in place of any that is there, and return the file's path.
    """
    path = folder / FILE
    draft = path.with_name(f".{FILE}-{secrets.token_hex(8)}")
    try:
        with draft.open("x", encoding="ascii") as file:
            file.write(pem(key))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise KeysMissing(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from None
    return path


def pem(key: PublicKey) -> str:
    """
    Return an Ed25519 public key as PEM.
    """
    body = base64.b64encode(_ED25519 + key.raw).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
