"""
What must accompany a copy of personal data (GDPR Art. 15(1)-(2)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from attrs import field, frozen

from ..errors import InvalidConfiguration, UnknownName, listed

NOTICE_PARTS = (
    "controller",
    "contact",
    "purposes",
    "recipients",
    "retention",
    "rights",
    "complaint",
    "source",
    "automated_decisions",
    "transfers",
)
"""The parts that are written by the application, in the order in which they are read."""

ENGLISH = "en"
HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "notice": "About the processing of your data",
        "controller": "Who is responsible",
        "contact": "Whom to ask",
        "purposes": "What your data is used for",
        "categories": "Which kinds of data this is about",
        "recipients": "Who receives it",
        "retention": "How long it is kept",
        "rights": "Your rights",
        "complaint": "Where to complain",
        "source": "Where the data comes from",
        "automated_decisions": "Automated decisions",
        "transfers": "Transfers to other countries",
    }
)
"""The English headings: of the whole (`notice`), of each part, and of the categories, which are derived."""

# Language, script, region and variants as RFC 5646 spells them; extensions and private use are for programs.
_LANGUAGE = re.compile(
    r"[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*\Z",
    re.ASCII | re.IGNORECASE,
)


def _one_a_line(names: str | Iterable[str]) -> str:
    given: object = names
    if not isinstance(given, (list, tuple)):
        return names if isinstance(names, str) else ""
    lines = [" ".join(name.split()) if isinstance(name, str) else "" for name in given]
    return "\n".join(lines) if all(lines) else ""


def _language(tag: str) -> str:
    if not _LANGUAGE.match(str(tag)):
        raise InvalidConfiguration("notice.language", "a language tag (BCP 47) is expected, such as en or pt-BR")
    return tag


def _headings(headings: Mapping[str, str]) -> Mapping[str, str]:
    for part, heading in headings.items():
        if part not in HEADINGS:
            unknown = UnknownName.of("part of the notice", part, tuple(HEADINGS))
            raise InvalidConfiguration("notice.headings", unknown.problem)
        if not str(heading).strip():
            raise InvalidConfiguration(f"notice.headings.{part}", "a non-empty text is required")
    return MappingProxyType(dict(headings))


@frozen(kw_only=True)
class ProcessingNotice:
    """
    The ten parts of the notice, each in the application's own words and none empty, in one *language*
    (BCP 47). What is missing or empty is named in one `InvalidConfiguration`.

    *recipients* may be a list of names, which becomes a text of one name a line: a person may know the
    actual recipients (CJEU C-154/21). *headings* replaces English ones (see `HEADINGS`) by others.
    """

    controller: str = ""
    contact: str = ""
    purposes: str = ""
    recipients: str = field(default="", converter=_one_a_line)
    retention: str = ""
    rights: str = ""
    complaint: str = ""
    source: str = ""
    automated_decisions: str = ""
    transfers: str = ""
    language: str = field(default=ENGLISH, converter=_language)
    headings: Mapping[str, str] = field(factory=dict, converter=_headings)

    def __attrs_post_init__(self) -> None:
        given: Mapping[str, object] = self.parts
        empty = [part for part, text in given.items() if not isinstance(text, str) or not text.strip()]
        if empty:
            where = f"notice.{empty[0]}" if len(empty) == 1 else "notice"
            which = "here" if len(empty) == 1 else f"in each of {listed(empty)}"
            raise InvalidConfiguration(where, f"a non-empty text is required {which} (GDPR Art. 15(1)-(2))")

    @property
    def parts(self) -> Mapping[str, str]:
        """
        The text of each part.
        """
        return {part: getattr(self, part) for part in NOTICE_PARTS}

    def heading(self, part: str) -> str:
        """
        Return what stands above a part: the application's heading, or the English one.
        """
        return self.headings.get(part, HEADINGS[part])


def require_notice(notice: object) -> None:
    """
    Raise `InvalidConfiguration` where there is no notice: no copy goes out without one.
    """
    if not isinstance(notice, ProcessingNotice):
        problem = f"a ProcessingNotice is required (GDPR Art. 15(1)-(2)); its parts: {listed(NOTICE_PARTS)}"
        raise InvalidConfiguration("notice", problem)


UNCLASSIFIED = "unclassified"
"""The category of fields to which the catalog gives none."""


@frozen
class DataCategory:
    """
    A category of personal data (GDPR Art. 15(1)(b)) and its *fields*, each as `dataset.field`.
    """

    category: str
    fields: tuple[str, ...]
