"""What the contract has and this server does not: refused by its name, never ignored."""

from collections.abc import Callable

from globeco.ordergen.v1 import model_service_pb2, rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from tests.builders import MODEL_ID, portfolio_id
from tests.e2e.api import PATIENCE, Api, failure

Options = rebalance_pb2.RebalanceOptions
OPTIONS = {
    "strategy": Options(strategy=rebalance_pb2.STRATEGY_TO_BAND),
    "minimum_trade_value": Options(minimum_trade_value=decimal_pb2.Decimal(value="1")),
    "restrictions": Options(restrictions=[rebalance_pb2.Restriction()]),
    "lot_sizes": Options(lot_sizes=[rebalance_pb2.LotSize()]),
    "maximum_turnover_weight": Options(maximum_turnover_weight=decimal_pb2.Decimal(value="1")),
    "maximum_trade_count": Options(maximum_trade_count=0),
}
REQUEST_ID = "16fd2706-8baf-433b-82eb-8c7fada847da"
pb = rebalance_service_pb2


def refused(call: Callable[[], object]) -> str:
    """What a call is refused for."""
    found = failure(call)
    assert (found.code, found.info.reason) == (StatusCode.UNIMPLEMENTED, "UNSUPPORTED")
    return str(found.info.metadata["feature"])


def test_every_call_without_an_implementation(api: Api) -> None:
    calls: list[Callable[[], object]] = [
        lambda: api.models.UpdateModel(model_service_pb2.UpdateModelRequest(), timeout=PATIENCE),
        lambda: api.models.DeleteModel(model_service_pb2.DeleteModelRequest(), timeout=PATIENCE),
        lambda: api.models.AddPosition(model_service_pb2.AddPositionRequest(), timeout=PATIENCE),
        lambda: api.models.UpdatePosition(model_service_pb2.UpdatePositionRequest(), timeout=PATIENCE),
        lambda: api.models.RemovePosition(model_service_pb2.RemovePositionRequest(), timeout=PATIENCE),
        lambda: api.models.AddPortfolios(model_service_pb2.AddPortfoliosRequest(), timeout=PATIENCE),
        lambda: api.models.RemovePortfolios(model_service_pb2.RemovePortfoliosRequest(), timeout=PATIENCE),
        lambda: api.rebalances.StartRebalance(pb.StartRebalanceRequest(), timeout=PATIENCE),
        lambda: list(api.rebalances.WatchRebalance(pb.WatchRebalanceRequest(), timeout=PATIENCE)),
        lambda: api.rebalances.CancelRebalance(pb.CancelRebalanceRequest(), timeout=PATIENCE),
        lambda: api.rebalances.DeleteRebalance(pb.DeleteRebalanceRequest(), timeout=PATIENCE),
    ]
    assert [refused(call) for call in calls] == ["rpc"] * len(calls)


def test_every_option_without_support(api: Api) -> None:
    """For a portfolio and for a model alike, and nothing is stored."""
    found = [
        (
            refused(lambda options=options: api.rebalance(portfolio_id(1), options)),  # type: ignore[misc]
            refused(lambda options=options: list(api.rebalance_all(MODEL_ID, options))),  # type: ignore[misc]
        )
        for options in OPTIONS.values()
    ]
    assert found == [(f"options.{name}", f"options.{name}") for name in OPTIONS]
    assert not api.rebalances.ListRebalances(pb.ListRebalancesRequest(), timeout=PATIENCE).rebalances


def test_trying_without_storing_and_repeating_safely(api: Api) -> None:
    found = [
        refused(lambda: api.rebalances.RebalancePortfolio(one, timeout=PATIENCE))  # noqa: B023 - called at once
        for one in (
            pb.RebalancePortfolioRequest(portfolio_id=portfolio_id(1), validate_only=True),
            pb.RebalancePortfolioRequest(portfolio_id=portfolio_id(1), request_id=REQUEST_ID),
        )
    ]
    assert found == ["validate_only", "request_id"]
    create = model_service_pb2.CreateModelRequest(request_id=REQUEST_ID)
    create.model.name = "Growth"
    assert refused(lambda: api.models.CreateModel(create, timeout=PATIENCE)) == "request_id"
