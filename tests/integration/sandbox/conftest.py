"""The simulated siblings, once for all tests that do not start their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import urllib3

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.limits import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def running() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=40, positions=20, seed=6, securities=50) as siblings:
        yield siblings


@pytest.fixture
def siblings(running: SimulatedSiblings) -> Iterator[SimulatedSiblings]:
    """The siblings without faults, overrides or counts."""
    yield running
    running.clear()


@pytest.fixture(scope="session")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=PATIENCE) as pool:
        yield pool
