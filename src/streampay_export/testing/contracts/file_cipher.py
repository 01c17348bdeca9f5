"""
The contract of `ports.keys.FileEncryptor` and `FileDecryptor`, as a `Sealer` makes them.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from ..._core.encrypted_file import CHUNK_BYTES, HEADER_BYTES, FileContext, FilePurpose
from ...errors import ObjectAltered
from ...ports.keys import Sealer

CONTEXT = FileContext(
    purpose=FilePurpose.ARTIFACT, tenant="default", job_id="job-1", file="default/job-1/1.zip", fence=1
)
FULL = bytes(range(256)) * (CHUNK_BYTES // 256)
ELSEWHERE = [
    evolve(CONTEXT, purpose=FilePurpose.PART),
    evolve(CONTEXT, tenant="other"),
    evolve(CONTEXT, tenant="defaultj", job_id="ob-1"),
    evolve(CONTEXT, job_id="job-2"),
    evolve(CONTEXT, job_id="job-1default", file="/job-1/1.zip"),
    evolve(CONTEXT, file="default/job-1/2.zip"),
    evolve(CONTEXT, fence=2),
    evolve(CONTEXT, fence=1 << 56),
]


def _sizes(chunks: list[bytes]) -> str:
    return "+".join(str(len(chunk)) for chunk in chunks)


class FileCipherContract:
    """
    What every `Sealer` keeps for files. Give *sealer*, *again* of the same job key, and *stranger*.
    """

    @pytest.fixture
    def sealer(self) -> Sealer:
        """
        The sealer under test.
        """
        raise NotImplementedError("give a fixture `sealer` that returns your sealer")

    @pytest.fixture
    def again(self) -> Sealer:
        """
        A second sealer of the same job key.
        """
        raise NotImplementedError("give a fixture `again` that returns a sealer of the same job key")

    @pytest.fixture
    def stranger(self) -> Sealer:
        """
        A sealer of another job key.
        """
        raise NotImplementedError("give a fixture `stranger` that returns a sealer of another job key")

    @pytest.mark.parametrize("chunks", [[b""], [b"x"], [FULL], [FULL, b"x"], [FULL, FULL]], ids=_sizes)
    def test_chunks_come_back(self, sealer: Sealer, again: Sealer, chunks: list[bytes]) -> None:
        """
        Every sealer of the job key decrypts a file's chunks, in any order.
        """
        header, sealed = _encrypt(sealer, CONTEXT, chunks)
        decryptor = again.decryptor(CONTEXT, header)
        final = len(chunks) - 1
        backwards = [decryptor.open(n, sealed[n], last=n == final) for n in reversed(range(len(chunks)))]
        assert chunks[::-1] == backwards
        assert HEADER_BYTES == len(header)
        assert [len(chunk) + 16 for chunk in chunks] == [len(chunk) for chunk in sealed]

    def test_no_file_key_encrypts_twice(self, sealer: Sealer, again: Sealer) -> None:
        """
        The same file encrypted again, by whichever attempt, begins with another salt and looks like another.
        """
        files = [_encrypt(each, CONTEXT, [FULL, FULL]) for each in (sealer, sealer, again)]
        salts = {header[-32:] for header, _ in files}
        assert 3 == len(salts)
        assert 6 == len({chunk for _, sealed in files for chunk in sealed})

    def test_no_keystream_is_used_twice(self, sealer: Sealer) -> None:
        """
        No two chunks, of one file or of two, differ as their plaintexts do: that would give both away.
        """
        sealed = [chunk for _ in range(2) for chunk in _encrypt(sealer, CONTEXT, [bytes(CHUNK_BYTES)] * 3)[1]]
        assert 6 == len({chunk[:CHUNK_BYTES] for chunk in sealed})

    @pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=str)
    def test_a_file_decrypts_in_no_other_place(self, sealer: Sealer, elsewhere: FileContext) -> None:
        """
        Another purpose, tenant, job, file or fence is refused, wherever one name ends and the next begins.
        """
        header, sealed = _encrypt(sealer, CONTEXT, [b"x"])
        with pytest.raises(ObjectAltered):
            sealer.decryptor(elsewhere, header).open(0, sealed[0], last=True)

    def test_another_job_key_decrypts_nothing(self, sealer: Sealer, stranger: Sealer) -> None:
        """
        What was encrypted for one job no other opens.
        """
        header, sealed = _encrypt(sealer, CONTEXT, [b"x"])
        with pytest.raises(ObjectAltered):
            stranger.decryptor(CONTEXT, header).open(0, sealed[0], last=True)

    def test_a_chunk_is_taken_for_no_other(self, sealer: Sealer) -> None:
        """
        A chunk at another number, of another file, as the last or not as the last one is refused.
        """
        header, sealed = _encrypt(sealer, CONTEXT, [FULL, FULL])
        other, _ = _encrypt(sealer, CONTEXT, [FULL, FULL])
        for used, number, chunk, last in (
            (header, 0, sealed[1], False),
            (header, 1, sealed[0], True),
            (header, 2, sealed[1], True),
            (header, 0, sealed[0], True),
            (header, 1, sealed[1], False),
            (other, 0, sealed[0], False),
        ):
            with pytest.raises(ObjectAltered):
                sealer.decryptor(CONTEXT, used).open(number, chunk, last=last)

    def test_no_flipped_bit_decrypts(self, sealer: Sealer) -> None:
        """
        A header or chunk changed by any one bit is refused.
        """
        header, (sealed,) = _encrypt(sealer, CONTEXT, [b"alice"])
        for bit in range(len(header + sealed) * 8):
            flipped = bytearray(header + sealed)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(ObjectAltered):
                sealer.decryptor(CONTEXT, bytes(flipped[:HEADER_BYTES])).open(
                    0, bytes(flipped[HEADER_BYTES:]), last=True
                )

    def test_no_other_length_decrypts(self, sealer: Sealer) -> None:
        """
        A header or chunk cut short at any place, or longer, is refused.
        """
        header, (sealed,) = _encrypt(sealer, CONTEXT, [b"alice"])
        for other in (*(header[:size] for size in range(HEADER_BYTES)), header + b"\0"):
            with pytest.raises(ObjectAltered):
                sealer.decryptor(CONTEXT, other)
        for other in (*(sealed[:size] for size in range(len(sealed))), sealed + b"\0"):
            with pytest.raises(ObjectAltered):
                sealer.decryptor(CONTEXT, header).open(0, other, last=True)

    def test_an_encryptor_only_goes_forward(self, sealer: Sealer) -> None:
        """
        After the last chunk there is none, and no chunk has a size that the form does not have.
        """
        for before, chunk, last in (
            ([(b"x", True)], b"x", True),
            ([(b"", True)], b"", True),
            ([], FULL[:-1], False),
            ([], FULL + b"x", False),
            ([], FULL + b"x", True),
            ([], b"", False),
            ([(FULL, False)], b"", True),
        ):
            encryptor = sealer.encryptor(CONTEXT)
            for earlier, was_last in before:
                encryptor.seal(earlier, last=was_last)
            with pytest.raises(ValueError, match="chunk"):
                encryptor.seal(chunk, last=last)


def _encrypt(sealer: Sealer, context: FileContext, chunks: list[bytes]) -> tuple[bytes, list[bytes]]:
    encryptor = sealer.encryptor(context)
    final = len(chunks) - 1
    return encryptor.header, [encryptor.seal(chunk, last=n == final) for n, chunk in enumerate(chunks)]
