"""What is counted and timed, by names that Prometheus scrapes.

Calls have the names that go-grpc-middleware gave them, which dashboards for gRPC know; all else begins with
`ordergen_`. Times are in seconds. Each label has few values, which are ours and never the caller's.
"""

from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

#: From a read that is in memory to a run of minutes.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
OTHER = "other"

Child = TypeVar("Child")


class Children(Generic[Child]):
    """The children of a metric, by what their labels are made of: found without the metric's own lock.

    Past `most` of them a new one is counted under `other`: no mistake can fill the memory of the server, or
    of those who scrape it.
    """

    def __init__(self, make: Callable[..., Child], most: int = 500) -> None:
        self._make = make
        self._most = most
        self._lock = Lock()
        self._made: dict[tuple[Hashable, ...], Child] = {}

    def __call__(self, *labels: str) -> Child:
        """The child of these labels."""
        made = self._made.get(labels)
        return self._new(labels) if made is None else made

    def _new(self, labels: tuple[str, ...]) -> Child:
        with self._lock:
            if len(self._made) >= self._most:
                labels = tuple(OTHER for _ in labels)
            return self._made.setdefault(labels, self._make(*labels))


class Metrics:
    """Every metric of the server, on a registry of its own.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._add_process()
        self._add_calls()
        self._add_runs()
        self._add_orders()
        self._add_siblings()
        self._add_database()

    def _add_process(self) -> None:
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _add_calls(self) -> None:
        call = ("grpc_service", "grpc_method")
        self.calls_started = self._counter("grpc_server_started", "Calls whose headers came.", *call)
        self.calls_handled = self._counter(
            "grpc_server_handled", "Calls that have ended.", *call, "grpc_code"
        )
        self.call_seconds = self._histogram(
            "grpc_server_handling_seconds", "From the headers of a call to its end.", *call
        )
        self.calls_in_flight = self._gauge("ordergen_calls_in_flight", "Calls that have not ended.", *call)
        self.calls_refused = self._counter(
            "ordergen_calls_refused", "Calls that were not admitted.", "why", most=50
        )
        self.connections_ended = self._counter(
            "ordergen_connections_ended", "Connections whose peer had too many.", "port"
        )

    def _add_runs(self) -> None:
        self.runs_in_progress = self._gauge(
            "ordergen_runs_in_progress", "Runs whose lease this server holds."
        )()
        self.runs_ended = self._counter("ordergen_runs_ended", "Runs that this server ended.", "state")
        self.portfolios = self._counter("ordergen_portfolios", "Portfolios whose result was stored.", "state")
        self.stage_seconds = self._histogram(
            "ordergen_stage_seconds", "Of one portfolio (read), or one batch (solve, store).", "stage"
        )
        self.solve_seconds = self._histogram(
            "ordergen_solve_seconds",
            "Of one portfolio; an equal share where many are solved together.",
            "method",
            "status",
        )
        self.takeovers = self._counter("ordergen_lease_takeovers", "Runs taken over from another server.")()
        self.leases_lost = self._counter(
            "ordergen_leases_lost", "Runs that another server took over from here."
        )()

    def _add_orders(self) -> None:
        self.submissions_in_progress = self._gauge(
            "ordergen_submissions_in_progress", "Submissions whose lease this server holds."
        )()
        self.submissions_ended = self._counter(
            "ordergen_submissions_ended", "Submissions that this server ended.", "state"
        )
        self.submission_takeovers = self._counter(
            "ordergen_submission_takeovers", "Submissions taken over from another server."
        )()
        self.submissions_lost = self._counter(
            "ordergen_submissions_lost", "Submissions that another server took over from here."
        )()
        self.orders = self._counter("ordergen_orders", "Orders that came into a state.", "state")
        self.portfolios_stale = self._counter(
            "ordergen_portfolios_stale", "Portfolios whose proposal was found out of date."
        )()
        self.order_doubt_seconds = self._gauge(
            "ordergen_order_doubt_seconds", "How long the order in doubt longest is, whoever sent it."
        )()

    def _add_siblings(self) -> None:
        self.sibling_seconds = self._histogram(
            "ordergen_sibling_call_seconds",
            "Of a call to a sibling, all its attempts and pauses.",
            "service",
            "outcome",
        )
        self.sibling_attempts = self._counter(
            "ordergen_sibling_attempts", "Attempts of calls to siblings.", "service", "outcome"
        )
        self.sibling_retries = self._counter(
            "ordergen_sibling_retries", "Attempts after the first of a call.", "service"
        )

    def _add_database(self) -> None:
        self.database_seconds = self._histogram(
            "ordergen_database_operation_seconds", "Of one command of the database.", "operation", "outcome"
        )
        self.connections_in_use = self._gauge(
            "ordergen_database_connections_in_use", "Connections that are taken from the pool."
        )()
        self.turns_waiting = self._gauge(
            "ordergen_database_turns_waiting", "Writers that wait for their turn at the database."
        )()
        self.turn_seconds = self._histogram(
            "ordergen_database_turn_seconds", "How long writers waited that had to."
        )()

    def _counter(self, name: str, help_: str, *labels: str, most: int = 500) -> Children[Counter]:
        return _children(Counter(name, help_, labels, registry=self.registry), labels, most)

    def _gauge(self, name: str, help_: str, *labels: str) -> Children[Gauge]:
        return _children(Gauge(name, help_, labels, registry=self.registry), labels)

    def _histogram(self, name: str, help_: str, *labels: str) -> Children[Histogram]:
        return _children(Histogram(name, help_, labels, registry=self.registry, buckets=BUCKETS), labels)


Metric = TypeVar("Metric", Counter, Gauge, Histogram)


def _children(metric: Metric, labels: Iterable[str], most: int = 500) -> Children[Metric]:
    return Children(metric.labels if tuple(labels) else lambda: metric, most)
