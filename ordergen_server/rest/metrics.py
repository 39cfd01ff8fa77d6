"""What the front counts and times, by the names that the suite's dashboards know."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from ordergen_server.api.telemetry.metrics import Children

#: In milliseconds, as the name says.
BUCKETS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 15000, 30000)
#: Of a path that nothing answers, and of a method that HTTP does not have: neither is the caller's to name.
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Counts every request by its method, the path as it is routed, and its status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        labels = ("method", "path", "status")
        self._requests = Children(
            Counter("http_requests", "Requests answered.", labels, registry=self.registry).labels
        )
        self._milliseconds = Children(
            Histogram(
                "http_request_duration_milliseconds",
                "From a request's headers to the end of its answer.",
                labels,
                buckets=BUCKETS,
                registry=self.registry,
            ).labels
        )
        self._in_flight = Gauge(
            "http_requests_in_flight", "Requests that are worked on.", registry=self.registry
        )
        self._ended = Counter(
            "http_connections_ended",
            "Connections that were ended because there were too many.",
            registry=self.registry,
        )

    def begin(self) -> None:
        """A request has come."""
        self._in_flight.inc()

    def end(self, method: str, path: str, status: int, seconds: float) -> None:
        """It has been answered."""
        self._in_flight.dec()
        labels = (method if method in _METHODS else OTHER, path, str(status))
        self._requests(*labels).inc()
        self._milliseconds(*labels).observe(seconds * 1000)

    def connections_ended(self, count: int) -> None:
        """So many connections were ended."""
        self._ended.inc(count)
