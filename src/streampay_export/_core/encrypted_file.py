"""
The form of an encrypted file: a header and chunks, and where a chunk lies.

Header (48 bytes): `spxfile`, version 1, the writer's fence (8 bytes, big endian), salt (32 bytes).
Then chunks of 64 KiB plaintext, each followed by its tag of 16 bytes; only the last one may be
shorter, and it is empty only in an empty file. A chunk's nonce is its number (11 bytes, big endian)
and a byte that is 1 for the last chunk, else 0: the STREAM construction (Hoang, Reyhanitabar, Rogaway
and Vizár, CRYPTO 2015). Its associated data is the header.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from ..errors import ObjectAltered

CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
SALT_BYTES = 32
HEADER_BYTES = 48
MAGIC = b"spxfile\x01"
"""The first bytes of every encrypted file."""
_FENCE_BYTES = 8


class FilePurpose(StrEnum):
    """
    What an encrypted file is. A file of one purpose never decrypts as one of another.
    """

    ARTIFACT = "artifact"
    PART = "part"


@frozen(kw_only=True)
class FileContext:
    """
    What a file's key and header are bound to: encrypted for one place, it decrypts in no other.

    *file* names it within the job; *fence* is its writer's, which a reader takes from the job's row.
    """

    purpose: FilePurpose
    tenant: str
    job_id: str
    file: str
    fence: int

    @property
    def info(self) -> bytes:
        """
        The HKDF info: version, purpose, tenant, job and file, each after its length in two bytes.
        """
        parts = (self.purpose.encode(), self.tenant.encode(), self.job_id.encode(), self.file.encode())
        return MAGIC + b"".join(len(part).to_bytes(2, "big") + part for part in parts)


@frozen(kw_only=True)
class FileHeader:
    """
    The first 48 bytes of an encrypted file.
    """

    fence: int
    salt: bytes = field(repr=False)

    def spell(self) -> bytes:
        """
        Return the 48 bytes.
        """
        return MAGIC + self.fence.to_bytes(_FENCE_BYTES, "big") + self.salt

    @classmethod
    def parse(cls, header: bytes) -> FileHeader:
        """
        Return what 48 bytes say, or raise `ObjectAltered` for what is no header of this version.
        """
        fence, salt = header[len(MAGIC) : -SALT_BYTES], header[-SALT_BYTES:]
        if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
            raise ObjectAltered
        return cls(fence=int.from_bytes(fence, "big"), salt=salt)


def nonce(number: int, *, last: bool) -> bytes:
    """
    Return the 12 bytes that no other chunk of the file has.
    """
    return number.to_bytes(11, "big") + bytes((last,))


def chunk_count(size: int) -> int:
    """
    Return how many chunks a file of *size* bytes has: one at least.
    """
    return max(-(-size // CHUNK_BYTES), 1)


def stored_start(number: int) -> int:
    """
    Return where the chunk of that number begins in the encrypted file.
    """
    return HEADER_BYTES + number * (CHUNK_BYTES + TAG_BYTES)


def stored_size(size: int) -> int:
    """
    Return the size of the encrypted file, in bytes, of a file of *size* bytes.
    """
    return HEADER_BYTES + size + chunk_count(size) * TAG_BYTES
