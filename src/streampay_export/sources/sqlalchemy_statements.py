"""
SQL as it is sent: written once for all queries that are alike, and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock

from attrs import field, frozen
from sqlalchemy import ClauseElement, Dialect

# Composing and compiling would take a small export a fifth of its time. One catalog has some 30 forms of statement,
# times the numbers of identifiers that people have.
MOST_KEPT = 500


@frozen
class Statement:
    """
    SQL, and the values of those parameters that are the same each time it runs.
    """

    sql: str
    constants: Mapping[str, object] = field(repr=False, eq=False)

    @classmethod
    def of(cls, statement: ClauseElement, dialect: Dialect) -> Statement:
        """
        Write the statement in the dialect's SQL. Other parameters have the names it was composed with.
        """
        written = statement.compile(dialect=dialect)
        return cls(str(written), {name: v for name, v in written.params.items() if v is not None})


@frozen
class Statements:
    """
    The statements of one source. They name tables and parameters, never a value of anybody. Thread-safe.
    """

    _dialect: Dialect
    _kept: OrderedDict[Hashable, Statement] = field(factory=OrderedDict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def of(self, form: Hashable, compose: Callable[[], ClauseElement]) -> Statement:
        """
        Return the statement of that form; *compose* makes the first of it. The longest unused is forgotten.
        """
        with self._lock:
            if form in self._kept:
                self._kept.move_to_end(form)
                return self._kept[form]
        written = Statement.of(compose(), self._dialect)
        with self._lock:
            self._kept[form] = written
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return written
