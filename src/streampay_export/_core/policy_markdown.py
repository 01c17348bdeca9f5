"""
The policy document in Markdown (CommonMark with tables), for a repository, a wiki or a page of documentation.

Every text of catalog and policies is escaped: for Markdown with backslashes, for HTML with references.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .policy_document import DocumentedDataset, DocumentedField, DocumentedRule, PolicyDocument

_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What can begin something inside a line; and what can at a line's start, where the backslash goes before the mark.
_INSIDE = re.compile(r"[\\`*_{}\[\]|~$]|:(?=//)")
_AT_START = re.compile(r"(?P<number>\d*)(?P<mark>[-+=.):#])")


def policy_markdown(document: PolicyDocument) -> str:
    """
    Return the document as Markdown: lines that end in a newline, the same for the same document.
    """
    return "\n".join(_lines(document)) + "\n"


def _lines(document: PolicyDocument) -> Iterator[str]:
    yield "# What an export holds"
    yield ""
    if document.internal:
        yield "**Internal: not for publication.** It holds rules of which the person may not be told."
        yield ""
    yield "Every field that is held of a person's history, why and for how long, and what becomes of it in a copy."
    yield "A field that is not listed is in no copy."
    if any(each.description for each in document.profiles):
        yield ""
        yield from _table(("Profile", "The copy"), ((_code(p.name), p.description) for p in document.profiles))
    for dataset in document.datasets:
        yield from _dataset(dataset, document)


def _dataset(dataset: DocumentedDataset, document: PolicyDocument) -> Iterator[str]:
    yield ""
    yield f"## {_code(dataset.name)}"
    yield ""
    if dataset.description:
        yield _text(dataset.description)
        yield ""
    if dataset.omitted:
        yield f"Some rows are left out of every copy: {_text(dataset.omitted)}"
        yield ""
    yield from _table(
        ("Field", "What it is", "Type", "Category", "Origin"),
        ((_code(f.name), f.description, f.type, f.category, f.origin) for f in dataset.fields),
    )
    yield ""
    yield "Why it is held, for how long, and what erasure does:"
    yield ""
    yield from _table(
        ("Fields", "Purpose", "Legal basis", "Kept", "On erasure"),
        (
            (_codes(fields), held.purpose, held.basis_in_words, held.retention, held.on_erasure)
            for held, fields in dataset.held_alike().items()
        ),
    )
    for profile in document.profiles:
        yield ""
        yield f"### {_code(dataset.name)} in a copy for {_code(profile.name)}"
        yield ""
        yield from _table(
            ("Fields", "In the copy", "Why"),
            ((_codes(fields), rule.how, _why(rule)) for rule, fields in dataset.ruled_alike(profile.name).items()),
        )


def _why(rule: DocumentedRule) -> str:
    return rule.reason if rule.disclosed else f"{rule.reason} Not told to the person: {rule.basis}"


class _Code(str):
    """
    Markdown already.
    """

    __slots__ = ()


def _code(name: str) -> _Code:
    # Names of fields and datasets need no escape inside a code span; a profile may be called anything.
    return _Code(f"`{name}`" if re.fullmatch(r"\w+", name, re.ASCII) else _text(name))


def _codes(fields: Iterable[DocumentedField]) -> _Code:
    return _Code(", ".join(_code(each.name) for each in fields))


def _text(text: str) -> str:
    """
    Return *text* on one line, such that it reads as itself wherever it stands.
    """
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    line = _INSIDE.sub(lambda found: "\\" + found[0], line)
    line = "".join(_REFERENCES.get(c, c) for c in line)
    start = _AT_START.match(line)
    return line if start is None else f"{start['number']}\\{line[start.start('mark') :]}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(map(_Code, head))
    yield _row([_Code("---")] * len(head))
    for row in rows:
        yield _row(row)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell if isinstance(cell, _Code) else _text(cell) for cell in cells) + " |"
