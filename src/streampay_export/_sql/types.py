"""
Column types that mean the same on SQLite, PostgreSQL and MariaDB, and the database's own clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MARIADB = ("mysql", "mariadb")


def microseconds(span: timedelta) -> int:
    """
    Return a time span in whole microseconds.
    """
    return span // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """
    An aware instant as microseconds since 1970, UTC: exact, sortable and computable on every database.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        """
        Return what is stored; an integer is a number of microseconds already.
        """
        return microseconds(value - _EPOCH) if isinstance(value, datetime) else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """
        Return the stored instant.
        """
        return None if value is None else _EPOCH + value * _MICROSECOND


def name(length: int) -> TypeEngine[str]:
    """
    Return the type of an id, tag or hash: compared byte for byte, also where `Alice` would equal `alice `.
    """
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    return String(length).with_variant(String(length, collation="C"), "postgresql").with_variant(exact, *MARIADB)


def document() -> TypeEngine[str]:
    """
    Return the type of a JSON text, kept as it was written.
    """
    return Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), *MARIADB)


def octets() -> TypeEngine[bytes]:
    """
    Return the type of sealed bytes.
    """
    return LargeBinary().with_variant(mysql.MEDIUMBLOB(), *MARIADB)


def serial() -> TypeEngine[int]:
    """
    Return the type of a number the database counts up.
    """
    return BigInteger().with_variant(Integer(), "sqlite")


class database_now(FunctionElement[datetime]):  # noqa: N801 - it reads as the SQL function it is
    """
    The database's instant: microseconds, UTC. It does not stand still within a transaction.
    """

    type = Instant()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: SQLCompiler, **kw: Any) -> str:
    # Milliseconds are what every SQLite can; unixepoch('subsec') needs 3.42. %f is SS.SSS.
    return (
        "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
        " + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000)"
    )


@compiles(database_now, "postgresql")
def _postgresql_now(element: database_now, compiler: SQLCompiler, **kw: Any) -> str:
    return "CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000) AS BIGINT)"


@compiles(database_now, *MARIADB)
def _mariadb_now(element: database_now, compiler: SQLCompiler, **kw: Any) -> str:
    # In UTC whatever the session's time zone is: SYSDATE() has one hour of an autumn night twice. It is the
    # instant at which the statement began, a constant, so that an index can be entered by it.
    return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
