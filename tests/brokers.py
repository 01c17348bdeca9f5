"""
Brokers as Celery uses them, a queue of one's own there, and a look into it that is not Celery's.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import amqp
import redis
from attrs import frozen
from celery import Celery


@frozen
class Broker:
    """
    A queue at a broker, which nobody else uses.
    """

    url: str
    queue: str
    app: Celery

    def messages(self) -> list[dict]:
        """
        Return what waits in the queue, as the broker has it: content type and body. On RabbitMQ it is taken out.
        """
        if self.url.startswith("redis"):
            with redis.Redis.from_url(self.url) as client:
                waiting = [json.loads(each) for each in client.lrange(self._key(), 0, -1)]
            return [{"type": each["content-type"], "body": base64.b64decode(each["body"])} for each in waiting]
        with self._channel() as channel:
            taken = []
            while message := channel.basic_get(self.queue, no_ack=True):
                taken.append({"type": message.content_type, "body": message.body.encode()})
            return taken

    def flush(self) -> None:
        """
        Throw away what waits.
        """
        if self.url.startswith("redis"):
            with redis.Redis.from_url(self.url) as client:
                client.delete(self._key())
        else:
            with self._channel() as channel:
                channel.queue_purge(self.queue)

    def delete(self) -> None:
        """
        Leave nothing at the broker.
        """
        if self.url.startswith("redis"):
            with redis.Redis.from_url(self.url) as client:
                for key in client.scan_iter(f"{self.queue}:*"):
                    client.delete(key)
        else:
            with self._channel() as channel:
                channel.queue_delete(self.queue)
                channel.exchange_delete(self.queue)

    def _key(self) -> str:
        return f"{self.queue}:{self.queue}"

    @contextmanager
    def _channel(self) -> Iterator[amqp.Channel]:
        place = urlsplit(self.url)
        server = amqp.Connection(f"{place.hostname}:{place.port}", place.username, place.password)
        with server, server.channel() as channel:
            yield channel


def celery_app(url: str, queue: str) -> Celery:
    """
    Return an application of a host, with one queue and no results.
    """
    app = Celery("host", broker=url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": f"{queue}:"} if url.startswith("redis") else {}
    app.conf.task_default_queue = queue
    app.conf.worker_prefetch_multiplier = 1
    app.conf.worker_hijack_root_logger = False
    app.conf.broker_connection_retry_on_startup = True
    return app


@contextmanager
def broker_at(url: str) -> Iterator[Broker]:
    """
    Have a queue there, and delete it.
    """
    queue = f"streampay-{secrets.token_hex(8)}"
    broker = Broker(url, queue, celery_app(url, queue))
    try:
        yield broker
    finally:
        with suppress(amqp.NotFound):
            broker.delete()
