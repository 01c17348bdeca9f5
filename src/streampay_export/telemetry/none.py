"""
Nobody watches: the default.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ..ports.telemetry import Fact, Measure, OpenSpan, Span


class NoTelemetry:
    """
    A `Telemetry` that tells nobody.
    """

    def span(self, span: Span, /, **facts: Fact) -> AbstractContextManager[OpenSpan]:
        """
        Open nothing.
        """
        return nullcontext(_NOTHING)

    def count(self, measure: Measure, amount: int = 1, /, **facts: Fact) -> None:
        """
        Count nothing.
        """

    def gauge(self, measure: Measure, value: float, /, **facts: Fact) -> None:
        """
        Say nothing.
        """


class _Nothing:
    def add(self, **facts: Fact) -> None:
        """
        Keep nothing.
        """


_NOTHING = _Nothing()
