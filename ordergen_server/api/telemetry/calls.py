"""What is noted of each call: its ids, one log line, its metrics, its span."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock, current_thread
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import Counter

from ordergen_server.api.messages.errors import TABLE
from ordergen_server.api.telemetry.correlation import TRACESTATE, CallIds, ids_of
from ordergen_server.api.telemetry.metrics import OTHER, Metrics
from ordergen_server.api.telemetry.tracing import Tracing, within
from ordergen_server.domain import origin
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.origin import UNKNOWN, Origin

if TYPE_CHECKING:
    from ordergen_server.api.telemetry.spans import Span

_log = logging.getLogger("ordergen_server.calls")

Code = grpc.StatusCode
#: Of calls that ended so, only so many lines are written a second for each code, and then a count. Of what
#: a caller has only to read and to mend, one.
LINES_A_SECOND: Mapping[Code, int] = {
    Code.INVALID_ARGUMENT: 1,
    Code.UNIMPLEMENTED: 1,
    Code.RESOURCE_EXHAUSTED: 10,
    Code.UNAUTHENTICATED: 10,
    Code.PERMISSION_DENIED: 10,
    Code.CANCELLED: 10,
    Code.DEADLINE_EXCEEDED: 10,
    Code.UNAVAILABLE: 10,
}
#: By the conventions for spans of servers: all else is an answer that the caller asked for.
FAULTS = frozenset(
    {
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    }
)
_BUGS = frozenset({Code.UNKNOWN, Code.INTERNAL, Code.DATA_LOSS})
_LEVELS = {
    **dict.fromkeys(Code, logging.INFO),
    **dict.fromkeys(FAULTS - {Code.UNIMPLEMENTED} | {Code.RESOURCE_EXHAUSTED}, logging.WARNING),
    **dict.fromkeys(_BUGS, logging.ERROR),
}
_LONGEST_MESSAGE = 500


class _Method:
    """A method of the contract, and where its calls are counted."""

    def __init__(self, service: str, name: str, metrics: Metrics) -> None:
        self.service, self.name, self.full_name = service, name, f"{service}/{name}"
        self.started = metrics.calls_started(service, name)
        self.in_flight = metrics.calls_in_flight(service, name)
        self.seconds = metrics.call_seconds(service, name)
        self.attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
        self._metrics = metrics
        # From the first scrape on, or the first of them would be no increase.
        for code in (grpc.StatusCode.OK, *FAULTS):
            self.handled(code)

    def handled(self, code: grpc.StatusCode) -> Counter:
        return self._metrics.calls_handled(self.service, self.name, code.name)


class CallTelemetry:
    """Notes every call that it is told of.

    Args:
        services: those of the contract; a call of any other is noted as `other/other`.
        metrics: where calls are counted.
        tracing: where their spans are made.
        clock: seconds that only move forward.
        lines_a_second: how many lines of a code are written in a second; of others, all are.
    """

    def __init__(
        self,
        services: Iterable[ServiceDescriptor],
        metrics: Metrics,
        tracing: Tracing | None = None,
        clock: Callable[[], float] = time.perf_counter,
        lines_a_second: Mapping[Code, int] = LINES_A_SECOND,
    ) -> None:
        self._methods = {
            f"/{service.full_name}/{method.name}": _Method(service.full_name, method.name, metrics)
            for service in services
            for method in service.methods
        }
        # Others share one: their names come from the wire.
        self._other = _Method(OTHER, OTHER, metrics)
        self.metrics = metrics
        self.tracing = tracing or Tracing()
        self.clock = clock
        self.lines = LineSampler(lines_a_second, clock)

    def begin(self, method: str, metadata: Mapping[str, str], peer: str) -> "ObservedCall":
        """Note a call whose headers have come; from here on this task, or thread, works for it.

        Args:
            method: its path, `/package.Service/Method`.
            metadata: its headers, by lower-case name.
            peer: where it comes from.
        """
        return ObservedCall(self, self._methods.get(method, self._other), ids_of(metadata), peer)

    def close(self) -> None:
        """Tell how many lines were not written."""
        for code, skipped in self.lines.take_skipped().items():
            _tell_skipped(code, skipped)


class ObservedCall:
    """One call from its headers to its end. It is told what becomes of the call, and tells everyone.

    Attributes:
        correlation_id: its id, which the caller gets.
        trailers: what goes to the caller with the end of the call.
    """

    def __init__(self, telemetry: CallTelemetry, method: _Method, ids: CallIds, peer: str) -> None:
        self._telemetry = telemetry
        self._method = method
        self._peer = peer
        self._refused = ""
        self._ended = False
        self.correlation_id = ids.correlation_id
        method.started.inc()
        method.in_flight.inc()
        headers = ids.headers
        self._span = self._begin_span(ids, headers)
        place = self._place(ids, headers)
        self.trailers = tuple((name, value) for name, value in place.headers.items() if name != TRACESTATE)
        origin.enter(place)
        self._began = telemetry.clock()

    def identified(self, subject_name: str) -> None:
        """Note who calls."""
        if subject_name:
            origin.enter(origin.current().noting(subject=subject_name))
            if self._span:
                self._span.note("enduser.id", subject_name)

    def refused(self, why: str) -> None:
        """Note that the call was not admitted, and why: one of a few words."""
        self._refused = why
        self._telemetry.metrics.calls_refused(why).inc()

    def end(
        self,
        code: grpc.StatusCode,
        error: OrderGenerationError | None,
        request_bytes: int,
        response_bytes: int,
    ) -> None:
        """Note the end of the call: once, whatever is told after the first time."""
        if self._ended:
            return
        self._ended = True
        seconds = self._telemetry.clock() - self._began
        self._method.in_flight.dec()
        self._method.handled(code).inc()
        self._method.seconds.observe(seconds)
        self._end_span(code, error)
        self._write(code, error, seconds, request_bytes, response_bytes)
        origin.enter(UNKNOWN)  # a thread of a pool goes on with another call

    def _begin_span(self, ids: CallIds, headers: Mapping[str, str]) -> "Span | None":
        method, tracing = self._method, self._telemetry.tracing
        if not tracing.is_on:
            return None
        attributes = {
            **method.attributes,
            "network.peer.address": self._peer,
            "correlation_id": ids.correlation_id,
        }
        return tracing.begin_call(method.full_name, attributes, headers)

    def _place(self, ids: CallIds, headers: Mapping[str, str]) -> Origin:
        fields = {"correlation_id": ids.correlation_id, "method": self._method.full_name}
        if ids.request_id and ids.request_id != ids.correlation_id:
            fields["request_id"] = ids.request_id
        if self._span:
            fields["trace_id"] = self._span.trace_id
        elif ids.parent:
            fields["trace_id"] = ids.parent.trace_id
        place = Origin(fields, headers)
        return within(place, self._span) if self._span else place

    def _end_span(self, code: grpc.StatusCode, error: OrderGenerationError | None) -> None:
        if not self._span:
            return
        self._span.note("rpc.grpc.status_code", code.value[0])
        if error:
            self._span.note("error.type", TABLE[type(error)][1])
        if code in FAULTS:
            self._span.fail(code.name)
        self._span.end()

    def _write(
        self,
        code: grpc.StatusCode,
        error: OrderGenerationError | None,
        seconds: float,
        request_bytes: int,
        response_bytes: int,
    ) -> None:
        level = _LEVELS[code]
        if not _log.isEnabledFor(level):
            return
        written, skipped = self._telemetry.lines.admit(code)
        if skipped:
            _tell_skipped(code, skipped)
        if not written:
            return
        fields: dict[str, object] = {
            "code": code.name,
            "duration_ms": round(1000 * seconds, 3),
            "peer": self._peer,
            "request_bytes": request_bytes,
            "response_bytes": response_bytes,
        }
        if error:
            fields["reason"] = TABLE[type(error)][1]
            fields["error"] = error.message[:_LONGEST_MESSAGE]
        if self._refused:
            fields["refused"] = self._refused
        _log.handle(_record(level, fields))


#: To find out for each record where it is made, and by which process, is half the cost of a line.
_OF_EVERY_CALL = vars(logging.makeLogRecord({"name": _log.name, "msg": "call"}))


def _record(level: int, fields: Mapping[str, object]) -> logging.LogRecord:
    record = logging.LogRecord.__new__(logging.LogRecord)
    now = time.time()
    vars(record).update(
        _OF_EVERY_CALL,
        created=now,
        msecs=now % 1 * 1000,
        levelno=level,
        levelname=logging.getLevelName(level),
        threadName=current_thread().name,
        **fields,
    )
    return record


class LineSampler:
    """Which lines of calls that failed are written: the first so many of each code in a second."""

    def __init__(self, lines_a_second: Mapping[Code, int], clock: Callable[[], float]) -> None:
        self._most = lines_a_second
        self._clock = clock
        self._lock = Lock()
        self._second: dict[grpc.StatusCode, int] = {}
        self._count: dict[grpc.StatusCode, int] = {}

    def admit(self, code: grpc.StatusCode) -> tuple[bool, int]:
        """Whether a line is written, and how many of that code were not in the second before."""
        most = self._most.get(code)
        if most is None:
            return True, 0
        second = int(self._clock())
        with self._lock:
            skipped = 0
            if self._second.get(code) != second:
                skipped = max(0, self._count.get(code, 0) - most)
                self._second[code], self._count[code] = second, 0
            self._count[code] += 1
            return self._count[code] <= most, skipped

    def take_skipped(self) -> dict[grpc.StatusCode, int]:
        """How many lines were not written, and not told of yet."""
        with self._lock:
            over = {code: count - self._most[code] for code, count in self._count.items()}
            skipped = {code: count for code, count in over.items() if count > 0}
            self._count.clear()
            self._second.clear()
            return skipped


def _tell_skipped(code: grpc.StatusCode, skipped: int) -> None:
    with origin.working_for(UNKNOWN):
        extra = {"code": code.name, "skipped": skipped}
        _log.warning("%d more calls ended with %s in one second", skipped, code.name, extra=extra)
