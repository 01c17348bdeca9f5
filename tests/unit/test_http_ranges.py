"""
Byte ranges and entity tags, without a server. The matrix over real hosts: tests/integration/test_http_contract.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export.http.conditional import matches, range_applies
from streampay_export.http.ranges import ByteRange, read_range
from streampay_export.http.refusals import RangeNotSatisfiable

SIZES = st.integers(1, 50)
PLACES = st.integers(0, 60)


@given(SIZES, PLACES, PLACES)
def test_first_and_last_are_inclusive(size, first, last):
    """
    The bytes a range means are those Python slices out, or there is no such range.
    """
    whole = bytes(range(size))
    text = f"bytes={first}-{last}"
    if last < first:
        assert read_range(text, size) is None
    elif first >= size:
        with pytest.raises(RangeNotSatisfiable):
            read_range(text, size)
    else:
        part = read_range(text, size)
        assert whole[first : last + 1] == whole[part.start : part.end]
        assert part.end <= size


@given(SIZES, PLACES)
def test_one_end_may_be_open(size, place):
    """
    `N-` is from N on, `-N` the last N; neither is ever empty.
    """
    whole = bytes(range(size))
    for text, wanted in ((f"bytes={place}-", whole[place:]), (f"bytes=-{place}", whole[-place:] if place else b"")):
        if wanted:
            part = read_range(text, size)
            assert wanted == whole[part.start : part.end]
        else:
            with pytest.raises(RangeNotSatisfiable):
                read_range(text, size)


@given(st.one_of(st.none(), st.text(), st.from_regex(r"bytes=[0-9, -]*", fullmatch=True)), SIZES)
def test_any_text_is_a_range_within_the_file_or_none(text, size):
    """
    Whatever came, what is served lies inside the file.
    """
    try:
        part = read_range(text, size)
    except RangeNotSatisfiable:
        part = None
    assert part is None or 0 <= part.start < part.end <= size


@pytest.mark.parametrize(
    "text", ["bytes=0-0,2-2", "bytes=0-0,", "lines=0-0", "bytes 0-0", "bytes=+1-2", "bytes=1_0-"]
)
def test_what_is_not_one_range_is_none(text):
    """
    Several ranges, another unit, and spellings of numbers that only Python reads.
    """
    assert read_range(text, 10) is None


def test_numbers_of_any_length_are_places():
    """
    A thousand digits are far behind the end; more are no range.
    """
    assert ByteRange(3, 10) == read_range("bytes=3-" + "9" * 1000, 10)
    assert read_range("bytes=3-" + "9" * 1001, 10) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, False),
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ("a", False),
        ('"a', False),
        ('"xa"', False),
        ('"*"', False),
    ],
)
def test_if_none_match_compares_weakly(condition, expected):
    """
    Any of the tags named, strong or weak, or a star.
    """
    assert expected == matches(condition, '"a"')


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        ('"a"', True),
        (' "a" ', True),
        ('W/"a"', False),
        ('"b"', False),
        ("Fri, 02 Jan 2026 12:00:00 GMT", False),
    ],
)
def test_if_range_compares_strongly(condition, expected):
    """
    Only exactly this tag lets a range through.
    """
    assert expected == range_applies(condition, '"a"')
