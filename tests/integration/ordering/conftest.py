"""An order service of its own for the tests of this folder."""

from collections.abc import Iterator

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=4, positions=4) as running:
        yield running
