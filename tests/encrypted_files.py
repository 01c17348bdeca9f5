"""
Encrypted files made and read past the library: from the decision record alone, chunk by chunk.
"""

from __future__ import annotations

import io

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from streampay_export._core.encrypted_file import FileContext, FilePurpose
from streampay_export.keys.sealing import JobSealer
from streampay_export.storage.encrypted import EncryptedFile, encrypted
from streampay_export.storage.memory import MemoryStorage

CHUNK = 65536
STORED_CHUNK = CHUNK + 16
JOB_KEY = bytes(range(32))
KEY = "default/job-1/7.zip"
CONTEXT = FileContext(purpose=FilePurpose.ARTIFACT, tenant="default", job_id="job-1", file=KEY, fence=7)


def plaintext(size: int) -> bytes:
    """
    Return bytes no two chunks of which are alike.
    """
    return b"".join(n.to_bytes(8, "big") for n in range(size // 8 + 1))[:size]


def made(content: bytes, context: FileContext = CONTEXT, block: int = 256 * 1024) -> bytes:
    """
    Return *content* encrypted by the library, fed to it in blocks of that size.
    """
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    return b"".join(encrypted(blocks, JobSealer(JOB_KEY).encryptor(context)))


def opened(stored: bytes, size: int, *, job_key: bytes = JOB_KEY, context: FileContext = CONTEXT) -> EncryptedFile:
    """
    Return the library's view of a file whose plaintext ought to have *size* bytes.
    """
    storage = MemoryStorage()
    storage.put(KEY, io.BytesIO(stored))
    sealer = JobSealer(job_key)
    return EncryptedFile(
        storage=storage, key=KEY, size=size, decryptor=lambda header: sealer.decryptor(context, header)
    )


def by_the_book(stored: bytes, job_key: bytes = JOB_KEY) -> bytes:
    """
    Decrypt a whole file of `CONTEXT` as decision 23 writes it down.
    """
    header, body = stored[:48], stored[48:]
    assert header[:16] == b"spxfile\x01" + (7).to_bytes(8, "big")
    info = b"spxfile\x01" + b"\0\x08artifact" + b"\0\x07default" + b"\0\x05job-1" + b"\0\x13" + KEY.encode()
    key = HKDF(algorithm=SHA256(), length=32, salt=header[16:], info=info).derive(job_key)
    chunks = [body[at : at + STORED_CHUNK] for at in range(0, len(body), STORED_CHUNK)]
    return b"".join(
        AESGCM(key).decrypt(n.to_bytes(11, "big") + bytes([n == len(chunks) - 1]), chunk, header)
        for n, chunk in enumerate(chunks)
    )
