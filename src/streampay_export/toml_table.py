"""
Reads a TOML table key by key, and refuses what is left over by its full name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidConfiguration, listed, quoted

_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}


class TomlTable:
    """
    One table at a path such as `datasets.payouts`. Each `take` removes a key; `finish` refuses the rest.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = dict(values)
        self._path = path
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        self._known.append(key)
        return key in self._values

    def names(self) -> Sequence[str]:
        """
        Return the keys not taken yet, in the file's order.
        """
        return tuple(self._values)

    def where(self, key: str) -> str:
        """
        Return a key's full name.
        """
        return f"{self._path}.{key}" if self._path else key

    def wrong(self, key: str, problem: str) -> InvalidConfiguration:
        """
        Return the error that says what would be right for a key.
        """
        return InvalidConfiguration(self.where(key), problem)

    def text(self, key: str, default: str | None = None) -> str:
        """
        Take a non-empty text, or *default* where the key is absent; without default it is required.
        """
        value = self._take(key, str, default)
        if not value.strip():
            raise self.wrong(key, "a non-empty text is required")
        return str(value)

    def optional_text(self, key: str) -> str | None:
        """
        Take a non-empty text, or `None` where the key is absent.
        """
        return self.text(key) if key in self else None

    def one_of(self, key: str, choices: Sequence[str]) -> str:
        """
        Take one of a few texts; it is required.
        """
        if key not in self:
            raise self._missing(key, f"one of {listed(choices)}")
        value = self.text(key)
        if value not in choices:
            raise self.wrong(key, f"one of {listed(choices)} is expected")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """
        Take true or false.
        """
        return bool(self._take(key, bool, default))

    def whole_number(self, key: str, default: int | None = None) -> int | None:
        """
        Take a whole number, or *default* where the key is absent.
        """
        return int(self._take(key, int, None)) if key in self else default

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """
        Take a list of non-empty texts, or *default* where the key is absent; else it is required.
        """
        values = self._take(key, list, default)
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self.wrong(key, 'a list of one or more texts is expected, such as ["id"]')
        return tuple(values)

    def table(self, key: str) -> TomlTable:
        """
        Take a table; an absent one is empty.
        """
        return TomlTable(self._take(key, dict, {}), self.where(key))

    def raw(self, key: str) -> Any:
        """
        Take whatever stands there, or `None`.
        """
        self._known.append(key)
        return self._values.pop(key, None)

    def only(self, names: Sequence[str]) -> None:
        """
        Raise `InvalidConfiguration` for the first key that is none of *names*.
        """
        self._known.extend(names)
        for key in self._values:
            if key not in names:
                raise self._unknown(key)

    def finish(self) -> None:
        """
        Raise `InvalidConfiguration` for the first key that nobody took.
        """
        for key in self._values:
            raise self._unknown(key)

    def _unknown(self, key: str) -> InvalidConfiguration:
        near = difflib.get_close_matches(key, self._known, n=1)
        hint = f"did you mean {quoted(near[0])}?" if near else f"known here: {listed(sorted(set(self._known)))}"
        return self.wrong(key, f"there is no such key; {hint}")

    def _missing(self, key: str, kind: str) -> InvalidConfiguration:
        near = difflib.get_close_matches(key, self._values, n=1)
        return self.wrong(key, f"{kind} is required" + (f"; is {quoted(near[0])} meant to be it?" if near else ""))

    def _take(self, key: str, kind: type, default: Any) -> Any:
        self._known.append(key)
        if key not in self._values:
            if default is None:
                raise self._missing(key, _KINDS[kind])
            return default
        value = self._values.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(key, f"{_KINDS[kind]} is expected")
        return value
