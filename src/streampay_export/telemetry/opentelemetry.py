"""
Spans and metrics for OpenTelemetry, through its API alone: which SDK and exporter, the application decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from ..errors import ExportError, MissingExtra
from ..ports.telemetry import Fact, Measure, OpenSpan, Span

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, MeterProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import StatusCode, TracerProvider

SCOPE = "streampay_export"


class OpenTelemetry:
    """
    A `Telemetry` that tells OpenTelemetry's *traces* and *metrics*; `None` is the process's global provider.

    Names begin with `streampay_export.`; a failed span's `error.type` is its slug. Without an SDK nothing is
    told to anybody. Thread-safe; the providers are their maker's to shut down. Raises `MissingExtra`.
    """

    def __init__(self, *, traces: TracerProvider | None = None, metrics: MeterProvider | None = None) -> None:
        try:
            from opentelemetry import metrics as metrics_api  # noqa: PLC0415  # the extra may be missing
            from opentelemetry import trace as trace_api  # noqa: PLC0415  # as above
        except ModuleNotFoundError:
            raise MissingExtra(extra="otel", needed_for="telemetry through OpenTelemetry") from None
        release = version("streampay-export")
        meter = metrics_api.get_meter(SCOPE, release, metrics)
        self._trace = trace_api
        self._tracer = trace_api.get_tracer(SCOPE, release, traces)
        counted = [each for each in Measure if each not in {Measure.QUEUE_AGE, Measure.RUNNING}]
        self._counters: dict[Measure, Counter] = {each: meter.create_counter(*_described(each)) for each in counted}
        self._running = meter.create_up_down_counter(*_described(Measure.RUNNING))
        self._age = meter.create_gauge(*_described(Measure.QUEUE_AGE))

    @contextmanager
    def span(self, span: Span, /, **facts: Fact) -> Iterator[OpenSpan]:
        """
        See `Telemetry.span`.
        """
        begun = self._tracer.start_span(f"{SCOPE}.{span}", attributes=_attributes(facts))
        opened = _Open(begun, self._trace.StatusCode.ERROR)
        try:
            if span is Span.DOWNLOAD:
                yield opened
            else:
                with self._trace.use_span(begun, record_exception=False, set_status_on_exception=False):
                    yield opened
        except BaseException as error:
            opened.add(slug=error.slug if isinstance(error, ExportError) else type(error).__name__)
            raise
        finally:
            begun.end()

    def count(self, measure: Measure, amount: int = 1, /, **facts: Fact) -> None:
        """
        See `Telemetry.count`.
        """
        counter = self._running if measure is Measure.RUNNING else self._counters[measure]
        counter.add(amount, _attributes(facts))

    def gauge(self, measure: Measure, value: float, /, **facts: Fact) -> None:
        """
        See `Telemetry.gauge`.
        """
        self._age.set(value, _attributes(facts))


class _Open:
    def __init__(self, span: OtelSpan, failed: StatusCode) -> None:
        self._span = span
        self._failed = failed

    def add(self, **facts: Fact) -> None:
        """
        See `OpenSpan.add`.
        """
        self._span.set_attributes(_attributes(facts))
        if "slug" in facts:
            self._span.set_status(self._failed, str(facts["slug"]))


def _described(measure: Measure) -> tuple[str, str, str]:
    return f"{SCOPE}.{measure.title}", measure.unit, measure.description


def _attributes(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    # The one attribute that OpenTelemetry has a name for (Semantic Conventions, "error.type").
    return {"error.type" if name == "slug" else f"{SCOPE}.{name}": value for name, value in facts.items()}
