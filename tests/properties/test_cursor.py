"""
A cursor is exact: every key comes back as it was, and no key has two tokens.
"""

import string
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.cursor import Cursor
from streampay_export.errors import InvalidCursor

OFFSETS = st.integers(min_value=-86_399, max_value=86_399).map(lambda s: timezone(timedelta(seconds=s)))
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.integers(),
    st.integers(min_value=1, max_value=6_000).map(lambda bits: -(1 << bits)),
    st.decimals(allow_nan=False),
    st.floats(allow_nan=False),
    st.booleans(),
    st.datetimes().map(lambda clock: clock.replace(fold=0)),
    st.datetimes(timezones=st.just(UTC) | OFFSETS).map(lambda clock: clock.replace(fold=0)),
    st.dates(),
    st.uuids(),
    st.binary(max_size=20),
)
KEYS = st.lists(VALUES, min_size=1, max_size=4).map(tuple)
SCOPES = st.text(st.characters(codec="utf-8"), max_size=10)


def spelled(value: Any) -> tuple[str, str]:
    """
    Return what tells two values apart that Python calls equal: type, sign of zero, trailing zeros.
    """
    return type(value).__name__, repr(value)


@given(key=KEYS, scope=SCOPES)
def test_a_key_comes_back_as_it_was(key: tuple[Any, ...], scope: str) -> None:
    """
    Whatever the types and values, the key read back has the same types and the same values, to the last digit.
    """
    again = Cursor.parse(Cursor(scope=scope, key=key).spell(), scope)
    assert list(map(spelled, again.key)) == list(map(spelled, key))


@given(one=KEYS, other=KEYS)
def test_tokens_are_equal_where_keys_are(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """
    Two keys have one token only if they are one key.
    """
    same = Cursor(scope="p", key=one).spell() == Cursor(scope="p", key=other).spell()
    assert same == (list(map(spelled, one)) == list(map(spelled, other)))


@given(key=KEYS, data=st.data())
def test_an_altered_token_is_another_key_or_refused(key: tuple[Any, ...], data: st.DataObject) -> None:
    """
    No token can be altered, shortened or lengthened and still be the same key.
    """
    token = Cursor(scope="p", key=key).spell()
    place = data.draw(st.integers(min_value=0, max_value=len(token)))
    cut = data.draw(st.integers(min_value=0, max_value=2))
    letters = st.text(string.ascii_letters + string.digits + "-_+/=. \n", max_size=2)
    altered = token[:place] + data.draw(letters) + token[place + cut :]
    try:
        again = Cursor.parse(altered, "p")
    except InvalidCursor:
        return
    assert (again.spell() == token) == (altered == token)
    assert again.spell() == altered


@given(token=st.text(max_size=50) | st.binary(max_size=50).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_cursor_or_refused(token: str) -> None:
    """
    No text at all makes reading a cursor fail in another way.
    """
    with pytest.raises(InvalidCursor):
        Cursor.parse(token, "payouts")


def test_decimals_of_any_size_come_back() -> None:
    """
    Decimals beyond the context's precision keep all their digits.
    """
    key = (Decimal("1." + "7" * 400), Decimal("1E+999999"), Decimal("-0.00"))
    assert list(map(str, Cursor.parse(Cursor(scope="p", key=key).spell(), "p").key)) == list(map(str, key))
