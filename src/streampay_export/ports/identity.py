"""Where ids and random bytes come from."""

from __future__ import annotations

from typing import Protocol


class Randomness(Protocol):
    """
    A cryptographically secure source of random bytes (ASVS 11.5.1). Thread-safe.
    """

    def __call__(self, size: int) -> bytes:
        """
        Return *size* fresh random bytes.
        """


class MakeId(Protocol):
    """
    Makes ids of jobs and links: 26 characters of `a-z2-7` carrying 128 random bits. Thread-safe.
    """

    def __call__(self) -> str:
        """
        Return a new id; never the same twice.
        """
