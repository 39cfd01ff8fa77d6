"""What siblings, database and runs report, as metrics and spans: what bootstrap gives to those that report.

The wings do not know this one, nor this one them: what is given keeps the form of their observers.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from ordergen_server.api.telemetry.metrics import Metrics
from ordergen_server.api.telemetry.tracing import Attributes, Tracing, within
from ordergen_server.domain import origin
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.submissions import SubmissionState
from ordergen_server.domain.rebalances import PortfolioState, RebalanceState
from ordergen_server.services.observer import SOLVE_STATUSES, SolveMethod, Stage

if TYPE_CHECKING:
    from ordergen_server.api.telemetry.spans import Span
    from ordergen_server.domain.origin import Origin

#: What becomes of calls that is no fault.
_GOOD = frozenset({"answered", "refused", "ok"})


class _Spanned:
    """Something with an end, and its span; what is done until then in the same thread is a part of it."""

    def __init__(self, span: "Span | None") -> None:
        self._span = span
        self._outside: Origin | None = None

    def enter(self) -> None:
        """Work within the span."""
        if self._span:
            self._outside = origin.current()
            origin.enter(within(self._outside, self._span))

    def leave(self, outcome: str) -> None:
        """End the span."""
        if self._span:
            self._span.note("outcome", outcome)
            if outcome not in _GOOD:
                self._span.fail(outcome)
            self._span.end()
        if self._outside is not None:
            origin.enter(self._outside)


class _Attempt(_Spanned):
    def __init__(self, metrics: Metrics, service: str, span: "Span | None") -> None:
        super().__init__(span)
        self._metrics = metrics
        self._service = service
        self.enter()

    def end(self, outcome: str) -> None:
        """See ObservedAttempt."""
        self._metrics.sibling_attempts(self._service, str(outcome)).inc()
        self.leave(str(outcome))


class SiblingCalls:
    """A SiblingObserver."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def begin_attempt(self, service: str, number: int) -> _Attempt:
        """See SiblingObserver."""
        if number > 1:
            self._metrics.sibling_retries(service).inc()
        attributes: Attributes = {"peer.service": service, "attempt": number}
        span = self._tracing.begin(f"call {service}", SpanKind.CLIENT, attributes)
        return _Attempt(self._metrics, service, span)

    def call_ended(self, service: str, outcome: str, seconds: float) -> None:
        """See SiblingObserver."""
        self._metrics.sibling_seconds(service, str(outcome)).observe(seconds)


class _Operation(_Spanned):
    def __init__(self, metrics: Metrics, operation: str, span: "Span | None") -> None:
        super().__init__(span)
        self._metrics = metrics
        self._operation = operation

    def end(self, outcome: str, seconds: float) -> None:
        """See ObservedOperation."""
        self._metrics.database_seconds(self._operation, outcome).observe(seconds)
        self.leave(outcome)


class DatabaseOperations:
    """A DatabaseObserver."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def begin_operation(self, operation: str, collection: str) -> _Operation:
        """See DatabaseObserver."""
        span = None
        if self._tracing.is_on:
            attributes = {
                "db.system.name": "mongodb",
                "db.operation.name": operation,
                "db.collection.name": collection,
            }
            span = self._tracing.begin(f"{operation} {collection}".strip(), SpanKind.CLIENT, attributes)
        return _Operation(self._metrics, operation, span)

    def connections(self, change: int) -> None:
        """See DatabaseObserver."""
        self._metrics.connections_in_use.inc(change)

    def waiting(self, change: int) -> None:
        """See DatabaseObserver."""
        self._metrics.turns_waiting.inc(change)

    def waited(self, seconds: float) -> None:
        """See DatabaseObserver."""
        self._metrics.turn_seconds.observe(seconds)


class RunEvents:
    """A RunObserver."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        # All are there from the first scrape on, or the first of them would be no increase.
        for state in RebalanceState:
            metrics.runs_ended(state.value)
        for state_of_one in PortfolioState:
            metrics.portfolios(state_of_one.value)
        for method in SolveMethod:
            for status in SOLVE_STATUSES:
                metrics.solve_seconds(method.value, status)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """See RunObserver."""
        began = time.perf_counter()
        try:
            with self._tracing.span(stage.value):
                yield
        finally:
            self._metrics.stage_seconds(stage.value).observe(time.perf_counter() - began)

    def solved(self, method: SolveMethod, status: str, seconds: float, portfolios: int = 1) -> None:
        """See RunObserver."""
        histogram = self._metrics.solve_seconds(method.value, status)
        for _ in range(portfolios):
            histogram.observe(seconds)

    def stored(self, counts: Mapping[PortfolioState, int]) -> None:
        """See RunObserver."""
        for state, count in counts.items():
            self._metrics.portfolios(state.value).inc(count)

    @contextmanager
    def run(self, rebalance_id: str, *, taken_over: bool) -> Iterator[None]:
        """See RunObserver."""
        if taken_over:
            self._metrics.takeovers.inc()
        self._metrics.runs_in_progress.inc()
        try:
            with self._tracing.span("run", rebalance_id=rebalance_id, taken_over=taken_over):
                yield
        finally:
            self._metrics.runs_in_progress.dec()

    def lease_lost(self) -> None:
        """See RunObserver."""
        self._metrics.leases_lost.inc()

    def run_ended(self, state: RebalanceState) -> None:
        """See RunObserver."""
        self._metrics.runs_ended(state.value).inc()


class OrderEvents:
    """An OrderObserver."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        # All are there from the first scrape on, or the first of them would be no increase.
        for state in SubmissionState:
            metrics.submissions_ended(state.value)
        for state_of_one in OrderState:
            metrics.orders(state_of_one.value)

    @contextmanager
    def submission(self, submission_id: str, *, taken_over: bool) -> Iterator[None]:
        """See OrderObserver."""
        if taken_over:
            self._metrics.submission_takeovers.inc()
        self._metrics.submissions_in_progress.inc()
        try:
            with self._tracing.span("submission", submission_id=submission_id, taken_over=taken_over):
                yield
        finally:
            self._metrics.submissions_in_progress.dec()

    def lease_lost(self) -> None:
        """See OrderObserver."""
        self._metrics.submissions_lost.inc()

    def submission_ended(self, state: SubmissionState) -> None:
        """See OrderObserver."""
        self._metrics.submissions_ended(state.value).inc()

    def orders(self, states: Iterable[OrderState]) -> None:
        """See OrderObserver."""
        for state in states:
            self._metrics.orders(state.value).inc()

    def stale(self, count: int) -> None:
        """See OrderObserver."""
        self._metrics.portfolios_stale.inc(count)

    def in_doubt(self, seconds: float) -> None:
        """See OrderObserver."""
        self._metrics.order_doubt_seconds.set(seconds)
