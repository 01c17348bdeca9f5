"""
Whatever is done to a bundle, the verifier refuses it in one way, and what it says is safe to print.
"""

import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bundles import SIGNER, small_bundle
from tests.forgeries import files_of, restated

from streampay_export._core.dsse import read_envelope
from streampay_export._core.layout import MANIFEST
from streampay_export.errors import BundleRefused
from streampay_export.verify import verify_bundle
from streampay_export.verify.__main__ import summary

SMALL = small_bundle(formats=("csv",))
FILES = files_of(SMALL)
STATEMENT = json.loads(read_envelope(FILES[MANIFEST]).payload)
KEYS = SIGNER.public_keys()
CHANGES = ("flip", "insert", "delete", "repeat", "move", "swap", "cut")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """
    The file of each bundle in turn.
    """
    return tmp_path_factory.mktemp("mutations") / "bundle.zip"


def _says(path, data, keys):
    """
    The verdict or the refusal, as a person reads it; any other error is one of the verifier's own.
    """
    path.write_bytes(data)
    try:
        said = summary(verify_bundle(path, keys))
    except BundleRefused as refused:
        said = f"refused: {refused}"
        assert "\n" not in said
    assert said.isascii()
    assert said.replace("\n", "").isprintable()
    return said


def _mutated(data, kind, place, length, new):
    before, piece, after = data[:place], data[place : place + length], data[place + length :]
    return {
        "flip": before + bytes(each ^ (new[0] or 1) for each in piece[:1]) + piece[1:] + after,
        "insert": before + new + piece + after,
        "delete": before + after,
        "repeat": before + piece + piece + after,
        "move": piece + before + after,
        "swap": before + after[:length] + piece + after[length:],
        "cut": before,
    }[kind]


@given(
    kind=st.sampled_from(CHANGES),
    place=st.integers(0, len(SMALL) - 1),
    length=st.sampled_from((1, 2, 4, 30, 46, 1000)),
    new=st.binary(min_size=1, max_size=64),
)
def test_a_bundle_whose_bytes_were_changed_is_refused(path, kind, place, length, new):
    """
    Flipped, put in, taken out, repeated, moved, swapped or cut, at any place: refused, with and without a key.
    """
    data = _mutated(SMALL, kind, place, length, new)
    if data != SMALL:
        for keys in ((), KEYS):
            assert _says(path, data, keys).startswith("refused: ")


def _places(form, at=()) -> Iterator[tuple[str | int, ...]]:
    names = form if isinstance(form, dict) else range(len(form)) if isinstance(form, list) else ()
    for name in names:
        yield (*at, name)
        yield from _places(form[name], (*at, name))


PLACES = list(_places(STATEMENT))
STRANGE = (
    None, True, 0, -1, 1.5, 1 << 63, 10**4000, "", "\x1b[2J", "\x9b31m", "\u202e", "\u05d0", "\ud800", "../x", {},
    "9999-12-31T23:59:59-14:00", "1e999999", "full", "csv", "x" * 5000, [], [[]], [{}], {"": {}}, ["csv", "csv"],
)  # fmt: skip


GONE = object()


def _restated(place, value):
    def change(statement):
        inside = statement
        for name in place[:-1]:
            inside = inside[name]
        if value is GONE:
            del inside[place[-1]]
        else:
            inside[place[-1]] = value
        return statement

    return restated(FILES, change)


@given(place=st.sampled_from(PLACES), value=st.sampled_from((*STRANGE, GONE)))
def test_a_statement_that_was_changed_is_refused_or_safe_to_print(path, place, value):
    """
    Any value at any place, well signed: a verdict or a refusal, in plain ASCII, and never another error.
    """
    said = _says(path, _restated(place, value), KEYS)
    assert said.startswith(("refused: ", "intact, signed by"))


@pytest.mark.promise
@pytest.mark.timeout(600)
def test_ten_thousand_mutations_of_a_bundle_are_refused(path):
    """
    One to four changes of its bytes each, from a fixed seed: not one is taken for a bundle.
    """
    pick = random.Random(48)
    for _ in range(10_000):
        data = SMALL
        for _ in range(pick.randint(1, 4)):
            place, length = pick.randrange(len(data)), pick.choice((1, 2, 4, 30, 46, 1000, 10_000))
            data = _mutated(data, pick.choice(CHANGES), place, length, pick.randbytes(pick.randint(1, 64))) or SMALL
        if data != SMALL:
            assert _says(path, data, pick.choice(((), KEYS))).startswith("refused: ")


@pytest.mark.promise
@pytest.mark.timeout(600)
def test_every_strange_value_at_every_place_of_a_statement(path):
    """
    Each is refused or safe to print; what is said of the files themselves is always refused.
    """
    same = restated(FILES, lambda statement: statement)
    for place in PLACES:
        for value in (*STRANGE, GONE):
            data = _restated(place, value)
            said = _says(path, data, KEYS)
            of_files = place[0] == "subject" or place[1:2] in {("files",), ("archive",), ("formats",)}
            assert said.startswith("refused: ") or not of_files or data == same
