"""
A doorbell over Celery, on RabbitMQ or Redis.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..errors import ExportError, InvalidConfiguration, MissingExtra
from .breaker import CircuitBreaker

try:
    from celery import Celery
except ModuleNotFoundError:
    raise MissingExtra(extra="celery", needed_for="a dispatcher over Celery") from None

logger = logging.getLogger("streampay_export")

TASK = "streampay_export.work"
QUEUE = "streampay-export"
# Longer than a broker next door ever takes, and short enough for a person to wait for.
TIMEOUT = 2.0
# A bell that nobody answers is not rung for ever: what waits in the store is rung for when these are worked off.
FULL = 10_000


class CeleryDispatcher:
    """
    Sends tenant and job id, as JSON and nothing else, to a Celery worker that has `register_task`.

    *app* is the host's Celery application and stays its own: of it the broker's address, its options and
    *queue* are used. Each ring has a connection of its own, which no restart of the broker can have made
    stale, and waits at most about *timeout* seconds for it and for the broker's word that the message is there.
    What it cannot send it drops. Thread-safe, and safe in processes forked off after it was made.
    """

    def __init__(self, app: Celery, *, queue: str = QUEUE, timeout: float = TIMEOUT) -> None:
        self._app = app
        self._queue = queue
        self._timeout = timeout
        self._options = {
            "max_retries": 1,  # the other broker, where two are named
            **dict.fromkeys(("interval_start", "interval_step"), 0),
            **dict.fromkeys(("read_timeout", "write_timeout"), timeout),  # RabbitMQ
            "confirm_publish": True,
            **dict.fromkeys(("socket_timeout", "socket_connect_timeout"), timeout),  # Redis
        }
        self._breaker = CircuitBreaker(self._send, bell="the broker of Celery")

    def ring(self, tenant: str, job_id: str) -> None:
        """
        Send, or drop the ring when the broker is away or its queue is full.
        """
        self._breaker.ring(tenant, job_id)

    def _send(self, tenant: str, job_id: str) -> None:
        wait, app = self._timeout, self._app
        with app.connection_for_write(connect_timeout=wait, transport_options=self._options) as connection:
            queue = app.amqp.queues[self._queue].bind(connection.default_channel)
            if queue.queue_declare().message_count < FULL:
                app.send_task(
                    TASK,
                    args=(tenant, job_id),
                    connection=connection,
                    queue=self._queue,
                    serializer="json",
                    ignore_result=True,
                    retry=False,
                    timeout=wait,
                    confirm_timeout=wait,
                )


def register_task(app: Celery, work: Callable[[str, str], object]) -> None:
    """
    Register the task that answers the bell by calling *work(tenant, job_id)*, as `Worker.work` takes it.

    It acknowledges before it works, keeps no result and is never retried by Celery: lease, attempts and
    sweeper see to that. Raises `InvalidConfiguration` where *app* would accept anything but JSON: whoever
    can write to the broker could run code by a pickled message.
    """
    if unsafe := set(app.conf.accept_content) - {"json", "application/json"}:
        problem = f"the application accepts {', '.join(sorted(unsafe))}; set accept_content = ['json']"
        raise InvalidConfiguration("accept_content", problem)

    @app.task(name=TASK, acks_late=False, reject_on_worker_lost=False, ignore_result=True)  # type: ignore[untyped-decorator]  # celery ships no types
    def answer(tenant: str, job_id: str) -> None:
        try:
            work(tenant, job_id)
        except ExportError as error:
            logger.warning("worker: %s", error)
