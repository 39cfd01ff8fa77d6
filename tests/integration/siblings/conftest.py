"""Simulated siblings that play faults, and the sources that read them."""

from collections.abc import Iterator

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import CacheConfig, SiblingConfig, SiblingsConfig, Sources, open_sources


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=8, positions=10, securities=20) as siblings:
        yield siblings


@pytest.fixture
def siblings(running: SimulatedSiblings) -> SimulatedSiblings:
    running.clear()
    return running


@pytest.fixture
def config(siblings: SimulatedSiblings) -> SiblingsConfig:
    """Impatient: an attempt takes a second at most, and pauses are short."""

    def at(url: str) -> SiblingConfig:
        return SiblingConfig(url, timeout_seconds=1.0, backoff_seconds=0.02, pool_size=4)

    return SiblingsConfig(
        portfolio_accounting=at(siblings.accounting_url),
        pricing=at(siblings.pricing_url),
        security=at(siblings.security_url),
        portfolio=at(siblings.portfolio_url),
        cache=CacheConfig(),
    )


@pytest.fixture
def sources(config: SiblingsConfig) -> Iterator[Sources]:
    with open_sources(config) as sources:
        yield sources
