"""A real service for tests of your own: server, database and sibling services, as processes of theirs.

In the `conftest.py` of your tests, with `globeco-ordergen[embedded]` installed:

    pytest_plugins = ["ordergen_client.testing"]

and in a test:

    def test_nothing_is_bought_twice(ordergen, ordergen_sandbox):
        model = ordergen.models.create("Mine", ordergen_sandbox.positions, ordergen_sandbox.portfolio_ids)
        ...
"""

from collections.abc import Iterator, Sequence

import pytest

from ordergen_client.client import Client
from ordergen_client.sandbox import Sandbox, sandbox


@pytest.fixture(scope="session")
def ordergen_arguments() -> Sequence[str]:
    """How the sandbox is started; replace it to have another: `python -m ordergen_server.sandbox --help`."""
    return ["--portfolios=25", "--positions=60", "--seed=1"]


@pytest.fixture(scope="session")
def ordergen_sandbox(ordergen_arguments: Sequence[str]) -> Iterator[Sandbox]:
    """A service for all tests of a session; where it is, and a model that suits its market and portfolios.

    Raises:
        SandboxError: it did not start.
    """
    with sandbox(ordergen_arguments) as running:
        yield running


@pytest.fixture
def ordergen(ordergen_sandbox: Sandbox) -> Iterator[Client]:
    """A client of it for a test. Models and runs are those of the session: give yours names of their own."""
    with Client(ordergen_sandbox.target) as client:
        yield client
