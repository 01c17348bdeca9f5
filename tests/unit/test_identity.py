"""
Ids and random bytes.
"""

import base64
import os
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


def test_ids_and_bytes_come_from_the_operating_systems_generator(monkeypatch):
    """
    ASVS 11.5.1: sixteen bytes of it make an id, and nothing else does.
    """
    drawn = []
    monkeypatch.setattr(os, "urandom", lambda size: drawn.append(size) or b"\x00" * size)

    assert ("a" * 26, bytes(32)) == (make_id(), random_bytes(32))
    assert [16, 32] == drawn


def test_every_bit_of_an_id_is_random():
    """
    Of 128 bits each is set in about half of 2,000 ids (six and a half standard deviations at most).
    """
    ids = [int.from_bytes(base64.b32decode(f"{make_id().upper()}======")) for _ in range(2_000)]

    assert all(855 < sum(each >> bit & 1 for each in ids) < 1_145 for bit in range(128))
