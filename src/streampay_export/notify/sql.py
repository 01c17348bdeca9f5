"""
An address book that is a table of the application's.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, String, column, literal, or_, select, table
from sqlalchemy.exc import SQLAlchemyError

from .._core.notification import Recipient
from .._core.party import Subject
from ..errors import NotifierUnavailable


class SqlRecipients:
    """
    A `Recipients` that looks people up by the text columns *subject*, any of which may hold any of their
    identifiers, and reads *address* and, where named, *language* (a BCP 47 tag; `pt_BR` will do).

    Nobody is told where there is no address, or more than one. The engine stays its maker's. Thread-safe.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        table: str,
        subject: Sequence[str],
        address: str,
        language: str | None = None,
        schema: str | None = None,
    ) -> None:
        self._engine = engine
        self._table = (table, schema)
        self._subject = tuple(subject)
        self._address, self._language = address, language

    def __call__(self, tenant: str, subject: Subject) -> Recipient | None:
        """
        See `Recipients`. Raises `NotifierUnavailable` when the database does not answer, or refuses.
        """
        name, schema = self._table
        accounts = table(name, *(column(each) for each in self._subject), schema=schema)
        language: ColumnElement[str] = literal("en") if self._language is None else column(self._language, String)
        theirs = or_(*(accounts.c[each].in_(subject.names) for each in self._subject))
        found = (
            select(column(self._address, String), language).select_from(accounts).where(theirs).distinct().limit(2)
        )
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(found).all()
        except SQLAlchemyError:
            raise NotifierUnavailable("the table of addresses cannot be read") from None
        if len(rows) != 1 or not rows[0][0]:
            return None
        address, tag = rows[0]
        return Recipient(str(address), language=str(tag or "en").replace("_", "-"))
