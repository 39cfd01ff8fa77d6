"""Spans are made where a collector is configured, in the place of what is done, and nowhere else."""

import logging
from collections.abc import Mapping

import pytest
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ordergen_server.api.telemetry.spans import recorder_to
from ordergen_server.api.telemetry.tracing import Tracing, recorder_of, tracing_to_collector
from ordergen_server.domain import origin
from ordergen_server.domain.origin import Origin, carried, working_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
TAKEN_OVER = Origin({"correlation_id": "c"}, {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    return Tracing(recorder_to([SimpleSpanProcessor(spans)]))


def test_spans_lie_in_each_other_and_pass_themselves_on(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with working_for(TAKEN_OVER), tracing.span("outer", number=1):
        outside = origin.current().headers["traceparent"]
        with tracing.span("inner"):
            inside = origin.current().headers["traceparent"]
        assert origin.current().headers["traceparent"] == outside
    inner, outer = spans.get_finished_spans()
    assert (inner.name, outer.name, dict(outer.attributes or {})) == ("inner", "outer", {"number": 1})
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert outside == f"00-{TRACE}-{outer.context.span_id:016x}-01"
    assert inside == f"00-{TRACE}-{inner.context.span_id:016x}-01"


def test_a_span_crosses_threads_with_the_origin(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    def work() -> None:
        with tracing.span("worker"):
            pass

    with working_for(TAKEN_OVER), tracing.span("outer"):
        task = carried(work)
    task()
    _, worker = spans.get_finished_spans()
    assert f"{worker.context.trace_id:032x}" == TRACE


def test_what_no_call_began_has_no_span(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    """Looks at the database, renewals of leases: traces of nothing."""
    with tracing.span("alone"):
        pass
    assert spans.get_finished_spans() == ()


def test_what_fails_in_a_span_is_its_status(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    def fail() -> None:
        with working_for(TAKEN_OVER), tracing.span("outer"):
            raise ValueError("a secret")

    with pytest.raises(ValueError, match="a secret"):
        fail()
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description, span.events) == (
        StatusCode.ERROR,
        "ValueError",
        (),
    )


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
    ],
)
def test_without_a_collector_there_are_no_spans(variables: Mapping[str, str]) -> None:
    with tracing_to_collector(variables) as tracing:
        assert not tracing.is_on


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_TRACES_EXPORTER": "console"},
    ],
)
def test_with_a_collector_there_are(variables: Mapping[str, str]) -> None:
    with tracing_to_collector(variables) as tracing:
        assert tracing.is_on


def test_an_exporter_that_is_not_there_is_said_and_the_server_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        tracing_to_collector(
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}
        ) as tracing,
    ):
        assert not tracing.is_on
    assert "no exporter 'pigeon' is installed" in caplog.text


def test_the_service_has_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    recorder = recorder_of([ConsoleSpanExporter()])
    names = {key: recorder.resource.attributes[key] for key in ("service.name", "service.namespace")}
    assert names == {"service.name": "globeco-order-generation-service", "service.namespace": "globeco"}
    recorder.shutdown()


def test_the_standard_variables_can_give_it_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=elsewhere")
    recorder = recorder_of([ConsoleSpanExporter()])
    names = {key: recorder.resource.attributes[key] for key in ("service.name", "service.namespace")}
    assert names == {"service.name": "other", "service.namespace": "elsewhere"}
    recorder.shutdown()
