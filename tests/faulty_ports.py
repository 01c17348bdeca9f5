"""
Ports that count their calls together, and at one of them fail, or end the process, before or after its effect.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from attrs import evolve

from streampay_export.errors import (
    AuditUnavailable,
    ExportError,
    JobStoreUnavailable,
    SourceUnavailable,
    StorageUnavailable,
)
from streampay_export.wiring import Wiring

BEFORE, AFTER = "before", "after"
# What a port raises while what is behind it is away. The last three have no such error, but can be crashed at.
FAILS_WITH: dict[str, Callable[[str], ExportError] | None] = {
    "source": SourceUnavailable,
    "jobs": JobStoreUnavailable,
    "outbox": JobStoreUnavailable,
    "storage": StorageUnavailable,
    "audit": AuditUnavailable,
    "keys": None,
    "manifests": None,
    "dispatcher": None,
}


class Crash(BaseException):
    """
    The process is gone: nothing but a `finally` runs any more.
    """


def crash(port: str) -> None:
    """
    End the process, as far as a test can stay in it.
    """
    raise Crash


def fail(port: str) -> None:
    """
    Raise what the port raises when what is behind it is away, if it raises anything.
    """
    error = FAILS_WITH[port]
    if error is not None:
        raise error("away")


class FaultyPorts:
    """
    Calls *act* with the port's name at the call *at* (from 1), once; *calls* are those that were made.
    """

    def __init__(self, at: int = 0, when: str = BEFORE, act: Callable[[str], None] = crash) -> None:
        self.calls: list[str] = []
        self._at, self._when, self._act = at, when, act

    def in_place_of(self, wiring: Wiring) -> Wiring:
        """
        Return the wiring with every port that does more than compute behind one that counts.
        """
        return evolve(wiring, **{name: self._around(getattr(wiring, name), name) for name in FAILS_WITH})

    def _around(self, inner: object, port: str) -> Any:
        faulty = self

        class Port:
            def __getattr__(self, name: str) -> Any:
                found = getattr(inner, name)
                return partial(faulty._call, port, name, found) if callable(found) else found

        return Port()

    def _call(self, port: str, name: str, call: Callable[..., Any], *args: Any, **how: Any) -> Any:
        if name == "snapshot":
            return self._snapshot(call)
        answer = self._step(f"{port}.{name}", partial(call, *args, **how))
        return self._each(f"{port}.{name}", answer) if isinstance(answer, Iterator) else answer

    def _step(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        hit = len(self.calls) == self._at
        if hit and self._when == BEFORE:
            self._act(name.partition(".")[0])
        answer = call()
        if hit and self._when == AFTER:
            self._act(name.partition(".")[0])
        return answer

    def _each(self, name: str, items: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while (item := self._step(f"{name} next", partial(next, items, end))) is not end:
            yield item

    @contextmanager
    def _snapshot(self, call: Callable[[], Any]) -> Iterator[Any]:
        with self._step("source.snapshot", call) as snapshot:
            yield self._around(snapshot, "source")
