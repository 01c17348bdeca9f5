"""
What stands between a request and a broker that is down.
"""

from __future__ import annotations

import logging

from streampay_export.dispatch.breaker import CircuitBreaker


class Broker:
    """
    A broker that can be down, and a clock beside it.
    """

    def __init__(self) -> None:
        self.down = False
        self.now = 0.0
        self.asked = []

    def send(self, tenant, job_id) -> None:
        """
        Remember, and fail while down.
        """
        self.asked.append(job_id)
        if self.down:
            raise ConnectionError("amqp://user:secret@broker")

    def breaker(self) -> CircuitBreaker:
        """
        Return a breaker before it.
        """
        return CircuitBreaker(self.send, bell="the broker", pause=5.0, clock=lambda: self.now)


def test_an_outage_is_waited_for_once_in_a_while() -> None:
    """
    After a failure nothing is sent for the pause; then each pause one ring tries, and the first success ends it.
    """
    broker = Broker()
    breaker = broker.breaker()
    breaker.ring("default", "up")
    broker.down = True
    for instant in (1.0, 1.1, 5.9, 6.1, 7.0, 11.0):
        broker.now = instant
        breaker.ring("default", f"at {instant}")
    broker.down = False
    for instant in (11.1, 11.2):
        broker.now = instant
        breaker.ring("default", f"at {instant}")
    assert ["up", "at 1.0", "at 6.1", "at 11.1", "at 11.2"] == broker.asked


def test_one_ring_tries_and_the_others_do_not_wait_for_it() -> None:
    """
    While one ring waits for a broker that failed before, the rings of others are dropped at once.
    """
    asked = []

    def send(tenant, job_id) -> None:
        asked.append(job_id)
        if job_id == "second":
            breaker.ring("default", "meanwhile")
        raise TimeoutError

    now = [0.0]
    breaker = CircuitBreaker(send, bell="the broker", pause=5.0, clock=lambda: now[0])
    breaker.ring("default", "first")
    now[0] = 6.0
    breaker.ring("default", "second")
    assert ["first", "second"] == asked


def test_an_outage_is_logged_at_its_beginning_and_its_end(caplog) -> None:
    """
    However many rings fail, two lines say so; neither holds an address, a tenant or an id.
    """
    broker = Broker()
    breaker = broker.breaker()
    for broker.now, broker.down in ((0.0, True), (6.0, True), (12.0, True), (18.0, False), (19.0, False)):
        breaker.ring("default", "job-1")
    assert [
        "the broker is not to be rung (ConnectionError); the sweeper will ring again",
        "the broker is rung again",
    ] == [record.getMessage() for record in caplog.records]
    assert {logging.WARNING} == {record.levelno for record in caplog.records}
