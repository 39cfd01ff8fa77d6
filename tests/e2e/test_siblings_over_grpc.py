"""A server that speaks gRPC to all its siblings, beside one that speaks HTTP to the same ones."""

from globeco.ordergen.v1 import model_pb2, rebalance_pb2

from ordergen_server.sandbox.services.faults import SERVICES, Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, served


def results(api: Api, model: model_pb2.Model) -> dict[str, rebalance_pb2.PortfolioRebalance]:
    """What a run says of each portfolio, without what differs between any two runs."""
    found = {}
    for response in list(api.rebalance_all(model.model_id))[1:-1]:
        one = response.portfolio
        for name in ("rebalance_id", "snapshot_time"):
            one.ClearField(name)
        one.solution.ClearField("solve_duration")
        found[one.portfolio_id] = one
    return found


def test_the_orders_are_those_over_http(
    mongodb_uri: str, database_name: str, api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    """And so are names, prices and every other number."""
    expected = results(api, model)
    assert any(one.transactions for one in expected.values())
    for service in SERVICES:
        siblings.set_faults(service, [Fault(kind="status", match="/api/")])  # whatever comes over HTTP
    with served(mongodb_uri, database_name, siblings, over_grpc=True) as other:
        assert expected == results(other, model)
