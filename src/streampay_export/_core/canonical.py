"""
From a driver's values to canonical text: one exact form for each type, decided in one place.

text: as it is. integer, decimal: plain digits (`decimals.py`). boolean: `true`, `false`. timestamp,
date: `instants.py`. uuid: lower case with dashes. json: the source's own text, on one line. NULL is
`None`. What has no exact form raises `UnwritableValue`, which names the field and never the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter, methodcaller
from types import NoneType
from typing import Any, NoReturn, TypeAlias
from uuid import UUID

from ..errors import UnwritableValue
from .catalog import Field, FieldType
from .decimals import Refuse, decimal_texts, integer_texts
from .instants import TimestampTexts, date_texts, zone_named

Canonicaliser: TypeAlias = Callable[[Sequence[object]], Sequence[str | None]]
"""From a column of a page, as the driver gave it, to its canonical texts."""

_Texts: TypeAlias = Callable[[Sequence[Any], set[type]], Sequence[str]]
_BOOLEANS: dict[object, str] = {
    **dict.fromkeys((True, "t", "true", "1", b"\x01"), "true"),
    **dict.fromkeys((False, "f", "false", "0", b"\x00"), "false"),
}
_HEX = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_UUID_LINE = b"00000000-0000-0000-0000-000000000000\n"
_HEX_LINE = b"0" * 32 + b"\n"  # as SQLAlchemy keeps UUIDs where the database has no such type
_UUID_PLACES = [place for place, sign in enumerate(_UUID_LINE) if sign == ord("0")]
_UUID_TEXT = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")


def canonicaliser(dataset: str, field: Field, timezone: str | None) -> Canonicaliser:
    """
    Compile the function from a column of raw values to canonical texts; it is pure and thread-safe.

    *timezone* (IANA name) is that of timestamps stored without one. A float is taken for what it is,
    so a source that keeps decimals as floats is as inexact here as there. The function raises
    `UnwritableValue`; compiling raises `InvalidCatalog` for an unknown time zone.
    """
    refuse = partial(UnwritableValue, dataset, field.name)
    texts = _texts_of(field, timezone, refuse)

    def canonical(values: Sequence[object]) -> Sequence[str | None]:
        kinds = set(map(type, values))
        if NoneType not in kinds:
            return texts(values, kinds) if values else ()
        kinds.discard(NoneType)
        if not kinds:
            return (None,) * len(values)
        present = iter(texts([value for value in values if value is not None], kinds))
        return [None if value is None else next(present) for value in values]

    return canonical


def _texts_of(field: Field, timezone: str | None, refuse: Refuse) -> _Texts:
    if field.type is FieldType.DECIMAL:
        return decimal_texts(field.scale, refuse)
    if field.type is FieldType.INTEGER:
        return integer_texts(refuse)
    if field.type is FieldType.TIMESTAMP:
        return TimestampTexts(zone_named(timezone), field.unit, refuse)
    if field.type is FieldType.DATE:
        return date_texts(refuse)
    return partial(_COLUMNS[field.type], refuse)


def _text(refuse: Refuse, values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
    if kinds != {str}:
        values = [_one_text(value, refuse) for value in values]
    joined = "".join(values)
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError:
            raise refuse("text with a lone surrogate, which no UTF-8 file can hold; correct the row") from None
    return values


def _one_text(value: Any, refuse: Refuse) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise refuse("bytes that are not UTF-8 text; leave the field out, or store it as text") from None
    if type(value) is UUID:
        return str(value)
    if type(value) is int:
        return integer_texts(refuse)([value], {int})[0]
    raise refuse(f"a value of type {type(value).__name__}, not text; declare the field's type as what it holds")


def _boolean(refuse: Refuse, values: Sequence[Any], _: set[type]) -> Sequence[str]:
    try:
        return list(map(_BOOLEANS.__getitem__, values))
    except (KeyError, TypeError, ValueError):
        raise refuse("a value that is neither true nor false (nor 1 or 0); declare what it is") from None


def _uuid(refuse: Refuse, values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
    if kinds == {UUID}:
        return _dashed(
            b"".join(map(methodcaller("to_bytes", 16, "big"), map(attrgetter("int"), values))).hex().encode()
        )
    if kinds == {str}:
        joined = "\n".join(values) + "\n"
        if joined.isascii():
            shape = joined.encode().translate(_HEX)
            if shape == _UUID_LINE * len(values):
                return values
            if shape == _HEX_LINE * len(values):
                return _dashed(joined.replace("\n", "").encode())
    return [_one_uuid(value, refuse) for value in values]


def _dashed(digits: bytes) -> Sequence[str]:
    """
    Return UUIDs from their lower-case digits, 32 each: a digit's place is filled in all lines at once.

    Four times as fast as `str()`, one by one.
    """
    lines = bytearray(_UUID_LINE) * (len(digits) // 32)
    for digit, place in enumerate(_UUID_PLACES):
        lines[place :: len(_UUID_LINE)] = digits[digit::32]
    return lines.decode().split("\n")[:-1]


def _one_uuid(value: Any, refuse: Refuse) -> str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview) and len(bytes(value)) == 16:
        return str(UUID(bytes=bytes(value)))
    if isinstance(value, str) and _UUID_TEXT.fullmatch(value.lower()):
        return str(UUID(value))
    raise refuse("a value that is no UUID; correct the row or declare the field text")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Numbers are not read, so that none is too long; the text is what is kept.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def _json(refuse: Refuse, values: Sequence[Any], kinds: set[type]) -> Sequence[str]:
    if kinds != {str}:
        values = [_one_json(value, refuse) for value in values]
    values = _text(refuse, values, {str})
    try:
        for text in set(values):
            _JSON.decode(text)
    except (ValueError, RecursionError):
        raise refuse("a text that is no JSON (RFC 8259); correct the row or declare the field text") from None
    # Inside a JSON string a line break is always escaped, so these stand between tokens.
    return [text.replace("\r", " ").replace("\n", " ") for text in values]


def _one_json(value: Any, refuse: Refuse) -> str:
    if isinstance(value, str | bytes | bytearray | memoryview):
        return _one_text(value, refuse)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise refuse("a parsed value that JSON cannot say; have the source return the JSON text") from None


_COLUMNS: dict[FieldType, Callable[[Refuse, Sequence[Any], set[type]], Sequence[str]]] = {
    FieldType.TEXT: _text,
    FieldType.BOOLEAN: _boolean,
    FieldType.UUID: _uuid,
    FieldType.JSON: _json,
}
