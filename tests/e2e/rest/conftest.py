"""One server and one front for all tests of REST; each makes models of its own."""

from collections.abc import Iterator

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.fronts import Front, front_process


@pytest.fixture(scope="session")
def rest_api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """The API behind the front."""
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        yield api


@pytest.fixture(scope="session")
def front(rest_api: Api) -> Iterator[Front]:
    with front_process(f"127.0.0.1:{rest_api.port}") as running:
        yield running
