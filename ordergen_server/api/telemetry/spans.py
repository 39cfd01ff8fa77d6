"""Spans as the SDK's processors and exporters take them, made in a fifth of the time.

The SDK guards each of its spans by two locks, keeps three bounded collections for it, and checks every
attribute once more. Here one thread at a time has a span, it has no events and no links, and its attributes
are ours: strings and numbers. Sampler, limits, resource, batches and exporters are the SDK's, with all their
variables.

https://opentelemetry.io/docs/specs/otel/trace/sdk/ has what a span is made of.
"""

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ReadableSpan,
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AnyValue

INSTRUMENTATION = "ordergen"

Attributes = Mapping[str, str | int | float]

_SAMPLED, _RANDOM = 1, 2  # https://www.w3.org/TR/trace-context-2/#trace-flags
_FLAGS = tuple(map(TraceFlags, range(4)))
_UNSET = Status(StatusCode.UNSET)
#: No span of ours has more attributes: limits that allow as many need not be looked at.
_MOST_ATTRIBUTES = 16


class Span(ReadableSpan):
    """What is being done, until its end; one thread at a time has it.

    Args:
        name: what is done.
        place: its ids.
        parent: the span that it is a part of; None where it is the first of its trace.
        ended: takes it at its end.
    """

    def __init__(
        self,
        name: str,
        place: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: MutableMapping[str, AnyValue],
        *,
        resource: Resource,
        scope: InstrumentationScope,
        ended: Callable[[ReadableSpan], None],
    ) -> None:
        super().__init__(
            name, place, parent, resource, attributes, kind=kind, status=_UNSET, instrumentation_scope=scope
        )
        self._noted = attributes
        self._place = place
        self._ended = ended
        self._start_time = time.time_ns()

    def note(self, name: str, value: str | int | float) -> None:
        """Give it an attribute."""
        self._noted[name] = value

    def fail(self, description: str) -> None:
        """What it stands for went wrong."""
        self._status = Status(StatusCode.ERROR, description)

    def end(self) -> None:
        """It is over: once."""
        self._end_time = time.time_ns()
        self._ended(self)

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._place.trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """The header that makes spans of others its children."""
        place = self._place
        return f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}"

    @property
    def tracestate(self) -> str:
        """The header beside it; mostly empty."""
        return self._place.trace_state.to_header()

    @property
    def inside(self) -> Context:
        """Where its children begin."""
        return trace.set_span_in_context(NonRecordingSpan(self._place), Context())


class Recorder:
    """Begins spans, and gives those that have ended to processors.

    Args:
        provider: has the sampler, the resource and the source of ids; it is shut down with this.
        ended: takes spans that have ended and are recorded.
    """

    def __init__(self, provider: TracerProvider, ended: Callable[[ReadableSpan], None]) -> None:
        self._provider = provider
        self._ids = provider.id_generator
        self._sample = provider.sampler.should_sample
        self._ended = ended
        self._attributes = _attributes_within(SpanLimits())
        self._scope = InstrumentationScope(INSTRUMENTATION, "")
        self.resource = provider.resource

    def begin(self, name: str, parent: Context, kind: SpanKind, attributes: Attributes) -> Span:
        """A span within another, or the first of a trace; whether it is recorded says the sampler."""
        around = trace.get_current_span(parent).get_span_context()
        outer = around if around.is_valid else None
        trace_id = outer.trace_id if outer else self._ids.generate_trace_id()
        sampled = self._sample(parent, trace_id, name, kind, attributes, ())
        flags = outer.trace_flags & _RANDOM if outer else _RANDOM
        if sampled.decision is Decision.RECORD_AND_SAMPLE:
            flags |= _SAMPLED
        return Span(
            name,
            SpanContext(trace_id, self._ids.generate_span_id(), False, _FLAGS[flags], sampled.trace_state),
            outer,
            kind,
            self._attributes(sampled.attributes),
            resource=self.resource,
            scope=self._scope,
            ended=_forget if sampled.decision is Decision.DROP else self._ended,
        )

    def shutdown(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def recorder_to(processors: Iterable[SpanProcessor], resource: Resource | None = None) -> Recorder:
    """A recorder whose spans go to some processors, sampled and limited as the OTEL_* variables say."""
    all_of_them = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call] # it says nothing of its arguments, of which it has none
    for processor in processors:
        all_of_them.add_span_processor(processor)
    provider = TracerProvider(resource=resource, active_span_processor=all_of_them)
    return Recorder(provider, all_of_them.on_end)


def _attributes_within(limits: SpanLimits) -> Callable[[Attributes], MutableMapping[str, AnyValue]]:
    most, longest = limits.max_span_attributes, limits.max_span_attribute_length
    if longest is None and (most is None or most >= _MOST_ATTRIBUTES):
        return dict
    return partial(_bounded, most, longest)


def _bounded(most: int | None, longest: int | None, attributes: Attributes) -> MutableMapping[str, AnyValue]:
    return BoundedAttributes(most, attributes, immutable=False, max_value_len=longest)


def _forget(_: ReadableSpan) -> None:
    pass
