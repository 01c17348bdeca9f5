"""
One query of an operator's own, read only, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import InvalidRequest
from .sqlalchemy_engine import database_of, open_engine
from .sqlalchemy_snapshot import translating

_ROWS_AT_ONCE = 1000


def query_rows(url: str, sql: str) -> Iterator[tuple[Any, ...]]:
    """
    Run *sql* in a read-only transaction on the source at *url*, and yield its rows; closes what it opened.

    Raises `InvalidRequest` when the database refuses the query, and what opening a source raises.
    """
    engine = open_engine(url)
    try:
        database = database_of(engine)
        lent = translating(database, engine.raw_connection)
        connection = lent.driver_connection
        # Drivers with parameters by `%(name)s` take every percent sign for one.
        spelled = sql.replace("%", "%%") if "format" in database.dialect.paramstyle else sql
        try:
            with database.reading(connection):
                cursor = database.forward(connection, spelled, {})
                while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                    yield from rows
                cursor.close()
        except database.errors as error:
            if database.broken(connection):
                raise database.unavailable(error) from None
            raise InvalidRequest(
                "query", "the database refuses it; try it there: one SELECT, which only reads"
            ) from None
        finally:
            lent.close()
    finally:
        engine.dispose()
