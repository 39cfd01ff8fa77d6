"""Spans, where a collector is configured by the standard OTEL_* variables; else nothing, at no cost.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ has the variables, and
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/ what spans of calls say.

A span's place is in the origin of what is being done (`domain.origin`), not in OpenTelemetry's own context:
it crosses our threads with the ids of the call.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordergen_server.api.telemetry.correlation import TRACEPARENT, TRACESTATE
from ordergen_server.domain import origin
from ordergen_server.domain.origin import Origin

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from ordergen_server.api.telemetry.spans import Recorder, Span

_log = logging.getLogger(__name__)

SERVICE_NAME = "globeco-order-generation-service"
SERVICE_NAMESPACE = "globeco"
_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: What the SDK calls a service of no name.
_UNSAID = "unknown_service"
_PROPAGATOR = TraceContextTextMapPropagator()
_NO_PARENT = Context()
Attributes = Mapping[str, str | int | float]


class Tracing:
    """Begins spans as children of what is being done; without a recorder it does nothing.

    Args:
        recorder: makes the spans.
    """

    def __init__(self, recorder: "Recorder | None" = None) -> None:
        self._recorder = recorder

    @property
    def is_on(self) -> bool:
        """Whether there are spans."""
        return self._recorder is not None

    def begin_call(self, name: str, attributes: Attributes, headers: Mapping[str, str]) -> "Span | None":
        """The span of a call that came with these headers."""
        if self._recorder is None:
            return None
        return self._recorder.begin(name, _parent_of(headers), SpanKind.SERVER, attributes)

    def begin(self, name: str, kind: SpanKind, attributes: Attributes) -> "Span | None":
        """A span within what is being done; nothing where that is no part of any."""
        if self._recorder is None:
            return None
        place = origin.current()
        if place.trace is None and TRACEPARENT not in place.headers:
            return None
        # Of a run that was taken over only the headers are known.
        parent = cast("Context | None", place.trace) or _parent_of(place.headers)
        return self._recorder.begin(name, parent, kind, attributes)

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
            except BaseException as error:  # whatever ends the span: it says so, and passes it on
                span.fail(type(error).__name__)
                raise
            finally:
                span.end()


def within(place: Origin, span: "Span") -> Origin:
    """The origin of what is done within a span, and passes it on."""
    headers = {**place.headers, TRACEPARENT: span.traceparent}
    headers.pop(TRACESTATE, None)
    if state := span.tracestate:
        headers[TRACESTATE] = state
    return Origin(place.fields, headers, span.inside)


def _parent_of(headers: Mapping[str, str]) -> Context:
    return _PROPAGATOR.extract(headers, Context()) if TRACEPARENT in headers else _NO_PARENT


@contextmanager
def tracing_to_collector(variables: Mapping[str, str]) -> Iterator[Tracing]:
    """Tracing as the OTEL_* variables say, until the end of the block; off where they name no collector.

    What is read here is whether to trace and how to send; all else (endpoints, headers, certificates, the
    sampler, batches) the SDK reads from the environment by itself.
    """
    recorder = _recorder(variables)
    if recorder is None:
        yield Tracing()
        return
    try:
        yield Tracing(recorder)
    finally:
        recorder.shutdown()


def _recorder(variables: Mapping[str, str]) -> "Recorder | None":
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    wanted = variables.get("OTEL_TRACES_EXPORTER", "otlp" if any(map(variables.get, _ENDPOINTS)) else "none")
    exporters = [
        _exporter(one.strip(), variables) for one in wanted.split(",") if one.strip() not in ("", "none")
    ]
    found = [one for one in exporters if one]
    return recorder_of(found) if found else None


def recorder_of(exporters: "list[SpanExporter]") -> "Recorder":
    """What makes spans and sends them in batches, from a thread of its own."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the SDK is an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise

    from ordergen_server.api.telemetry.spans import recorder_to  # noqa: PLC0415 - it needs the SDK

    read = Resource.create()  # from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    own = {"service.name": SERVICE_NAME, "service.namespace": SERVICE_NAMESPACE}
    unsaid = {
        name: value
        for name, value in own.items()
        if str(read.attributes.get(name, _UNSAID)).startswith(_UNSAID)
    }
    return recorder_to(map(BatchSpanProcessor, exporters), read.merge(Resource(unsaid)))


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
    if name == _PROTOCOLS["grpc"]:
        from ordergen_server.api.telemetry.otlp import GrpcExporter  # noqa: PLC0415 - it needs the exporter

        return GrpcExporter()
    return cast("SpanExporter", next(iter(found)).load()())
