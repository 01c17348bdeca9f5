"""
Encrypted files as laws: a range is a slice, and whatever was changed is noticed or does not matter.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encrypted_files import CHUNK, by_the_book, made, opened, plaintext

from streampay_export._core.encrypted_file import FileContext, FilePurpose
from streampay_export.errors import ObjectAltered

SIZE = 3 * CHUNK + 1234
CONTENT = plaintext(SIZE)
STORED = made(CONTENT)
FILE = opened(STORED, SIZE)
near_bounds = st.builds(
    lambda chunk, offset: min(max(chunk * CHUNK + offset, 0), SIZE), st.integers(0, 3), st.integers(-2, 2)
)
offsets = st.integers(0, SIZE) | near_bounds


@given(offsets, offsets | st.integers(SIZE, 2 * SIZE))
def test_a_range_is_a_slice(start: int, end: int) -> None:
    """
    What is read between two offsets is what stands between them.
    """
    assert CONTENT[start:end] == b"".join(FILE.read(start, end))


@given(st.integers(0, len(STORED) * 8 - 1))
def test_no_flipped_bit_is_read(bit: int) -> None:
    """
    One flipped bit anywhere ends the reading, before any byte of its chunk.
    """
    flipped = bytearray(STORED)
    flipped[bit // 8] ^= 1 << bit % 8
    got: list[bytes] = []
    with pytest.raises(ObjectAltered):
        got.extend(opened(bytes(flipped), SIZE).read())
    assert CONTENT[: max(bit // 8 - 48, 0) // (CHUNK + 16) * CHUNK] == b"".join(got)


@given(st.integers(0, len(STORED) - 1))
def test_no_truncation_is_read(size: int) -> None:
    """
    A file cut short anywhere is refused.
    """
    with pytest.raises(ObjectAltered):
        list(opened(STORED[:size], SIZE).read())


@given(st.lists(st.integers(0, 3), max_size=6).filter(lambda order: order != [0, 1, 2, 3]))
def test_no_other_order_of_chunks_is_read(order: list[int]) -> None:
    """
    Chunks dropped, repeated or moved are refused.
    """
    header, body = STORED[:48], STORED[48:]
    chunks = [body[at : at + CHUNK + 16] for at in range(0, len(body), CHUNK + 16)]
    with pytest.raises(ObjectAltered):
        list(opened(header + b"".join(chunks[n] for n in order), SIZE).read())


@given(st.integers(0, 300), st.sampled_from([1, 7, 100, CHUNK]))
def test_small_files_are_read_by_the_book(size: int, block: int) -> None:
    """
    What we encrypt, a reader made from the record alone decrypts.
    """
    assert CONTENT[:size] == by_the_book(made(CONTENT[:size], block=block))


names = st.text(st.characters(max_codepoint=0x17F), max_size=6)
contexts = st.builds(
    FileContext,
    purpose=st.sampled_from(FilePurpose),
    tenant=names,
    job_id=names,
    file=names,
    fence=st.just(1),
)


@given(contexts, contexts)
def test_no_two_places_have_one_info(one: FileContext, other: FileContext) -> None:
    """
    The HKDF info tells every place from every other, wherever its names end.
    """
    assert (one == other) == (one.info == other.info)


def changed_somehow(draw) -> bytes:
    """
    Return the file with bytes replaced, cut out, put in, or moved, anywhere.
    """
    content = bytearray(STORED)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        to = min(at + draw(st.integers(0, 2 * CHUNK)), len(content))
        piece = draw(st.binary(max_size=64) | st.just(bytes(content[at:to])) | st.just(STORED[:48]))
        match draw(st.sampled_from(["replace", "cut", "insert", "move"])):
            case "replace":
                content[at : at + len(piece)] = piece
            case "cut":
                del content[at:to]
            case "insert":
                content[at:at] = piece
            case _:
                moved = content[at:to]
                del content[at:to]
                content[len(content) // 2 : len(content) // 2] = moved
    return bytes(content)


def no_changed_file_is_read(data) -> None:
    """
    Whatever was done to a file, only what is the file's own is given out, and not to its end.
    """
    stored = changed_somehow(data.draw)
    got: list[bytes] = []
    if stored == STORED:
        return
    with pytest.raises(ObjectAltered):
        got.extend(opened(stored, SIZE).read())
    assert CONTENT.startswith(b"".join(got))


@settings(max_examples=50)
@given(st.data())
def test_no_changed_file_is_read(data) -> None:
    """
    Bounded fuzzing: a few dozen changed files.
    """
    no_changed_file_is_read(data)


@pytest.mark.promise
@pytest.mark.timeout(600)
@settings(max_examples=5000, deadline=None)
@given(st.data())
def test_no_changed_file_of_thousands_is_read(data) -> None:
    """
    The same, thousands of times.
    """
    no_changed_file_is_read(data)
