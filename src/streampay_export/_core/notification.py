"""
What a person is told about their request: on which occasion, to which address, in which words.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from ..errors import InvalidRequest
from .job import WrappedKey

# RFC 5321, 4.5.3.1.3, less the angle brackets.
LONGEST_ADDRESS = 254
LONGEST_NAME = 200
# What RFC 5321 calls a dot-string at a domain, in ASCII: neither quotes nor anything that a header could end at.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


class Occasion(StrEnum):
    """
    Why somebody is told something.

    `ASKED`: somebody else asked for their data. `READY`: the copy can be fetched. `EXTENDED`, `REFUSED` and
    `FAILED`: the answer takes longer, is a refusal, or did not come about. `ERASED`: what was asked to be
    erased is.
    """

    ASKED = "asked"
    READY = "ready"
    EXTENDED = "extended"
    REFUSED = "refused"
    FAILED = "failed"
    ERASED = "erased"


def _address(value: str) -> str:
    if len(value) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(value):
        raise InvalidRequest("address", "an e-mail address in ASCII is expected, such as ann@example.org")
    return value


def _name(value: str) -> str:
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise InvalidRequest("name", f"a name is at most {LONGEST_NAME} printable characters, on one line")
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise InvalidRequest("language", "a BCP 47 tag is expected, such as pt-BR")
    return value


def _title(value: str) -> str:
    if not value or not value.isprintable():
        raise InvalidRequest("title", "a title is one line of printable characters")
    return value


@frozen
class Recipient:
    """
    Where a person is reached: an e-mail address, and perhaps their name and language (a BCP 47 tag).

    Raises `InvalidRequest` for what no header field can hold, line breaks above all.
    """

    address: str = field(converter=_address, repr=False)
    name: str = field(default="", converter=_name, repr=False)
    language: str = field(default="en", converter=_language)


@frozen(kw_only=True)
class PendingNotification:
    """
    A row of the outbox: on which *occasion* somebody is to be told about a job (of an erasure: its receipt).

    It names nobody. *sealed* is whom it is about, under a key of its own that *wrapped_key* wraps. *id* is
    the same however often the same thing is told; *attempts* counts how often it was tried.
    """

    id: str
    tenant: str
    job_id: str
    occasion: Occasion = field(converter=Occasion)
    sealed: bytes = field(repr=False)
    wrapped_key: WrappedKey
    attempts: int = 0


@frozen(kw_only=True)
class Letter:
    """
    A title and the same words twice: as plain text, and as an HTML page.
    """

    title: str = field(converter=_title)
    text: str = field(repr=False)
    html: str = field(repr=False)


@frozen(kw_only=True)
class Notification:
    """
    What is sent: a letter to a recipient. *id* with *tenant* is its deduplication key; *at* (UTC) is when
    it was written. *url* is the open link in it, if there is one: it opens nothing for who is not signed in.
    """

    id: str
    tenant: str
    job_id: str
    occasion: Occasion
    recipient: Recipient
    letter: Letter
    at: datetime
    url: str | None = field(default=None, repr=False)
