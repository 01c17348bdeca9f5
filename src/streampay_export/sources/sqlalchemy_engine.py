"""
Engines for reading: made from a URL so that nothing is created, changed, or waited for without end.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from ..errors import InvalidConfiguration, MissingExtra, SourceUnavailable, quoted, quoted_path
from .sqlalchemy_database import Database

URL_KEY = "source.url"
# A database that takes longer to say hello is not there; the export is tried again later.
CONNECT_TIMEOUT = 10
_POSTGRES_ARGS: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT,
    # A peer that vanished is noticed within a minute, while idle and while sending.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_MARIADB_ARGS: dict[str, Any] = dict.fromkeys(("connect_timeout", "read_timeout"), CONNECT_TIMEOUT)
# Longer than a statement may take; the server ends those.
_LONGEST_ANSWER = 330
_SUPPORTED = "SQLite (sqlite:///shop.db), PostgreSQL (postgresql://host/name) and MariaDB (mariadb://host/name)"
# An engine that the application made may use either; all drivers here are the ones whose rows we take raw.
_DATABASES = {
    ("sqlite", "pysqlite"): (".sqlalchemy_sqlite", "Sqlite"),
    ("postgresql", "psycopg"): (".sqlalchemy_postgresql", "Postgresql"),
    ("mysql", "pymysql"): (".sqlalchemy_mariadb", "Mariadb"),
    ("mariadb", "pymysql"): (".sqlalchemy_mariadb", "Mariadb"),
}


def open_engine(text: str) -> Engine:
    """
    Return an engine for a database URL; whoever calls this disposes of it.

    Raises `InvalidConfiguration` for what is no URL of a supported database, `MissingExtra` without the
    driver, and `SourceUnavailable` for an SQLite file that is not there: it is never made.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # of a port that is no number
        raise InvalidConfiguration(URL_KEY, f"this is no database URL; there are {_SUPPORTED}") from None
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _server(url.set(drivername="postgresql+psycopg"), _POSTGRES_ARGS, "postgres")
    if url.drivername in {"mariadb", "mysql", "mariadb+pymysql", "mysql+pymysql"}:
        engine = _server(url.set(drivername="mysql+pymysql"), _MARIADB_ARGS, "mariadb")
        event.listen(engine, "connect", _be_patient)
        return engine
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        return create_engine(_existing(url), hide_parameters=True, poolclass=NullPool)
    raise InvalidConfiguration(URL_KEY, f"{quoted(url.drivername)} cannot be read; there are {_SUPPORTED}")


def database_of(engine: Engine) -> Database:
    """
    Return what is known of the engine's kind of database. Raises `InvalidConfiguration` for another kind.
    """
    found = _DATABASES.get((engine.dialect.name, engine.dialect.driver))
    if found is None:
        kind = f"{engine.dialect.name}+{engine.dialect.driver}"
        raise InvalidConfiguration(
            URL_KEY,
            f"an engine of {kind} cannot be read; there are sqlite+pysqlite, postgresql+psycopg and"
            " mariadb+pymysql",
        )
    module, name = found
    database: Database = getattr(import_module(module, __package__), name)()
    return database


def _server(url: URL, usual: dict[str, Any], extra: str) -> Engine:
    given = {name: value for name, value in usual.items() if name not in url.query}
    try:
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, pool_timeout=CONNECT_TIMEOUT, connect_args=given
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        raise MissingExtra(extra=extra, needed_for=f"{URL_KEY} on {url.get_backend_name()}") from None


def _be_patient(connection: Any, _: object) -> None:
    # The driver has one limit for saying hello and for answering.
    connection._read_timeout = _LONGEST_ANSWER  # noqa: SLF001  # there is no public way


def _existing(url: URL) -> URL:
    """
    Return the URL of an SQLite file that is opened only if it exists.
    """
    place = url.database or ":memory:"
    if place.startswith("file:"):
        return url.update_query_dict({"uri": "true"} | ({} if "mode" in url.query else {"mode": "rw"}))
    if place == ":memory:":
        raise InvalidConfiguration(
            URL_KEY, "a database in memory is empty when opened by URL; give the engine that filled it"
        )
    if not Path(place).is_file():
        raise SourceUnavailable(f"there is no database file {quoted_path(place)}")
    # Not mode=ro: a write-ahead log left by a crash must be readable. Writing is refused by query_only.
    return url.set(database="file:" + quote(str(Path(place).absolute()))).update_query_dict(
        {"uri": "true", "mode": "rw"}
    )
