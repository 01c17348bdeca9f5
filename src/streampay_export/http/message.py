"""
Requests and responses as plain values, and who is asking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

from attrs import evolve, field, frozen

from .._core.party import Actor, Subject
from ..errors import InvalidRequest

# Five names and a window fit in a few hundred bytes; hosts stop reading one byte past this.
LARGEST_BODY = 64 * 1024

Pairs: TypeAlias = Iterable[tuple[str, str]]

_FIELD_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_FIELD_VALUE = re.compile(r"[ -~]*", re.ASCII)


@frozen
class Identity:
    """
    Who is asking, and whose history they ask about.
    """

    actor: Actor
    subject: Subject


class Headers:
    """
    Header fields of a request, by name in any case. Fields that came several times are one, joined by commas.
    """

    def __init__(self, pairs: Pairs = ()) -> None:
        self._fields: dict[str, str] = {}
        for name, value in pairs:
            before = self._fields.get(name.lower())
            self._fields[name.lower()] = value.strip() if before is None else f"{before}, {value.strip()}"

    def get(self, name: str) -> str | None:
        """
        Return the value of a field, `None` where there is none.
        """
        return self._fields.get(name.lower())

    def __repr__(self) -> str:
        # Values hold cookies and tokens.
        return f"Headers({sorted(self._fields)})"


def _headers(given: Headers | Mapping[str, str] | Pairs) -> Headers:
    if isinstance(given, Headers):
        return given
    return Headers(given.items() if isinstance(given, Mapping) else given)


def _encodable(text: str) -> str:
    # Hosts hand over undecodable bytes as lone surrogates, which no store can take.
    return text.encode("utf-8", "replace").decode("utf-8")


@frozen(kw_only=True)
class Request:
    """
    One request. *path* is decoded, as WSGI and ASGI have it, *query* is as it came, after the `?`.

    *headers* may be given as a mapping or as pairs. *body* need not hold more than `LARGEST_BODY` + 1 bytes.
    """

    method: str
    path: str = field(converter=_encodable)
    query: str = field(default="", converter=_encodable, repr=False)
    headers: Headers = field(factory=Headers, converter=_headers)
    body: bytes = field(default=b"", repr=False)

    def parameters(self, name: str) -> tuple[str, ...]:
        """
        Return every value that a parameter has in the query.
        """
        pairs = parse_qsl(self.query, keep_blank_values=True, errors="replace")
        return tuple(value for key, value in pairs if key == name)

    def parameter(self, name: str) -> str | None:
        """
        Return a parameter's value, `None` without one. Raises `InvalidRequest` when it came several times.
        """
        values = self.parameters(name)
        if len(values) > 1:
            raise InvalidRequest(name, "give it once")
        return values[0] if values else None


def _checked(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    checked = tuple(pairs)
    for name, value in checked:
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError("a header field holds what no header field may")
    return checked


@frozen(kw_only=True)
class Response:
    """
    One response. The host sends *body* and then calls `close`, also when the receiver went away.

    *headers* are complete (`Content-Length` included) and hold nothing that a caller typed.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = field(converter=_checked)
    body: bytes | Iterator[bytes] = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """
        Return the value of the first header field of that name, in any case.
        """
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def chunks(self) -> Iterator[bytes]:
        """
        Return the body as an iterator.
        """
        return iter((self.body,)) if isinstance(self.body, bytes) else self.body

    def close(self) -> None:
        """
        Release what the body holds open and record how far it was read. May be called twice, not during `next`.
        """
        close = getattr(self.body, "close", None)
        if close is not None:
            close()

    def without_body(self) -> Response:
        """
        Return the answer to HEAD: the same headers and nothing after them.
        """
        self.close()
        return evolve(self, body=b"")
