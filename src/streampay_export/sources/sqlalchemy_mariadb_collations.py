"""
Comparing texts on MariaDB, whose usual collations take `Alice`, `alice`, `Älice` and `alice ` for one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class exactly(FunctionElement[str]):  # noqa: N801 - it reads as the SQL function it is
    """
    A text such that only the same characters equal it, spaces at its end included, in the order of characters.
    """

    type = Text()
    inherit_cache = True


class as_written_in(FunctionElement[str]):  # noqa: N801 - it reads as the SQL function it is
    """
    A value in the character set and collation of a column, whose index is then entered by it.

    What the character set does not have becomes a question mark, as comparing with it would be an error: so
    whether a text found is the value is asked by `exactly` besides.
    """

    type = Text()
    inherit_cache = False

    def __init__(self, collation: str, value: ColumnElement[Any]) -> None:
        super().__init__(value)
        self.collation = collation


@compiles(exactly)
def _exactly(element: exactly, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(CONVERT({compiler.process(element.clauses, **kw)} USING utf8mb4) COLLATE utf8mb4_nopad_bin)"


@compiles(as_written_in)
def _as_written_in(element: as_written_in, compiler: SQLCompiler, **kw: Any) -> str:
    charset = element.collation.partition("_")[0]
    return f"(CONVERT({compiler.process(element.clauses, **kw)} USING {charset}) COLLATE {element.collation})"
