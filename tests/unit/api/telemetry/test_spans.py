"""Spans are what the SDK's own would be: its sampler, limits and variables hold."""

from itertools import product

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordergen_server.api.telemetry.spans import Attributes, Recorder, recorder_to

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ATTRIBUTES: Attributes = {"name": "value" * 10, "count": 3, "share": 0.5, "is_on": True}
FIRST = Context()
SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"traceparent": f"00-{TRACE}-{SPAN}-00"},
    {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1,other=2"},
    {"traceparent": f"00-{TRACE}-{SPAN}-03"},
)


class Kept:
    """A recorder and a tracer of the SDK, and what they have recorded."""

    def __init__(self) -> None:
        self.ours, self.theirs = InMemorySpanExporter(), InMemorySpanExporter()
        self.recorder: Recorder = recorder_to([SimpleSpanProcessor(self.ours)])
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.theirs))
        self.tracer = provider.get_tracer("theirs")


def told(span: ReadableSpan) -> tuple[object, ...]:
    """Everything of a span but its own ids and times."""
    place = span.context
    return (
        span.name,
        span.kind,
        span.parent,
        dict(span.attributes or {}),
        span.dropped_attributes,
        place.trace_flags,
        place.trace_state,
        place.is_remote,
        (span.status.status_code, span.status.description),
        (span.events, span.links),
        span.resource.attributes,
    )


def recorded_by_both(kept: Kept, parent: Context) -> list[list[tuple[object, ...]]]:
    """What is told of a span within a parent that fails, and a span within that."""
    ours = kept.recorder.begin("outer", parent, SpanKind.SERVER, ATTRIBUTES)
    theirs = kept.tracer.start_span("outer", parent, SpanKind.SERVER, ATTRIBUTES)
    inner = kept.recorder.begin("inner", ours.inside, SpanKind.CLIENT, {})
    their_inner = kept.tracer.start_span("inner", trace.set_span_in_context(theirs, FIRST), SpanKind.CLIENT)
    assert inner.trace_id == ours.trace_id
    inner.end()
    their_inner.end()
    ours.note("code", 14)
    theirs.set_attribute("code", 14)
    ours.fail("UNAVAILABLE")
    theirs.set_status(Status(StatusCode.ERROR, "UNAVAILABLE"))
    ours.end()
    theirs.end()
    # Of the inner ones the parents differ by their ids alone.
    return [
        [told(one)[: 2 if one.name == "inner" else None] for one in exporter.get_finished_spans()]
        for exporter in (kept.ours, kept.theirs)
    ]


@pytest.mark.parametrize(("sampler", "headers"), list(product(SAMPLERS, HEADERS)))
def test_a_span_is_sampled_and_told_as_the_sdk_does(
    sampler: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1.0")
    parent = TraceContextTextMapPropagator().extract(headers, FIRST)
    ours, theirs = recorded_by_both(Kept(), parent)
    assert ours == theirs


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0"),
    ],
)
def test_attributes_are_limited_as_the_sdk_does(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    ours, theirs = recorded_by_both(Kept(), FIRST)
    assert ours == theirs


def test_a_span_that_is_not_sampled_is_passed_on_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    kept = Kept()
    span = kept.recorder.begin("call", FIRST, SpanKind.SERVER, {})
    span.end()
    assert span.traceparent == f"00-{span.trace_id}-{span.context.span_id:016x}-02"  # random, not sampled
    assert kept.ours.get_finished_spans() == ()


def test_what_is_passed_on_is_what_the_propagator_of_the_sdk_says() -> None:
    state = TraceState([("vendor", "1"), ("other", "2")])
    outer = SpanContext(int(TRACE, 16), int(SPAN, 16), True, TraceFlags(1), state)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(outer), FIRST)
    span = Kept().recorder.begin("call", parent, SpanKind.SERVER, {})
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, span.inside)
    assert carrier == {"traceparent": span.traceparent, "tracestate": span.tracestate}


def test_ids_differ_and_time_passes() -> None:
    kept = Kept()
    spans = [kept.recorder.begin("call", FIRST, SpanKind.SERVER, {}) for _ in range(1000)]
    for span in spans:
        span.end()
    assert len({span.trace_id for span in spans}) == len({span.context.span_id for span in spans}) == 1000
    assert all(0 < (span.start_time or 0) <= (span.end_time or 0) for span in spans)
