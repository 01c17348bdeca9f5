"""
A doorbell over Procrastinate, on PostgreSQL.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from ..errors import ExportError, MissingExtra
from .breaker import CircuitBreaker

try:
    import psycopg
    from procrastinate import App
    from procrastinate.exceptions import AlreadyEnqueued
    from psycopg.conninfo import conninfo_to_dict
except ModuleNotFoundError:
    raise MissingExtra(extra="procrastinate", needed_for="a dispatcher over Procrastinate") from None

logger = logging.getLogger("streampay_export")

TASK = "streampay_export.work"
QUEUE = "streampay-export"
# Seconds, for connecting and for the insert each. A ring in somebody's open transaction makes the next one wait.
TIMEOUT = 2

Connect = Callable[[], AbstractContextManager["psycopg.Connection[Any]"]]


class ProcrastinateDispatcher:
    """
    Puts tenant and job id into Procrastinate's queue for a worker that has `register_task`.

    *where* is a conninfo of the database: then each ring has a connection of its own and is committed at
    once. Or it is called for each ring and gives a connection inside a `with`, as `nullcontext(connection)`:
    then the ring stands and falls with the caller's transaction, and is a savepoint in it. A job that is
    rung for again before a worker took it up stands in the queue once. *app* need not be open. Thread-safe
    as far as *where* is.
    """

    def __init__(self, app: App, where: str | Connect, *, queue: str = QUEUE) -> None:
        self._app = app
        self._connect = _connecting(where) if isinstance(where, str) else where
        self._queue = queue
        self._breaker = CircuitBreaker(self._send, bell="the queue of Procrastinate")

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Enqueue, or drop the ring when the database is away.
        """
        self._breaker.ring(tenant, job_id)

    def _send(self, tenant: str, job_id: str) -> None:
        # Outside of `transaction`, so that a lock that is taken rolls back the savepoint and nothing else.
        with self._connect() as connection, suppress(AlreadyEnqueued), connection.transaction():
            lock = f"{tenant}/{job_id}"
            task = self._app.configure_task(TASK, queue=self._queue, queueing_lock=lock, connection=connection)
            task.defer(tenant=tenant, job_id=job_id)


def register_task(app: App, work: Callable[[str, str], object]) -> None:
    """
    Register the task that answers the bell by calling *work(tenant, job_id)*, as `Worker.work` takes it.

    Procrastinate never retries it: lease, attempts and sweeper see to that.
    """

    @app.task(name=TASK, queue=QUEUE, retry=False)
    def answer(tenant: str, job_id: str) -> None:
        try:
            work(tenant, job_id)
        except ExportError as error:
            logger.warning("worker: %s", error)


def _connecting(conninfo: str) -> Connect:
    options = f"{conninfo_to_dict(conninfo).get('options') or ''} -c statement_timeout={TIMEOUT}s"
    milliseconds = TIMEOUT * 1000
    return lambda: psycopg.connect(
        conninfo, options=options, connect_timeout=TIMEOUT, tcp_user_timeout=milliseconds
    )
