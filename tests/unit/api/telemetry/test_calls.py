"""What is noted of a call: one line, metrics, a span, each with the ids that its caller gets."""

import logging
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.telemetry.calls import FAULTS, CallTelemetry
from ordergen_server.api.telemetry.metrics import Metrics
from ordergen_server.api.telemetry.spans import recorder_to
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.domain import origin
from ordergen_server.domain.errors import InvalidArgument, NotFound, ResourceExhausted
from ordergen_server.domain.origin import UNKNOWN

MODELS = "globeco.ordergen.v1.ModelService"
PATH = f"/{MODELS}/GetModel"
LABELS = {"grpc_service": MODELS, "grpc_method": "GetModel"}
PEER = "ipv4:10.0.0.7:40000"
IDS = {"x-correlation-id": "c-1"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OK = grpc.StatusCode.OK


class Seen:
    """A CallTelemetry, its clock, and what can be seen of it."""

    def __init__(self, *, traced: bool = False) -> None:
        self.now = 100.0
        self.registry = CollectorRegistry()
        self.spans = InMemorySpanExporter()
        tracing = Tracing(recorder_to([SimpleSpanProcessor(self.spans)]) if traced else None)
        self.calls = CallTelemetry(SERVICES, Metrics(self.registry), tracing, lambda: self.now)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def traced() -> Seen:
    return Seen(traced=True)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(one) for one in caplog.records if one.name == "ordergen_server.calls"]


@pytest.fixture(autouse=True)
def all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_call_that_ends_well_is_one_line_and_its_metrics(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    call = seen.calls.begin(PATH, IDS, PEER)
    assert seen.value("ordergen_calls_in_flight", **LABELS) == 1
    assert call.trailers == (("x-correlation-id", "c-1"),)
    assert origin.current().fields == {"correlation_id": "c-1", "method": f"{MODELS}/GetModel"}
    call.identified("desk")
    assert origin.current().fields["subject"] == "desk"
    seen.now += 0.02
    call.end(OK, None, 30, 2500)
    assert origin.current() is UNKNOWN
    assert seen.value("ordergen_calls_in_flight", **LABELS) == 0
    assert seen.value("grpc_server_started_total", **LABELS) == 1
    assert seen.value("grpc_server_handled_total", **LABELS, grpc_code="OK") == 1
    assert seen.value("grpc_server_handling_seconds_sum", **LABELS) == pytest.approx(0.02)
    assert seen.value("grpc_server_handling_seconds_bucket", **LABELS, le="0.01") == 0
    assert seen.value("grpc_server_handling_seconds_bucket", **LABELS, le="0.025") == 1
    (line,) = lines(caplog)
    expected = {"code": "OK", "peer": PEER, "request_bytes": 30, "response_bytes": 2500, "levelname": "INFO"}
    assert {name: line[name] for name in expected} == expected
    assert line["duration_ms"] == pytest.approx(20)


def test_the_end_of_a_call_is_noted_once(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    call = seen.calls.begin(PATH, IDS, PEER)
    call.end(OK, None, 0, 0)
    call.end(grpc.StatusCode.CANCELLED, None, 0, 0)
    assert seen.value("ordergen_calls_in_flight", **LABELS) == 0
    assert seen.value("grpc_server_handled_total", **LABELS, grpc_code="CANCELLED") is None
    assert len(lines(caplog)) == 1


def test_an_error_is_told_by_its_reason(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    seen.calls.begin(PATH, IDS, PEER).end(grpc.StatusCode.NOT_FOUND, NotFound("No model 1."), 30, 0)
    (line,) = lines(caplog)
    assert (line["code"], line["reason"], line["error"]) == ("NOT_FOUND", "NOT_FOUND", "No model 1.")


@pytest.mark.parametrize(
    ("code", "level"),
    [("OK", "INFO"), ("NOT_FOUND", "INFO"), ("UNAVAILABLE", "WARNING"), ("INTERNAL", "ERROR")],
)
def test_the_level_says_whose_fault_it_is(
    code: str, level: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    seen.calls.begin(PATH, IDS, PEER).end(grpc.StatusCode[code], None, 0, 0)
    assert [one["levelname"] for one in lines(caplog)] == [level]


def test_calls_of_no_method_of_ours_are_one_line_of_metrics(seen: Seen) -> None:
    """What comes from the wire is no label: a scanner would fill the memory."""
    for number in range(1000):
        seen.calls.begin(f"/any.Thing/{number}", IDS, PEER).end(grpc.StatusCode.UNIMPLEMENTED, None, 0, 0)
    other = {"grpc_service": "other", "grpc_method": "other"}
    assert seen.value("grpc_server_handled_total", **other, grpc_code="UNIMPLEMENTED") == 1000
    (metric,) = [one for one in seen.registry.collect() if one.name == "grpc_server_handled"]
    methods = {one.labels["grpc_method"] for one in metric.samples}
    assert methods == {method.name for service in SERVICES for method in service.methods} | {"other"}


def test_reasons_of_refusals_are_few_whatever_they_are(seen: Seen) -> None:
    for number in range(1000):
        seen.calls.begin(PATH, IDS, PEER).refused(f"reason {number}")
    (metric,) = [one for one in seen.registry.collect() if one.name == "ordergen_calls_refused"]
    counted = [one for one in metric.samples if one.name.endswith("_total")]
    assert len(counted) <= 51
    assert sum(one.value for one in counted) == 1000


def test_refused_in_masses_there_are_some_lines_and_a_count(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        call = seen.calls.begin(PATH, IDS, PEER)
        call.refused("too_many_calls")
        call.end(grpc.StatusCode.RESOURCE_EXHAUSTED, ResourceExhausted("Too many."), 0, 0)

    for _ in range(500):
        refuse()
    assert [one["refused"] for one in lines(caplog)] == ["too_many_calls"] * 10
    seen.calls.begin(PATH, IDS, PEER).end(OK, None, 0, 0)
    assert len(lines(caplog)) == 11  # what ends well is always told
    seen.now += 1
    refuse()
    *_, count, last = lines(caplog)
    assert (count["code"], count["skipped"], last["refused"]) == ("RESOURCE_EXHAUSTED", 490, "too_many_calls")
    assert seen.value("ordergen_calls_refused_total", why="too_many_calls") == 501


def test_each_code_has_lines_of_its_own(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    """A flood of one kind does not hide another."""
    for _ in range(100):
        seen.calls.begin(PATH, IDS, PEER).end(grpc.StatusCode.INVALID_ARGUMENT, InvalidArgument("Bad."), 0, 0)
    seen.calls.begin(PATH, IDS, PEER).end(grpc.StatusCode.UNAUTHENTICATED, None, 0, 0)
    assert [one["code"] for one in lines(caplog)] == ["INVALID_ARGUMENT", "UNAUTHENTICATED"]


def test_what_was_not_told_is_told_at_the_end(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(15):
        seen.calls.begin(PATH, IDS, PEER).end(grpc.StatusCode.INVALID_ARGUMENT, None, 0, 0)
    seen.calls.close()
    assert lines(caplog)[-1]["skipped"] == 14


def test_a_trace_of_the_caller_is_kept_where_we_do_not_trace(seen: Seen) -> None:
    call = seen.calls.begin(PATH, {**IDS, "traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "v=1"}, PEER)
    assert origin.current().fields["trace_id"] == TRACE
    assert origin.current().headers["traceparent"] == f"00-{TRACE}-{SPAN}-01"
    assert origin.current().headers["tracestate"] == "v=1"
    assert call.trailers == (("x-correlation-id", "c-1"), ("traceparent", f"00-{TRACE}-{SPAN}-01"))
    call.end(OK, None, 0, 0)


def test_the_span_of_a_call_is_a_child_of_its_callers(traced: Seen) -> None:
    call = traced.calls.begin(PATH, {**IDS, "traceparent": f"00-{TRACE}-{SPAN}-01"}, PEER)
    passed_on = origin.current().headers["traceparent"]
    assert origin.current().fields["trace_id"] == TRACE
    call.identified("desk")
    call.end(OK, None, 0, 0)
    (span,) = traced.spans.get_finished_spans()
    assert (span.name, span.kind) == (f"{MODELS}/GetModel", SpanKind.SERVER)
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert passed_on == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert dict(span.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": MODELS,
        "rpc.method": "GetModel",
        "rpc.grpc.status_code": 0,
        "network.peer.address": PEER,
        "correlation_id": "c-1",
        "enduser.id": "desk",
    }
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_the_status_of_a_span_is_an_error_where_the_server_is_at_fault(
    code: grpc.StatusCode, traced: Seen
) -> None:
    traced.calls.begin(PATH, IDS, PEER).end(code, None, 0, 0)
    (span,) = traced.spans.get_finished_spans()
    assert (span.attributes or {})["rpc.grpc.status_code"] == code.value[0]
    assert span.status.status_code is (StatusCode.ERROR if code in FAULTS else StatusCode.UNSET)
