"""What is sent of spans is what the exporter of OpenTelemetry itself would send."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordergen_server.api.telemetry.otlp import GrpcExporter, request_of
from ordergen_server.api.telemetry.spans import recorder_to

HEADERS = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "vendor=1,other=2",
}
RESOURCE = Resource({"service.name": "orders"}, "https://opentelemetry.io/schemas/1.30.0")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


@st.composite
def spans(draw: st.DrawFn) -> list[ReadableSpan]:
    """Some that have ended, each the first of a trace, or within its caller's or the one before."""
    exporter = InMemorySpanExporter()
    recorder = recorder_to([SimpleSpanProcessor(exporter)], RESOURCE)
    parents = [Context(), TraceContextTextMapPropagator().extract(HEADERS, Context())]
    for _ in range(draw(st.integers(1, 4))):
        parent = draw(st.sampled_from(parents))
        attributes = draw(st.dictionaries(TEXT.filter(bool), VALUES, max_size=8))
        span = recorder.begin(draw(TEXT), parent, draw(st.sampled_from(SpanKind)), attributes)
        if draw(st.booleans()):
            span.fail(draw(TEXT))
        span.end()
        parents.append(span.inside)
    return list(exporter.get_finished_spans())


@given(spans())
def test_a_request_is_what_the_exporter_itself_would_make(ended: list[ReadableSpan]) -> None:
    assert request_of(ended) == encode_spans(ended)


def test_the_exporter_makes_its_requests_so() -> None:
    """Were its method to change its name, requests would be made as before, at five times the cost."""
    assert "_translate_data" in vars(GrpcExporter.__mro__[1])
