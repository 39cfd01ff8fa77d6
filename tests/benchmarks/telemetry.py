"""What telemetry costs a call: each part by itself, in microseconds."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.security import Gatekeeper
from ordergen_server.api.security.keys import KeyHolder
from ordergen_server.api.security.tokens import TokenRules, TokenVerifier
from ordergen_server.api.telemetry.correlation import ids_of
from ordergen_server.api.telemetry.logs import Format, logging_to
from ordergen_server.api.telemetry.otlp import request_of
from ordergen_server.api.telemetry.spans import recorder_to
from ordergen_server.api.telemetry.telemetry import Telemetry
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.domain.origin import UNKNOWN, carried, working_for
from tests.issuers import AUDIENCE, ISSUER, Issuer

METHOD = "/globeco.ordergen.v1.ModelService/GetModel"
HEADERS = {"x-correlation-id": "0d0b0de5-3e60-4f3c-8f0f-0a8f3f6b3a11", "user-agent": "grpc-python/1.80.0"}
TRACED = {**HEADERS, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
ROUNDS, TIMES = 9, 1000


@dataclass(frozen=True)
class Part:
    """Something that is done for a call.

    Attributes:
        action: does it once, or for so many of what it is named after.
        times: how often that is a round.
        each: how many are done at once.
        level: from which on lines are logged meanwhile.
        within: begins the call that it is a part of, if it is one.
    """

    action: Callable[[], object]
    times: int = TIMES
    each: int = 1
    level: str = "ERROR"
    form: Format = "json"
    within: Callable[[], object] | None = None

    def microseconds(self) -> float:
        """Of this thread's time on the processor, for one: what the machine's other work adds is no cost."""
        with logging_to(io.StringIO(), self.level, self.form), working_for(UNKNOWN):
            if self.within:
                self.within()
            began = time.thread_time()
            for _ in range(self.times):
                self.action()
            return 1e6 * (time.thread_time() - began) / self.times / self.each


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
    """Microseconds by what they are spent on: the least of several rounds in turns.

    A GetModel is a call that reads the database once, and calls no sibling.
    """
    plain = Telemetry(SERVICES, CollectorRegistry())
    recorder = recorder_to([BatchSpanProcessor(_Nowhere())])
    traced = Telemetry(SERVICES, CollectorRegistry(), Tracing(recorder))
    parts = _parts(plain, traced)
    rounds = [{name: part.microseconds() for name, part in parts.items()} for _ in range(ROUNDS)]
    recorder.shutdown()
    return {name: min(one[name] for one in rounds) for name in parts}


def _parts(plain: Telemetry, traced: Telemetry) -> dict[str, Part]:
    spans = _spans()
    return {
        "ids": Part(lambda: ids_of(HEADERS)),
        "ids with a trace": Part(lambda: ids_of(TRACED)),
        "token that was seen before": Part(_admission()),
        "call, metrics": Part(call(plain)),
        "call, metrics and span": Part(call(traced)),
        "call, metrics and a json line": Part(call(plain), level="INFO"),
        "call, metrics and a console line": Part(call(plain), level="INFO", form="console", times=200),
        "database operation, metrics": Part(_operation(plain)),
        "database operation, metrics and span": Part(
            _operation(traced), within=lambda: traced.calls.begin(METHOD, HEADERS, "peer")
        ),
        "one of 512 spans, made ready to be sent": Part(lambda: request_of(spans), 5, len(spans)),
        "sibling call, metrics": Part(lambda: _sibling(plain)),
        "carrying into a thread": Part(_carry),
        "one scrape": Part(lambda: generate_latest(plain.registry), 5),
    }


def _admission() -> Callable[[], object]:
    issuer = Issuer()
    keys = KeyHolder(issuer.key_set, every_seconds=3600)
    keys.refresh()
    gatekeeper = Gatekeeper(tokens=TokenVerifier(TokenRules(ISSUER, AUDIENCE), keys))
    headers = {**HEADERS, "authorization": f"Bearer {issuer.token()}"}
    return lambda: gatekeeper.admit(METHOD, headers)


def _spans() -> Sequence[ReadableSpan]:
    """Those of 256 calls of GetModel."""
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(
        SERVICES, CollectorRegistry(), Tracing(recorder_to([SimpleSpanProcessor(exporter)]))
    )
    with working_for(UNKNOWN):
        for _ in range(256):
            observed = telemetry.calls.begin(METHOD, HEADERS, "ipv4:127.0.0.1:50000")
            _operation(telemetry)()
            observed.end(grpc.StatusCode.OK, None, 30, 2500)
    return exporter.get_finished_spans()


def _operation(telemetry: Telemetry) -> Callable[[], None]:
    return lambda: telemetry.database.begin_operation("find", "models").end("ok", 0.001)


def _sibling(telemetry: Telemetry) -> None:
    telemetry.siblings.begin_attempt("pricing", 1).end("answered")
    telemetry.siblings.call_ended("pricing", "answered", 0.01)


def _carry() -> None:
    carried(_nothing)()


def _nothing() -> None:
    pass


if __name__ == "__main__":
    for name, cost in costs().items():
        print(f"{name:<40}{cost:10.1f} us")  # noqa: T201 - for eyes
