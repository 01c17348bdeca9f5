"""
Ids and random bytes from the operating system's secure source.
"""

from __future__ import annotations

import base64
import os

from .ports.identity import Randomness

ID_BYTES = 16  # 128 bits (ASVS 11.5.1)


def random_bytes(size: int) -> bytes:
    """
    Return *size* fresh random bytes. Thread-safe.
    """
    return os.urandom(size)


def make_id(randomness: Randomness = random_bytes) -> str:
    """
    Return a new id: 26 characters of `a-z2-7` that carry 128 random bits. Thread-safe.
    """
    return base64.b32encode(randomness(ID_BYTES)).rstrip(b"=").decode("ascii").lower()
