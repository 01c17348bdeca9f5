"""
Engines: a URL made into one, bounded in every wait, and what SQLite needs besides.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from ..errors import InvalidConfiguration, MissingExtra, quoted_path

LONGEST_WAIT = 10
"""Seconds that a call may wait for a lock, a connection or an answer."""
LOCK_WAIT = 3
"""Seconds after which MariaDB gives up one wait for a lock; calls are `retried`."""
ISOLATION = "READ COMMITTED"

_EXTRAS = {"postgresql": "postgres", "mysql": "mariadb", "mariadb": "mariadb"}
_CONNECT_ARGS: dict[str, dict[str, Any]] = {
    "postgresql": {
        "connect_timeout": LONGEST_WAIT,
        "tcp_user_timeout": LONGEST_WAIT * 1000,
        "options": f"-c lock_timeout={LONGEST_WAIT}s -c statement_timeout={LONGEST_WAIT}s",
    },
    "mysql": dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), LONGEST_WAIT)
    # The server gives up before we do: nothing of ours goes on there after we have left.
    | {
        "init_command": f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT}, lock_wait_timeout = {LOCK_WAIT},"
        f" max_statement_time = {LONGEST_WAIT - 1}"
    },
}
_CONNECT_ARGS["mariadb"] = _CONNECT_ARGS["mysql"]
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}


def open_engine(text: str, key: str, *, make_folder: bool = False) -> Engine:
    """
    Return an engine for a database URL; whoever calls this disposes of it.

    A SQLite file is made if it is missing (its folder too, with *make_folder*), and is nobody's but its
    owner's (0600, 0700). *key* names the setting in `InvalidConfiguration`. Raises `MissingExtra` without
    the driver.
    """
    backend = text.partition(":")[0].partition("+")[0]
    try:
        url = _with_driver(make_url(text))
        if backend == "sqlite":
            _secure_file(url, key, make_folder=make_folder)
        return create_engine(
            url,
            hide_parameters=True,
            pool_timeout=LONGEST_WAIT,
            pool_pre_ping=backend != "sqlite",
            connect_args=_CONNECT_ARGS.get(backend, {}),
            **({} if backend == "sqlite" else {"isolation_level": ISOLATION}),
        )
    except (ArgumentError, NoSuchModuleError, ValueError):  # of a port that is no number
        raise InvalidConfiguration(key, "this is no database URL; one is sqlite:///exports.db") from None
    except ModuleNotFoundError:
        extra = _EXTRAS.get(backend, backend)
        raise MissingExtra(extra=extra, needed_for=f"{key} on {backend}") from None


def _with_driver(url: URL) -> URL:
    # A bare postgresql:// means psycopg2 to SQLAlchemy 2.0 and psycopg 3 to 2.1: say which.
    driver = _DRIVERS.get(url.drivername)
    return url.set(drivername=f"{url.drivername}+{driver}") if driver else url


def _secure_file(url: URL, key: str, *, make_folder: bool) -> None:
    if not url.database or url.database.startswith((":", "file:")):
        raise InvalidConfiguration(key, "an SQLite database that lasts is a file: sqlite:///exports.db")
    path = Path(url.database)
    try:
        if make_folder:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never open a database that exists: closing it would drop this process's locks on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        problem = f"{quoted_path(path)} cannot be made, and be its owner's alone: {error.strerror}"
        raise InvalidConfiguration(key, problem) from None


def begin_immediate(connection: Connection) -> None:
    """
    Begin an SQLite transaction that holds the write lock from its start.

    Asks again every few milliseconds: SQLite's own wait soon asks only ten times a second, and among
    busy writers one that does so may never find the lock free.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    pause = 0.0005
    # The driver's own cursor: by SQLAlchemy's, these three would take longer than many a transaction does.
    with contextlib.closing(connection.connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    cursor.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if not is_busy(error) or time.monotonic() > deadline:
                        raise OperationalError("BEGIN IMMEDIATE", None, error) from error
                pause = min(pause * 2, 0.01)
                time.sleep(pause)
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {_wait()}")


def is_busy(error: BaseException | None) -> bool:
    """
    Say whether SQLite refused because another has the lock, rather than for what is wrong.
    """
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def _wait() -> int:
    return int(LONGEST_WAIT * 1000)


def prepare_sqlite(connection: Connection) -> None:
    """
    Set what SQLite keeps per connection: a bounded wait, durable commits, overwritten deletions.
    """
    if connection.info.get("streampay_export"):
        return
    for pragma in (
        f"busy_timeout = {_wait()}",
        "synchronous = FULL",
        "secure_delete = ON",
        "foreign_keys = ON",
    ):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    connection.commit()
    connection.info["streampay_export"] = True
