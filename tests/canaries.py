"""
Finding a text in bytes, also where it hides: compressed in a zip, as base64, as hex.
"""

from __future__ import annotations

import base64
import re
import zlib

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{16,}")
_MEMBER = re.compile(rb"PK\x03\x04")


def holds(content: bytes, canary: bytes, *, depth: int = 2) -> bool:
    """
    Say whether *content* holds *canary*: as it is, or inside what base64, hex or deflate make of it.
    """
    if canary in content:
        return True
    return depth > 0 and any(holds(inner, canary, depth=depth - 1) for inner in _unpacked(content))


def _unpacked(content: bytes):
    for found in _BASE64.finditer(content):
        text = found[0].translate(bytes.maketrans(b"-_", b"+/"))
        # What was found may begin anywhere in a longer text.
        for start in range(4):
            piece = text[start:]
            whole = piece[: len(piece) - (len(piece) % 4 == 1)]
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))
    for found in _HEX.finditer(content):
        for start in range(2):
            piece = found[0][start:]
            yield bytes.fromhex(piece[: len(piece) // 2 * 2].decode())
    for found in _MEMBER.finditer(content):
        at = found.start()
        name, extra = (int.from_bytes(content[at + n : at + n + 2], "little") for n in (26, 28))
        try:
            yield zlib.decompressobj(-15).decompress(content[at + 30 + name + extra :])
        except zlib.error:
            continue
