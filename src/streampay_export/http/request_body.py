"""
What a caller sends: content type, JSON, and the fields of a request for an export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NoReturn

from attrs import frozen

from .._core.selection import Window
from ..errors import InvalidRequest, MalformedRequest, listed
from .message import LARGEST_BODY, Request
from .refusals import BodyTooLarge, UnsupportedMediaType

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
FIELDS = ("formats", "datasets", "profile", "from", "to")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@frozen(kw_only=True)
class RequestedExport:
    """
    The body of `POST /exports`, its types checked; names are looked up by the service.
    """

    formats: Sequence[str] | None
    datasets: Sequence[str] | None
    profile: str
    window: Window


def media_type(request: Request) -> str:
    """
    Return the body's media type in lower case, empty where none is given.

    Anything but UTF-8 is a media type we do not know.
    """
    kind, *parameters = (part.strip().lower() for part in (request.headers.get("Content-Type") or "").split(";"))
    charsets = {each.partition("=")[2].strip('"') for each in parameters if each.startswith("charset=")}
    return kind if charsets <= {"utf-8"} else f"{kind}; {listed(sorted(charsets))}"


def check_size(request: Request) -> None:
    """
    Raise `BodyTooLarge` for a body over the limit.
    """
    if len(request.body) > LARGEST_BODY:
        raise BodyTooLarge


def require_json(request: Request) -> None:
    """
    Raise `BodyTooLarge`, or `UnsupportedMediaType` unless the body says it is JSON, be it empty.
    """
    check_size(request)
    if media_type(request) != JSON:
        raise UnsupportedMediaType


def read_requested(request: Request) -> RequestedExport:
    """
    Read the body of `POST /exports`. Raises `MalformedRequest`, and `InvalidRequest` naming the field.
    """
    require_json(request)
    fields = _read_object(request.body)
    for name in fields:
        if name not in FIELDS:
            raise InvalidRequest(_shown(name), f"there is no such field; there are: {listed(FIELDS)}")
    return RequestedExport(
        formats=_names(fields, "formats"),
        datasets=_names(fields, "datasets"),
        profile=_text(fields, "profile", default="self"),
        window=Window(start=_instant(fields, "from"), end=_instant(fields, "to")),
    )


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedRequest("body", "a JSON object in UTF-8 is expected, such as {}") from None
    if not isinstance(read, dict):
        raise InvalidRequest("body", "a JSON object is expected, such as {}")
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise InvalidRequest(_shown(name), "give it once")
        read[name] = value
    return read


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _shown(name: str) -> str:
    cut = name[:80]
    return cut if cut.isprintable() else ascii(cut)


def _names(fields: dict[str, Any], name: str) -> Sequence[str] | None:
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidRequest(name, "a list of names is expected, or nothing for the default")
    return value


def _text(fields: dict[str, Any], name: str, *, default: str) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise InvalidRequest(name, "a text is expected, or nothing for the default")
    return value


def _instant(fields: dict[str, Any], name: str) -> datetime | None:
    if name not in fields:
        return None
    value = fields[name]
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return datetime.combine(date.fromisoformat(value), time(tzinfo=UTC))
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day; before the year 1 in UTC
        pass
    raise InvalidRequest(
        name, "a date such as 2026-01-31 or an instant with an offset such as 2026-01-31T12:00:00Z is expected"
    )
