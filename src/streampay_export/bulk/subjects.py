"""
Whom a run is about: a list, read once and kept in an unnamed file, so that a million take no more memory than one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from .._core.party import Subject
from .._core.wire import read_json, read_subject, spell_subject
from ..errors import InvalidRequest
from ..stage import Stage

_FORM = 'an id, or {"subject": "ID", "identifiers": ["X"]}'
_LONGEST_LINE = 64 * 1024


def subjects_of_lines(lines: Iterable[str]) -> Iterator[Subject]:
    """
    Read one subject a line: an id, or JSON with identifiers. Empty lines are passed over.

    Raises `InvalidRequest` that names the line and quotes nothing of it.
    """
    try:
        for number, line in enumerate(lines, 1):
            if text := line.strip():
                yield _subject(number, text)
    except UnicodeDecodeError:
        raise InvalidRequest("subjects", "the list is no UTF-8") from None


def subjects_of_rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[Subject]:
    """
    Read one subject a row: the first column is the id, each other one an identifier, or NULL.

    Raises `InvalidRequest` that names the row and quotes nothing of it.
    """
    for number, row in enumerate(rows, 1):
        subject, *identifiers = (None if value is None else str(value) for value in row)
        if subject is None:
            raise InvalidRequest("query", f"row {number}: the first column is the subject's id, and is never NULL")
        yield _checked("query", f"row {number}", subject, [each for each in identifiers if each is not None])


class SubjectList:
    """
    Subjects in the order in which they came, in *stage*, which the caller closes. Used by one thread.
    """

    def __init__(self, subjects: Iterable[Subject], stage: Stage) -> None:
        self._stage = stage
        self._count = 0
        for subject in subjects:
            stage.append(f"{spell_subject(subject)}\n".encode())
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Subject]:
        rest = b""
        for block in self._stage.blocks():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield read_subject(line.decode())


def _subject(number: int, text: str) -> Subject:
    line = f"line {number}"
    if len(text) > _LONGEST_LINE:
        raise InvalidRequest("subjects", f"{line} is longer than any subject; {_FORM} is expected")
    if not text.startswith("{"):
        return _checked("subjects", line, text, [])
    try:
        form = read_json(text.encode())
        given = {"identifiers": [], **form}
        identifiers = given.pop("identifiers")
        subject = given.pop("subject")
        texts = [subject, *identifiers]
        if given or not isinstance(identifiers, list) or not all(isinstance(each, str) for each in texts):
            raise ValueError  # noqa: TRY301  # one answer to everything that is no subject
    except (ValueError, KeyError, TypeError, json.JSONDecodeError):
        raise InvalidRequest("subjects", f"{line}: {_FORM} is expected") from None
    return _checked("subjects", line, subject, identifiers)


def _checked(field: str, place: str, subject: str, identifiers: list[str]) -> Subject:
    try:
        return Subject(subject, identifiers)
    except InvalidRequest as error:
        raise InvalidRequest(field, f"{place}: {error.problem}") from None
