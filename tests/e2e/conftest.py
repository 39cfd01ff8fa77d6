"""A server of its own for every test, over siblings that are shared and cleaned."""

from collections.abc import Iterator

import pytest
from globeco.ordergen.v1 import model_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of, served

PORTFOLIOS = 25


@pytest.fixture(scope="session")
def clean_siblings() -> Iterator[SimulatedSiblings]:
    """The siblings as they are; nothing may be set on them."""
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=60) as siblings:
        yield siblings


@pytest.fixture(scope="session")
def faulty_siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=20) as siblings:
        yield siblings


@pytest.fixture
def siblings(faulty_siblings: SimulatedSiblings) -> Iterator[SimulatedSiblings]:
    """Siblings that a test may tell to fail."""
    yield faulty_siblings
    faulty_siblings.clear()


@pytest.fixture
def api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with served(mongodb_uri, database_name, siblings) as running:
        yield running


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    """A model of 20 positions that four portfolios follow, the last of them with short positions."""
    return api.create(message_of(siblings.model, portfolios=4))
