"""
How a command ends: exit codes, and one sentence for whoever has to mend it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from .._core.job import Failure
from ..errors import (
    BackendError,
    BundleRefused,
    ExportError,
    Interrupted,
    InvalidRequest,
    KeyForm,
    NullKey,
    SetupError,
)

DONE, NO, WRONG, OUTSIDE, CTRL_C = 0, 1, 2, 3, 130
# An error the worker does not know: as it may pass, the worker would try again, and so may the caller.
INTERNAL = "internal"


class ExportFailed(ExportError):
    """
    The job that this command worked on has failed; says what its row says.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.for_operators)
        self.failure = failure


def exit_code(error: ExportError) -> int:
    """
    Return the exit code that tells whose fault *error* is.
    """
    if isinstance(error, ExportFailed):
        return _code_of_slug(error.failure.slug)
    return _code(type(error))


def tell(error: ExportError, *, as_json: bool) -> None:
    """
    Write one sentence to standard error, and for programs one line of JSON to standard output.
    """
    sentence = " ".join(str(error).split())
    said = f"refused: {sentence}" if isinstance(error, BundleRefused) else sentence
    sys.stderr.write(f"{said}\n")
    if as_json:
        slug = error.failure.slug if isinstance(error, ExportFailed) else error.slug
        print_json({"error": {"slug": slug, "detail": sentence}})


def print_json(value: object) -> None:
    """
    Print *value* as one line, in ASCII: nothing in it can steer a terminal or fail to be written.
    """
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _code(kind: type[ExportError]) -> int:
    if issubclass(kind, (SetupError, InvalidRequest, NullKey, KeyForm)):
        return WRONG
    if issubclass(kind, BackendError):
        return OUTSIDE
    return CTRL_C if issubclass(kind, Interrupted) else NO


def _code_of_slug(slug: str) -> int:
    if slug == INTERNAL:
        return OUTSIDE
    return next((_code(kind) for kind in _kinds(ExportError) if kind.slug == slug), NO)


def _kinds(root: type[ExportError]) -> Iterator[type[ExportError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)
