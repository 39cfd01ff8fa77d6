"""What telemetry costs a call: each part by itself, in microseconds."""

import io
import time
from collections.abc import Callable
from contextlib import ExitStack

import grpc
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry, generate_latest

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.telemetry.correlation import ids_of
from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.api.telemetry.spans import recorder_to
from ordergen_server.api.telemetry.telemetry import Telemetry
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.domain import origin

METHOD = "/globeco.ordergen.v1.ModelService/GetModel"
HEADERS = {"x-correlation-id": "0d0b0de5-3e60-4f3c-8f0f-0a8f3f6b3a11", "user-agent": "grpc-python/1.80.0"}
TRACED = {**HEADERS, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
REPEATS = 7


def microseconds(action: Callable[[], object], times: int = 2000) -> float:
    """The least of several averages: what the machine's other work adds is no cost of ours."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(times):
            action()
        return 1e6 * (time.perf_counter() - began) / times

    return min(once() for _ in range(REPEATS))


class _Nowhere(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


def call(telemetry: Telemetry) -> Callable[[], None]:
    """One call that ends well, from its headers to its end."""

    def one() -> None:
        observed = telemetry.calls.begin(METHOD, HEADERS, "ipv4:127.0.0.1:50000")
        observed.identified("desk")
        observed.end(grpc.StatusCode.OK, None, 30, 2500)

    return one


def costs() -> dict[str, float]:
    """Microseconds by what they are spent on; a GetModel reads the database once, and calls no sibling."""
    plain = Telemetry(SERVICES, CollectorRegistry())
    recorder = recorder_to([BatchSpanProcessor(_Nowhere())])
    traced = Telemetry(SERVICES, CollectorRegistry(), Tracing(recorder))
    found = {
        "ids": microseconds(lambda: ids_of(HEADERS)),
        "ids with a trace": microseconds(lambda: ids_of(TRACED)),
    }
    with logging_to(io.StringIO(), "ERROR", "json"):
        found["call, metrics"] = microseconds(call(plain))
        found["call, metrics and span"] = microseconds(call(traced))
    for form in ("json", "console"):
        with logging_to(io.StringIO(), "INFO", form):
            found[f"call, metrics and a {form} line"] = microseconds(call(plain), 500)
    found["database operation, metrics"] = microseconds(
        lambda: plain.database.begin_operation("find", "models").end("ok", 0.001)
    )
    with ExitStack() as stack:
        stack.callback(origin.enter, origin.UNKNOWN)
        traced.calls.begin(METHOD, HEADERS, "peer")
        found["database operation, metrics and span"] = microseconds(
            lambda: traced.database.begin_operation("find", "models").end("ok", 0.001)
        )
    found["sibling call, metrics"] = microseconds(lambda: _sibling(plain))
    found["carrying into a thread"] = microseconds(_carry)
    found["one scrape"] = microseconds(lambda: generate_latest(plain.registry), 5)
    recorder.shutdown()
    return found


def _sibling(telemetry: Telemetry) -> None:
    telemetry.siblings.begin_attempt("pricing", 1).end("answered")
    telemetry.siblings.call_ended("pricing", "answered", 0.01)


def _carry() -> None:
    origin.carried(_nothing)()


def _nothing() -> None:
    pass


if __name__ == "__main__":
    for name, cost in costs().items():
        print(f"{name:<40}{cost:10.1f} us")  # noqa: T201 - for eyes
