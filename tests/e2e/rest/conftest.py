"""One server and one front for all tests of REST; each makes models of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from globeco.ordergen.v1 import model_service_pb2, rebalance_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.e2e.rest.forms import created, position
from tests.e2e.runs import watched
from tests.fronts import Front, front_process
from tests.limits import PATIENCE

#: So many of the siblings' portfolios follow one model; the others are for tests that rebalance one alone.
FOLLOWED = 20


@pytest.fixture(scope="session")
def rest_api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """The API behind the front."""
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        yield api


@pytest.fixture(scope="session")
def front(rest_api: Api) -> Iterator[Front]:
    with front_process(f"127.0.0.1:{rest_api.port}") as running:
        yield running


@dataclass(frozen=True)
class Rebalanced:
    """A model whose portfolios were rebalanced over REST, and what the gRPC API says of the run."""

    model: Any
    answer: Any
    run: rebalance_pb2.Rebalance
    portfolios: list[rebalance_pb2.PortfolioRebalance]

    @property
    def trading(self) -> list[str]:
        """The portfolios that trade. Tests name them where they decide: they share the run in any order."""
        state = rebalance_pb2.PORTFOLIO_REBALANCE_STATE_REBALANCED
        return [one.portfolio_id for one in self.portfolios if one.state == state]

    @property
    def path(self) -> str:
        return f"/api/v1/rebalance/{self.run.rebalance_id}"


@pytest.fixture(scope="session")
def rebalanced(front: Front, rest_api: Api, clean_siblings: SimulatedSiblings) -> Rebalanced:
    """Portfolios of every kind: short, overdrawn, new, fractional, with what the model does not list."""
    suggested = clean_siblings.model
    lines = [
        position(one.security_id, str(one.target), str(one.high_drift), str(one.low_drift))
        for one in suggested.positions
    ]
    model = created(front, lines, suggested.portfolio_ids[:FOLLOWED])
    answer = front.ask("POST", f"/api/v1/model/{model['model_id']}/rebalance")
    assert answer.status == 200, answer.body
    (orders,) = answer.json
    told = watched(rest_api, orders["rebalance_id"])
    return Rebalanced(model, orders, told[-1].finished, [one.portfolio for one in told[1:-1]])


@pytest.fixture
def portfolio_id(rest_api: Api, clean_siblings: SimulatedSiblings) -> Iterator[str]:
    """A portfolio that the siblings know, and that no model has before and after the test."""
    one = clean_siblings.model.portfolio_ids[FOLLOWED]
    yield one
    of_it = model_service_pb2.ListModelsRequest(portfolio_id=one)
    for model in rest_api.models.ListModels(of_it, timeout=PATIENCE).models:
        removal = model_service_pb2.RemovePortfoliosRequest(model_id=model.model_id, portfolio_ids=[one])
        rest_api.models.RemovePortfolios(removal, timeout=PATIENCE)
