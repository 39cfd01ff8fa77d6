"""The breakers and caches of siblings, looked at when the metrics are read."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

#: Of a breaker, as it is told: 1 is the one that it is in.
STATES = ("CLOSED", "OPEN", "HALF_OPEN")


class CacheState(Protocol):
    """How a cache does."""

    @property
    def hits(self) -> int:
        """Answers given from it."""

    @property
    def reads(self) -> int:
        """Reads begun."""

    @property
    def age_seconds(self) -> float | None:
        """Of what it keeps; None where that is nothing."""


class Source(Protocol):
    """One that reads siblings."""

    @property
    def breakers(self) -> Mapping[str, Enum]:
        """The state of the breaker of each service."""

    @property
    def caches(self) -> Mapping[str, CacheState]:
        """How the cache of each service does."""


class SiblingStates(Collector):
    """Tells how the breakers and caches of some sources are."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = tuple(sources)

    def describe(self) -> Iterable[Metric]:
        """The metrics without their values: registering must not look at anything."""
        return (_breaker(), *_caches())

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        breaker, (hits, reads, age) = _breaker(), _caches()
        for source in self._sources:
            for service, state in source.breakers.items():
                for name in STATES:
                    breaker.add_metric((service, name), float(state.value == name))
            for service, cache in source.caches.items():
                hits.add_metric((service,), cache.hits)
                reads.add_metric((service,), cache.reads)
                if cache.age_seconds is not None:
                    age.add_metric((service,), cache.age_seconds)
        yield from (breaker, hits, reads, age)


def _breaker() -> GaugeMetricFamily:
    name, text = "ordergen_sibling_breaker_state", "1 for the state that the breaker of a service is in."
    return GaugeMetricFamily(name, text, labels=("service", "state"))


def _caches() -> tuple[CounterMetricFamily, CounterMetricFamily, GaugeMetricFamily]:
    label = ("service",)
    return (
        CounterMetricFamily("ordergen_sibling_cache_hits", "Answers given from what is kept.", labels=label),
        CounterMetricFamily(
            "ordergen_sibling_cache_reads", "Reads of a service for its cache.", labels=label
        ),
        GaugeMetricFamily("ordergen_sibling_cache_age_seconds", "Age of what is kept.", labels=label),
    )
