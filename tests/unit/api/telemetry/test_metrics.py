"""Counts are exact from many threads, and no mistake makes a metric grow."""

import threading

from prometheus_client import CollectorRegistry

from ordergen_server.api.telemetry.metrics import Metrics
from tests.limits import PATIENCE

THREADS, TIMES = 8, 500


def test_counts_are_exact_from_many_threads_that_meet_new_labels() -> None:
    """The same label is new to all of them at once, again and again."""
    registry = CollectorRegistry()
    metrics, start = Metrics(registry), threading.Barrier(THREADS)

    def count() -> None:
        start.wait(PATIENCE)
        for number in range(TIMES):
            metrics.sibling_retries(f"service {number % 50}").inc()
            metrics.sibling_seconds("pricing", f"outcome {number % 10}").observe(0.5)
            metrics.connections_in_use.inc()
            metrics.connections_in_use.dec()

    threads = [threading.Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    total = THREADS * TIMES
    for number in range(50):
        labels = {"service": f"service {number}"}
        assert registry.get_sample_value("ordergen_sibling_retries_total", labels) == total / 50
    for number in range(10):
        labels = {"service": "pricing", "outcome": f"outcome {number}"}
        assert registry.get_sample_value("ordergen_sibling_call_seconds_count", labels) == total / 10
        assert registry.get_sample_value("ordergen_sibling_call_seconds_sum", labels) == total / 10 * 0.5
    assert registry.get_sample_value("ordergen_database_connections_in_use") == 0


def test_labels_beyond_a_bound_are_counted_together() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for number in range(2000):
        metrics.sibling_retries(f"service {number}").inc()
    (metric,) = [one for one in registry.collect() if one.name == "ordergen_sibling_retries"]
    counted = {one.labels["service"]: one.value for one in metric.samples if one.name.endswith("_total")}
    assert (len(counted), counted["other"]) == (501, 1500)


def test_two_servers_of_one_process_count_apart() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    Metrics(first).takeovers.inc()
    Metrics(second)
    found = [one.get_sample_value("ordergen_lease_takeovers_total") for one in (first, second)]
    assert found == [1, 0]
