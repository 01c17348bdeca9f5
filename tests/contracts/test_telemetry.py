"""
What we ship to be watched with keeps the contract of the port, and tells nothing of anybody.
"""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from streampay_export.telemetry.opentelemetry import OpenTelemetry
from streampay_export.testing.contracts.telemetry import SeenSpan, TelemetryContract
from streampay_export.testing.fakes import RecordingTelemetry


class _Recorded:
    def __init__(self, telemetry):
        self._telemetry = telemetry

    def spans(self):
        return [
            SeenSpan(span=each.span, within=each.within, facts=each.facts, failed="slug" in each.facts)
            for each in self._telemetry.spans
        ]

    def value(self, measure, **facts):
        if measure in self._telemetry.gauges:
            return self._telemetry.gauges[measure]
        return self._telemetry.counts[measure, tuple(sorted(facts.items()))]


class TestRecordingTelemetry(TelemetryContract):
    @pytest.fixture
    def telemetry(self):
        """
        One that remembers.
        """
        return RecordingTelemetry()

    @pytest.fixture
    def seen(self, telemetry):
        """
        What it remembers.
        """
        return _Recorded(telemetry)


def _plain(attributes):
    return {
        "slug" if name == "error.type" else name.removeprefix("streampay_export."): value
        for name, value in attributes.items()
    }


class _Collector:
    """
    OpenTelemetry's own SDK, with everything it was told.
    """

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.traces = TracerProvider()
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.metrics = MeterProvider(metric_readers=[self.reader])
        self.telemetry = OpenTelemetry(traces=self.traces, metrics=self.metrics)

    def close(self):
        self.metrics.shutdown()
        self.traces.shutdown()

    def spans(self):
        told = self.exporter.get_finished_spans()
        names = {each.context.span_id: each.name.removeprefix("streampay_export.") for each in told}
        return [
            SeenSpan(
                span=names[each.context.span_id],
                within=names[each.parent.span_id] if each.parent else None,
                facts=_plain(each.attributes),
                failed=each.status.status_code is StatusCode.ERROR,
            )
            for each in told
        ]

    def value(self, measure, **facts):
        told = self.reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        [metric] = [each for each in told if each.name == f"streampay_export.{measure.title}"]
        assert (measure.unit, measure.description) == (metric.unit, metric.description)
        [point] = [each for each in metric.data.data_points if _plain(each.attributes) == facts]
        return point.value


class TestOpenTelemetry(TelemetryContract):
    @pytest.fixture
    def seen(self):
        """
        What the SDK got.
        """
        collector = _Collector()
        yield collector
        collector.close()

    @pytest.fixture
    def telemetry(self, seen):
        """
        Ours, before that SDK.
        """
        return seen.telemetry
