"""
Cursors by example: what a token looks like, and what is not one.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from streampay_export._core.cursor import LONGEST_CURSOR, Cursor
from streampay_export.errors import InvalidCursor, UnwritableValue


def token_of(content: Any) -> str:
    """
    Spell any JSON as a cursor spells its own.
    """
    compact = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(compact.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("a", "sa"),
        ("", "s"),
        (-255, "i-ff"),
        (Decimal("1.50"), "n1.50"),
        (0.1, "f0.1"),
        (True, "bTrue"),
        (False, "bFalse"),
        (datetime.fromisoformat("2026-01-31T23:59:59.000005"), "t2026-01-31T23:59:59.000005"),
        (datetime(2026, 1, 31, tzinfo=UTC), "t2026-01-31T00:00:00+00:00"),
        (date(2026, 1, 31), "d2026-01-31"),
        (UUID(int=1), "u00000000-0000-0000-0000-000000000001"),
        (b"\xff", "x/w=="),
    ],
)
def test_each_type_has_its_tag(value: object, spelled: str) -> None:
    """
    A token is the canonical base64url of a compact JSON array: the scope, then each value after its type's tag.
    """
    token = Cursor(scope="payouts", key=(value,)).spell()
    assert json.loads(urlsafe_b64decode(token + "==")) == ["payouts", spelled]
    assert "=" not in token


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(["streams", "i1"], id="another scope"),
        pytest.param(["payouts"], id="no values"),
        pytest.param([], id="nothing"),
        pytest.param("payouts", id="no array"),
        pytest.param(5, id="a number"),
        pytest.param([5, "i1"], id="a scope that is no text"),
        pytest.param(["payouts", 5], id="a value that is no text"),
        pytest.param(["payouts", None], id="a value that is null"),
        pytest.param(["payouts", ""], id="a value without a tag"),
        pytest.param(["payouts", "q1"], id="an unknown tag"),
        pytest.param(["payouts", {"i": 1}], id="a value that is an object"),
        pytest.param(["payouts", ["s", "a"]], id="a value that is an array"),
        pytest.param(["payouts", "i+1"], id="an integer with a plus"),
        pytest.param(["payouts", "i01"], id="an integer with a zero before it"),
        pytest.param(["payouts", "iFF"], id="an integer in capitals"),
        pytest.param(["payouts", "i1_0"], id="an integer with an underscore"),
        pytest.param(["payouts", "i"], id="an integer without digits"),
        pytest.param(["payouts", "n1.0 "], id="a decimal with a space"),
        pytest.param(["payouts", "nNaN"], id="a decimal that is not a number"),
        pytest.param(["payouts", "n1.5.0"], id="no decimal"),
        pytest.param(["payouts", "f1"], id="a float in short"),
        pytest.param(["payouts", "f1e999"], id="a float beyond its range"),
        pytest.param(["payouts", "fnan"], id="a float that is not a number"),
        pytest.param(["payouts", "btrue"], id="no boolean"),
        pytest.param(["payouts", "t2026-01-31T00:00:00Z"], id="an instant with a Z"),
        pytest.param(["payouts", "t2026-02-30T00:00:00"], id="no such day"),
        pytest.param(["payouts", "d20260131"], id="a date without dashes"),
        pytest.param(["payouts", "u{00000000-0000-0000-0000-000000000001}"], id="a UUID in braces"),
        pytest.param(["payouts", "x/w"], id="bytes without padding"),
    ],
)
def test_only_the_canonical_spelling_is_a_cursor(content: object) -> None:
    """
    Another scope, another shape, and every other way to write a value are refused alike.
    """
    with pytest.raises(InvalidCursor):
        Cursor.parse(token_of(content), "payouts")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("é", id="beyond ASCII"),
        pytest.param("A", id="no base64"),
        pytest.param("[" * 3_000, id="not base64 either"),
        pytest.param(urlsafe_b64encode(b"[" * 4_200).rstrip(b"=").decode(), id="nested too deeply"),
        pytest.param(urlsafe_b64encode(b"[" + b"9" * 4_400 + b"]").rstrip(b"=").decode(), id="a long number"),
        pytest.param(urlsafe_b64encode(b'["payouts", "i1"]').rstrip(b"=").decode(), id="with a space"),
        pytest.param(urlsafe_b64encode(b'["payouts","s\\u0061"]').rstrip(b"=").decode(), id="escaped"),
        pytest.param(token_of(["payouts", "i1"]) + "=", id="padded"),
        pytest.param(token_of(["payouts", "i1"]) + "\n", id="with a line break"),
        pytest.param("A" * (LONGEST_CURSOR + 1), id="too long"),
    ],
)
def test_no_cursor_at_all(token: str) -> None:
    """
    What is no base64url of JSON is refused in the same words.
    """
    with pytest.raises(InvalidCursor) as refused:
        Cursor.parse(token, "payouts")
    assert str(refused.value) == "cursor: this cursor was not given to you by this list; start again without one"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "a NoneType, which no cursor can carry"),
        (timedelta(1), "a timedelta, which no cursor can carry"),
        (["a"], "a list, which no cursor can carry"),
        (float("nan"), "NaN, which has no place in an order"),
        (Decimal("-sNaN12"), "NaN, which has no place in an order"),
        ("a" * LONGEST_CURSOR, "more than a cursor of 6000 characters can carry"),
    ],
)
def test_what_no_cursor_can_carry(value: object, reason: str) -> None:
    """
    A key that could not be read back is refused when the cursor is made, without its value.
    """
    with pytest.raises(UnwritableValue) as refused:
        Cursor(scope="payouts", key=("id", value))
    assert str(refused.value) == f"dataset payouts: field 'key' holds {reason}"


def test_the_longest_key_a_database_indexes_fits() -> None:
    """
    3,072 bytes, the longest key InnoDB indexes, fit a cursor even as bytes.
    """
    key = (b"\xff" * 3_072,)
    assert Cursor.parse(Cursor(scope="payouts", key=key).spell(), "payouts").key == key


def test_two_lone_surrogates_stay_two() -> None:
    """
    A pair of surrogates that a database holds apart is not joined into one character.
    """
    key = ("\ud83d\ude00",)
    assert Cursor.parse(Cursor(scope="payouts", key=key).spell(), "payouts").key == key


def test_an_instant_in_a_named_zone_comes_back_at_its_offset() -> None:
    """
    Zone names are not kept; the instant is, in both of the hours that a clock shows twice.
    """
    berlin = ZoneInfo("Europe/Berlin")
    for fold, hour in ((0, 0), (1, 1)):
        instant = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold)
        (again,) = Cursor.parse(Cursor(scope="payouts", key=(instant,)).spell(), "payouts").key
        assert again == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def test_equal_values_of_other_types_are_other_cursors() -> None:
    """
    1, True and 1.0 are three keys.
    """
    assert len({Cursor(scope="p", key=(value,)) for value in (1, True, 1.0)}) == 3


def test_a_cursor_does_not_show_its_key() -> None:
    """
    Neither key nor token is in the representation, which may end up in a log.
    """
    assert repr(Cursor(scope="payouts", key=("GANN",))) == "Cursor(scope='payouts')"
