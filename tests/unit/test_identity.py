"""
Ids and random bytes.
"""

import re

from streampay_export.identity import make_id, random_bytes


def test_an_id_carries_128_bits_in_26_characters():
    """
    All zeros and all ones show the alphabet's ends; the same bytes make the same id.
    """
    sizes = []

    def ones(size):
        sizes.append(size)
        return b"\xff" * size

    assert "a" * 26 == make_id(bytes)
    assert "7" * 25 + "4" == make_id(ones)
    assert [16] == sizes


def test_ids_are_never_the_same():
    """
    Ten thousand ids are ten thousand, each of the form the port asks for.
    """
    ids = {make_id() for _ in range(10_000)}

    assert len(ids) == 10_000
    assert all(re.fullmatch("[a-z2-7]{26}", id_) for id_ in ids)


def test_random_bytes_are_as_many_as_asked_and_differ():
    """
    Two draws of 32 bytes are not equal.
    """
    assert [0, 1, 32] == [len(random_bytes(size)) for size in (0, 1, 32)]
    assert random_bytes(32) != random_bytes(32)
