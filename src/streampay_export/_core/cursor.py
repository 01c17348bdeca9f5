"""
A key as an opaque token, and back, without losing a bit of value or type.

A cursor is neither secret nor signed: it holds key values in plain sight. Whoever hands one out seals
it (the job row, under the job key) or gives it only to the person whose rows it points into.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from base64 import b64encode as _b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import field, frozen

from ..errors import InvalidCursor, UnwritableValue
from .selection import Key

# InnoDB indexes keys of up to 3,072 bytes and PostgreSQL of up to 2,704, so no longer one pages anything. As
# base64 of base64 that is some 5,500 characters, which still fits the 8 KiB that web servers take as a URL.
LONGEST_CURSOR = 6_000


@frozen
class _Form:
    """
    How one type is written after its tag. What `read` makes of any other spelling, `write` spells otherwise.
    """

    tag: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


# Integers are hexadecimal: Python refuses to read or write decimal ones of more than 4,300 digits.
_FORMS: Mapping[type, _Form] = {
    str: _Form("s", str, str),
    int: _Form("i", "{:x}".format, lambda text: int(text, 16)),
    Decimal: _Form("n", str, Decimal),
    float: _Form("f", repr, float),
    bool: _Form("b", str, "True".__eq__),
    datetime: _Form("t", datetime.isoformat, datetime.fromisoformat),
    date: _Form("d", date.isoformat, date.fromisoformat),
    UUID: _Form("u", str, UUID),
    bytes: _Form("x", lambda value: _b64encode(value).decode(), lambda text: b64decode(text, validate=True)),
}
_READ: Mapping[str, Callable[[str], Any]] = {form.tag: form.read for form in _FORMS.values()}

KEY_TYPES = frozenset(_FORMS)
"""The types a key's values may have, exactly: a subclass would come back as something else."""


@frozen(kw_only=True)
class Cursor:
    """
    The key of the last row read, within a *scope* such as a dataset's name, and its one spelling.

    A datetime comes back as the same instant at the same offset; the name of its zone and `fold` are
    not kept. Raises `UnwritableValue` for a value of no key type, NaN, and a key too long for a token.
    """

    scope: str
    key: Key = field(repr=False, eq=False)
    _token: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        spelled = [self.scope]
        for value in self.key:
            form = _FORMS.get(type(value))
            if form is None:
                raise UnwritableValue(self.scope, "key", f"a {type(value).__name__}, which no cursor can carry")
            text = form.write(value)
            if isinstance(value, float | Decimal) and "nan" in text.lower():
                raise UnwritableValue(self.scope, "key", "NaN, which has no place in an order")
            spelled.append(form.tag + text)
        # Text from a database may hold lone surrogates; \u escapes would join two of them into one character.
        array = json.dumps(spelled, ensure_ascii=False, separators=(",", ":"))
        token = urlsafe_b64encode(array.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()
        if len(token) > LONGEST_CURSOR:
            raise UnwritableValue(self.scope, "key", f"more than a cursor of {LONGEST_CURSOR} characters can carry")
        object.__setattr__(self, "_token", token)

    def spell(self) -> str:
        """
        Return the token. Equal keys of equal types have equal tokens.
        """
        return self._token

    @classmethod
    def parse(cls, token: str, scope: str) -> Cursor:
        """
        Read back a cursor of this scope. Raises `InvalidCursor` for any other, in any other spelling.
        """
        if len(token) > LONGEST_CURSOR:
            raise InvalidCursor
        try:
            array = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("utf-8", "surrogatepass")
            named, *spelled = json.loads(array)
            cursor = cls(scope=named, key=tuple(_READ[each[0]](each[1:]) for each in spelled))
        # What a forger can write breaks in any of these ways; it is one answer to all of them.
        except (ValueError, ArithmeticError, LookupError, TypeError, RecursionError, UnwritableValue):
            raise InvalidCursor from None
        if cursor.spell() != token or cursor.scope != scope or not cursor.key:
            raise InvalidCursor
        return cursor
