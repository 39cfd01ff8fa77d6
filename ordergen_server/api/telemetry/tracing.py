"""Spans, where a collector is configured by the standard OTEL_* variables; else nothing, at no cost.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ has the variables, and
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/ what spans of calls say.

A span's place is in the origin of what is being done (`domain.origin`), not in OpenTelemetry's own context:
it crosses our threads with the ids of the call.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordergen_server.api.telemetry.correlation import TRACEPARENT, TRACESTATE
from ordergen_server.domain import origin
from ordergen_server.domain.origin import Origin

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_log = logging.getLogger(__name__)

SERVICE_NAME = "globeco-order-generation-service"
SERVICE_NAMESPACE = "globeco"
INSTRUMENTATION = "ordergen"
_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: What the SDK calls a service of no name.
_UNSAID = "unknown_service"
_PROPAGATOR = TraceContextTextMapPropagator()
Attributes = Mapping[str, str | int | float]


class Tracing:
    """Begins spans as children of what is being done; without a tracer it does nothing.

    Args:
        tracer: makes the spans.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer

    @property
    def is_on(self) -> bool:
        """Whether there are spans."""
        return self._tracer is not None

    def begin_call(self, name: str, attributes: Attributes, headers: Mapping[str, str]) -> Span | None:
        """The span of a call that came with these headers."""
        if self._tracer is None:
            return None
        parent = _PROPAGATOR.extract(headers, Context())
        return self._tracer.start_span(name, parent, SpanKind.SERVER, dict(attributes))

    def begin(self, name: str, kind: SpanKind, attributes: Attributes) -> Span | None:
        """A span within what is being done; nothing where that is no part of any."""
        if self._tracer is None:
            return None
        place = origin.current()
        if place.trace is None and TRACEPARENT not in place.headers:
            return None
        # Of a run that was taken over only the headers are known.
        parent = place.trace or _PROPAGATOR.extract(place.headers, Context())
        return self._tracer.start_span(name, cast("Context", parent), kind, dict(attributes))

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        """A block that is a span, and what is done in it its children."""
        span = self.begin(name, SpanKind.INTERNAL, attributes)
        if span is None:
            yield
            return
        with origin.working_for(within(origin.current(), span)):
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise
            finally:
                span.end()


def within(place: Origin, span: Span) -> Origin:
    """The origin of what is done within a span, and passes it on."""
    context = trace.set_span_in_context(span, Context())
    headers = {name: value for name, value in place.headers.items() if name not in (TRACEPARENT, TRACESTATE)}
    _PROPAGATOR.inject(headers, context)
    return replace(place, headers=headers, trace=context)


def trace_id_of(span: Span) -> str:
    """32 hexadecimal digits."""
    return trace.format_trace_id(span.get_span_context().trace_id)


@contextmanager
def tracing_to_collector(variables: Mapping[str, str]) -> Iterator[Tracing]:
    """Tracing as the OTEL_* variables say, until the end of the block; off where they name no collector.

    What is read here is whether to trace and how to send; all else (endpoints, headers, certificates, the
    sampler, batches) the SDK reads from the environment by itself.
    """
    provider = _provider(variables)
    if provider is None:
        yield Tracing()
        return
    try:
        yield Tracing(provider.get_tracer(INSTRUMENTATION))
    finally:
        provider.shutdown()


def _provider(variables: Mapping[str, str]) -> "TracerProvider | None":
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    wanted = variables.get("OTEL_TRACES_EXPORTER", "otlp" if any(map(variables.get, _ENDPOINTS)) else "none")
    exporters = [
        _exporter(one.strip(), variables) for one in wanted.split(",") if one.strip() not in ("", "none")
    ]
    found = [one for one in exporters if one]
    return provider_of(found) if found else None


def provider_of(exporters: "list[SpanExporter]") -> "TracerProvider":
    """What makes spans and sends them in batches, from a thread of its own."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the SDK is an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise

    read = Resource.create()  # from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    own = {"service.name": SERVICE_NAME, "service.namespace": SERVICE_NAMESPACE}
    unsaid = {
        name: value
        for name, value in own.items()
        if str(read.attributes.get(name, _UNSAID)).startswith(_UNSAID)
    }
    provider = TracerProvider(resource=read.merge(Resource(unsaid)))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str, variables: Mapping[str, str]) -> "SpanExporter | None":
    """The exporter of a name; a warning where it is not installed: a server without traces serves."""
    if name == "otlp":
        protocol = variables.get(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", variables.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        )
        name = _PROTOCOLS.get(protocol, protocol)
    found = entry_points(group="opentelemetry_traces_exporter", name=name)
    if not found:
        _log.warning(
            "no traces are sent: no exporter %r is installed (the extra `otel` has otlp_proto_grpc)", name
        )
        return None
    return cast("SpanExporter", next(iter(found)).load()())
