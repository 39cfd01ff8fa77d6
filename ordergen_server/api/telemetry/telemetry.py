"""Everything that telemetry gives to the other parts, made of one registry and one tracing."""

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry

from ordergen_server.api.telemetry.calls import CallTelemetry
from ordergen_server.api.telemetry.metrics import Metrics
from ordergen_server.api.telemetry.observers import DatabaseOperations, OrderEvents, RunEvents, SiblingCalls
from ordergen_server.api.telemetry.reports import count
from ordergen_server.api.telemetry.sibling_states import SiblingStates, Source
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.services.running.report import Report


class Telemetry:
    """What bootstrap hands out.

    Args:
        services: those of the contract.
        registry: where metrics are registered.
        tracing: where spans are made; nowhere by default.

    Attributes:
        registry: what `metrics_served` serves.
        calls: for whatever takes calls in.
        siblings: the observer of `open_sources`.
        database: the observer of `Database`.
        orders: the observer of submissions.
        runs: the observer of PortfolioWork, RunJournal, Runs and Rebalancer.
    """

    def __init__(
        self,
        services: Iterable[ServiceDescriptor],
        registry: CollectorRegistry,
        tracing: Tracing | None = None,
    ) -> None:
        tracing = tracing or Tracing()
        metrics = Metrics(registry)
        self._metrics = metrics
        self.registry = registry
        self.calls = CallTelemetry(services, metrics, tracing)
        self.siblings = SiblingCalls(metrics, tracing)
        self.database = DatabaseOperations(metrics, tracing)
        self.runs = RunEvents(metrics, tracing)
        self.orders = OrderEvents(metrics, tracing)

    def hear(self, report: Report) -> None:
        """Count what a worker elsewhere did."""
        count(self._metrics, report)

    def watch_sources(self, *sources: Source) -> None:
        """Tell how the breakers and caches of sources are, whenever the metrics are read."""
        self.registry.register(SiblingStates(sources))
