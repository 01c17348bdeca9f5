"""
Encrypted files: their form, what is refused, and that a range fetches its own chunks.
"""

from __future__ import annotations

import io
import tracemalloc

import pytest
from attrs import evolve
from tests.encrypted_files import (
    CHUNK,
    CONTEXT,
    JOB_KEY,
    KEY,
    STORED_CHUNK,
    by_the_book,
    made,
    opened,
    plaintext,
)

from streampay_export._core.encrypted_file import FileContext, FileHeader, FilePurpose, stored_size
from streampay_export.errors import ObjectAltered, ObjectMissing, StorageUnavailable
from streampay_export.keys.sealing import JobSealer
from streampay_export.storage.encrypted import EncryptedFile, EncryptedStage, encrypted
from streampay_export.storage.memory import MemoryStorage

# AES-256-GCM of b"streampay" under a salt of 0x11, with its tag.
KNOWN = "6d897a966773d13420bbceb32325a1dde6e723c097215e6820"
SIZES = sorted({max(n * CHUNK + d, 0) for n in range(4) for d in (-1, 0, 1)})
THREE = plaintext(2 * CHUNK + 100)
STORED = made(THREE)
HEADER, FIRST, SECOND, THIRD = STORED[:48], *(STORED[48 + n * STORED_CHUNK :][:STORED_CHUNK] for n in range(3))
OTHER = made(THREE)
SHORTER = made(THREE[: 2 * CHUNK])


@pytest.mark.parametrize("size", SIZES)
def test_round_trip_at_the_bounds_of_chunks(size: int) -> None:
    """
    A file comes back whole, by our reader and by one written from the record, and has the size the form says.
    """
    content = plaintext(size)
    stored = made(content)

    assert content == b"".join(opened(stored, size).read()) == by_the_book(stored)
    assert len(stored) == stored_size(size) == 48 + size + 16 * max(1, -(-size // CHUNK))


def test_the_form_is_fixed() -> None:
    """
    With a known salt a file has known bytes: whatever changes them makes stored files unreadable.
    """
    sealer = JobSealer(JOB_KEY, randomness=lambda size: b"\x11" * size)

    assert (
        b"".join(encrypted([b"streampay"], sealer.encryptor(CONTEXT))).hex()
        == "73707866696c6501" + "0000000000000007" + "11" * 32 + KNOWN
    )


@pytest.mark.parametrize("block", [1, 1000, CHUNK - 1, CHUNK, CHUNK + 1])
def test_blocks_do_not_matter(block: int) -> None:
    """
    However the plaintext comes in, the chunks are the same.
    """
    size = 1000 if block == 1 else len(THREE)
    assert THREE[:size] == by_the_book(made(THREE[:size], block=block))


REFUSED = {
    "wrong job key": (STORED, {"job_key": bytes(32)}),
    "another tenant": (STORED, {"context": evolve(CONTEXT, tenant="other")}),
    "another job": (STORED, {"context": evolve(CONTEXT, job_id="job-2")}),
    "another file": (STORED, {"context": evolve(CONTEXT, file="default/job-1/8.zip")}),
    "another purpose": (STORED, {"context": evolve(CONTEXT, purpose=FilePurpose.PART)}),
    "a later fence": (STORED, {"context": evolve(CONTEXT, fence=8)}),
    "an earlier fence": (STORED, {"context": evolve(CONTEXT, fence=6)}),
    "fence changed in the header": (STORED[:15] + b"\x08" + STORED[16:], {"context": evolve(CONTEXT, fence=8)}),
    "magic changed": (b"x" + STORED[1:], {}),
    "version changed": (STORED[:7] + b"\x02" + STORED[8:], {}),
    "salt changed": (STORED[:47] + bytes([STORED[47] ^ 1]) + STORED[48:], {}),
    "header of another file": (OTHER[:48] + STORED[48:], {}),
    "no header": (STORED[48:], {}),
    "two headers": (HEADER + STORED, {}),
    "empty": (b"", {}),
    "header alone": (HEADER, {}),
    "half a header": (HEADER[:24], {}),
    "chunks swapped": (HEADER + SECOND + FIRST + THIRD, {}),
    "chunk repeated": (HEADER + FIRST + FIRST + THIRD, {}),
    "chunk dropped in the middle": (HEADER + FIRST + THIRD, {}),
    "last chunk dropped": (HEADER + FIRST + SECOND, {}),
    "last chunk replaced by the shorter file's": (HEADER + FIRST + SHORTER[48 + STORED_CHUNK :], {}),
    "chunk of another file": (HEADER + OTHER[48:][:STORED_CHUNK] + SECOND + THIRD, {}),
    "chunk appended": (STORED + THIRD, {}),
    "full chunk appended": (STORED + SECOND, {}),
    "byte appended": (STORED + b"\0", {}),
    "file appended": (STORED + OTHER, {}),
    "last byte dropped": (STORED[:-1], {}),
    "tag cut": (STORED[:-16], {}),
    "cut inside a chunk": (STORED[: 48 + STORED_CHUNK + 1000], {}),
    "another whole file of the job": (SHORTER, {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_file_is_refused(name: str) -> None:
    """
    A typed error that names nothing, and not one byte beyond the chunks that are the file's own.
    """
    stored, changes = REFUSED[name]
    got: list[bytes] = []
    with pytest.raises(ObjectAltered) as refused:
        got.extend(opened(stored, len(THREE), **changes).read())

    assert THREE.startswith(b"".join(got))
    assert len(b"".join(got)) < len(THREE)
    assert "default" not in str(refused.value)


@pytest.mark.parametrize("size", [0, len(THREE) - 1, len(THREE) + 1, CHUNK, 2 * CHUNK, 10 * CHUNK])
def test_a_file_of_another_size_is_refused(size: int) -> None:
    """
    Whoever remembers another size than the file has gets an error, also for the last byte alone.
    """
    for start in (0, max(size - 1, 0)):
        with pytest.raises(ObjectAltered):
            list(opened(STORED, size).read(start))


def test_counter_restarted_under_one_key_gives_plaintext_away() -> None:
    """
    Why no file key encrypts twice: done on purpose, ciphertexts differ as plaintexts do; our files never so.
    """
    one, two = plaintext(1000), bytes(1000)
    frozen = JobSealer(JOB_KEY, randomness=bytes)

    def difference(sealer: JobSealer) -> bytes:
        left, right = (b"".join(encrypted([each], sealer.encryptor(CONTEXT)))[48:1048] for each in (one, two))
        return bytes(a ^ b for a, b in zip(left, right, strict=True))

    assert one == difference(frozen)
    assert one != difference(JobSealer(JOB_KEY))


def test_attempts_and_versions_never_share_a_file_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every file of a job, and every version of one, has a key of its own.
    """
    from streampay_export.keys import sealing

    keys = []
    derive = sealing.file_key

    def noted(job_key: bytes, salt: bytes, context: FileContext) -> bytes:
        keys.append(derive(job_key, salt, context))
        return keys[-1]

    monkeypatch.setattr(sealing, "file_key", noted)
    same_salt = JobSealer(JOB_KEY, randomness=bytes)
    for context in (
        CONTEXT,
        evolve(CONTEXT, file="default/job-1/8.zip"),
        evolve(CONTEXT, purpose=FilePurpose.PART),
    ):
        same_salt.encryptor(context)
        for fence in range(50):
            JobSealer(JOB_KEY).encryptor(evolve(context, fence=fence))
    assert 3 * 51 == len(keys) == len(set(keys))


def staged(content: bytes) -> EncryptedStage:
    """
    Return *content* as a stage that is encrypted while it is read.
    """
    return EncryptedStage(lambda: [content], len(content), lambda: JobSealer(JOB_KEY).encryptor(CONTEXT))


@pytest.mark.parametrize("size", [1, 47, 10_000, STORED_CHUNK, 1 << 20, -1])
def test_a_stage_is_encrypted_while_it_is_read(size: int) -> None:
    """
    In whatever pieces it is read, it is a whole encrypted file, as long as its end says, and then it ends.
    """
    content = THREE[:1000] if size == 1 else THREE
    stage = staged(content)
    assert stored_size(len(content)) == stage.seek(0, io.SEEK_END)
    assert b"" == stage.read(size)
    assert 0 == stage.seek(0)
    pieces = list(iter(lambda: stage.read(size), b""))

    assert content == by_the_book(b"".join(pieces))
    assert size < 0 or {size} >= {len(piece) for piece in pieces[:-1]}


def test_a_stage_read_again_is_another_file() -> None:
    """
    A second reading begins with a new salt, wherever the first one stopped; both hold the same.
    """
    stage = staged(THREE)
    buffered = io.BufferedReader(stage, 8192)
    first = stage.read()
    stage.seek(0)
    stage.read(100_000)
    stage.seek(0)
    second = b"".join(iter(lambda: buffered.read(8192), b""))

    assert first[16:48] != second[16:48]
    assert THREE == by_the_book(first) == by_the_book(second)


def test_a_stage_is_sought_nowhere_else() -> None:
    """
    In the middle there is no place to begin: a counter is not wound back.
    """
    stage = staged(THREE)
    assert stage.readable()
    assert stage.seekable()
    for offset, whence in ((1, io.SEEK_SET), (48, io.SEEK_SET), (-1, io.SEEK_END), (0, io.SEEK_CUR)):
        with pytest.raises(io.UnsupportedOperation):
            stage.seek(offset, whence)
    assert THREE == by_the_book(stage.read())


class Watched:
    """
    A storage that remembers what was asked of it and yields in small pieces.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, int | None]] = []
        self.closed = 0

    def size(self, key: str) -> int:
        """
        The object's size.
        """
        return len(self.content)

    def read(self, key: str, start: int = 0, end: int | None = None):
        """
        Yield pieces of ten thousand bytes.
        """
        self.asked.append((start, end))
        try:
            for at in range(start, min(end, len(self.content)), 10_000):
                yield self.content[at : min(at + 10_000, end)]
        finally:
            self.closed += 1


def watched(content: bytes, size: int) -> tuple[Watched, EncryptedFile]:
    """
    Return a watched storage and the file in it.
    """
    storage = Watched(content)
    sealer = JobSealer(JOB_KEY)
    return storage, EncryptedFile(
        storage=storage, key=KEY, size=size, decryptor=lambda header: sealer.decryptor(CONTEXT, header)
    )


def test_a_range_fetches_its_own_chunks_and_no_other() -> None:
    """
    Two bytes across the bound of chunks four and five cost a header and two chunks.
    """
    content = plaintext(10 * CHUNK)
    storage, file = watched(made(content), len(content))

    assert content[5 * CHUNK - 1 : 5 * CHUNK + 1] == b"".join(file.read(5 * CHUNK - 1, 5 * CHUNK + 1))
    assert [(0, 48), (48 + 4 * STORED_CHUNK, 48 + 6 * STORED_CHUNK)] == storage.asked


def test_nothing_is_fetched_for_nothing() -> None:
    """
    An empty range of a file asks the storage for nothing, also beyond its end.
    """
    storage, file = watched(STORED, len(THREE))

    assert [] == [*file.read(5, 5), *file.read(len(THREE)), *file.read(10**9)]
    assert [] == storage.asked


def test_an_empty_file_is_checked_too() -> None:
    """
    Reading an empty file yields nothing, once its one empty chunk was found to be its own.
    """
    assert [] == [*opened(made(b""), 0).read(), *opened(made(b""), 0).read(5, 9)]
    with pytest.raises(ObjectAltered):
        list(opened(made(b"x"), 0).read())


def test_closing_closes_what_was_opened() -> None:
    """
    A reader that goes away leaves nothing open behind.
    """
    storage, file = watched(STORED, len(THREE))
    blocks = file.read()
    next(blocks)
    blocks.close()

    assert len(storage.asked) == storage.closed == 2


def test_a_storage_without_generators_is_read_too() -> None:
    """
    An iterator that cannot be closed is simply let go.
    """

    class Plain(Watched):
        def read(self, key: str, start: int = 0, end: int | None = None):
            """
            A list's iterator.
            """
            return iter(list(super().read(key, start, end)))

    file = evolve(watched(STORED, len(THREE))[1], storage=Plain(STORED))
    assert THREE == b"".join(file.read())


def test_a_missing_object_is_missing_and_a_broken_one_unavailable() -> None:
    """
    What the storage says passes through.
    """
    storage = MemoryStorage()
    file = evolve(opened(STORED, len(THREE)), storage=storage)
    with pytest.raises(ObjectMissing):
        next(file.read())

    class Broken(Watched):
        def read(self, key: str, start: int = 0, end: int | None = None):
            """
            Breaks off after the first piece.
            """
            yield next(iter(super().read(key, start, end)))
            if end != 48:
                raise StorageUnavailable("cut")

    with pytest.raises(StorageUnavailable):
        list(evolve(file, storage=Broken(STORED)).read())


def test_memory_stays_at_a_few_chunks() -> None:
    """
    Sixteen megabytes are encrypted and read back in less than one.
    """
    size = 256 * CHUNK
    sealer = JobSealer(JOB_KEY)
    one = bytes(CHUNK)

    class Endless(Watched):
        def read(self, key: str, start: int = 0, end: int | None = None):
            """
            The file, encrypted as it is read.
            """
            position = 0
            for block in encrypted((one for _ in range(size // CHUNK)), frozen.encryptor(CONTEXT)):
                piece = block[max(start - position, 0) : max(end - position, 0)]
                position += len(block)
                if piece:
                    yield piece

    frozen = JobSealer(JOB_KEY, randomness=bytes)
    file = EncryptedFile(
        storage=Endless(b""), key=KEY, size=size, decryptor=lambda header: sealer.decryptor(CONTEXT, header)
    )
    tracemalloc.start()
    try:
        assert size == sum(map(len, file.read()))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_nothing_secret_is_shown() -> None:
    """
    Neither a salt nor what decrypts stands in what is printed of a file.
    """
    header = FileHeader.parse(HEADER)
    assert FileHeader(fence=7, salt=HEADER[16:]) == header
    assert repr(HEADER[16:]) not in repr(header)
    assert "decryptor" not in repr(opened(STORED, len(THREE)))
