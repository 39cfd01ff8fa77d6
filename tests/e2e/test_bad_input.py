"""Bad input, each with its status and the path of its field."""

from collections.abc import Callable
from itertools import count

from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import duration_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from tests.builders import MODEL_ID, RUN_ID, portfolio_id, security_id
from tests.e2e.api import Api, failure
from tests.limits import PATIENCE

Call = Callable[[Api], object]


def lines(*targets: str, low: str = "0", high: str = "0") -> list[model_pb2.Position]:
    """Positions of different securities with these targets."""
    return [
        model_pb2.Position(
            security_id=security_id(number),
            target=decimal_pb2.Decimal(value=target),
            low_drift=decimal_pb2.Decimal(value=low),
            high_drift=decimal_pb2.Decimal(value=high),
        )
        for number, target in zip(count(), targets)
    ]


def creating(
    name: str = "Growth", positions: list[model_pb2.Position] | None = None, portfolios: tuple[str, ...] = ()
) -> Call:
    sent = model_pb2.Model(name=name, positions=positions, portfolio_ids=portfolios)
    return lambda api: api.create(sent)


def twice() -> list[model_pb2.Position]:
    (line,) = lines("0.1")
    return [line, line]


def of_security(one: str) -> list[model_pb2.Position]:
    (line,) = lines("0.1")
    line.security_id = one
    return [line]


BAD_MODELS: dict[str, tuple[Call, list[str]]] = {
    "no name": (creating(""), ["model.name"]),
    "blank name": (creating("  "), ["model.name"]),
    "long name": (creating("x" * 256), ["model.name"]),
    "no multiple": (creating(positions=lines("0.1", "0.2", "0.0051")), ["model.positions[2].target"]),
    "too large": (creating(positions=lines("0.955")), ["model.positions[0].target", "model.positions"]),
    "negative": (creating(positions=lines("-0.005")), ["model.positions[0].target"]),
    "no target": (creating(positions=lines("")), ["model.positions[0].target"]),
    "no number": (creating(positions=lines("NaN")), ["model.positions[0].target"]),
    "sum": (creating(positions=lines("0.5", "0.455")), ["model.positions"]),
    "twice": (creating(positions=twice()), ["model.positions[1].security_id"]),
    "security id": (creating(positions=of_security("short")), ["model.positions[0].security_id"]),
    "low drift": (
        creating(positions=lines("0.1", low="-0.1")),
        ["model.positions[0].low_drift"],
    ),
    "high drift": (
        creating(positions=lines("0.1", high="1.1")),
        ["model.positions[0].high_drift"],
    ),
    "low above high": (
        creating(positions=lines("0.1", low="0.2", high="0.1")),
        ["model.positions[0].low_drift"],
    ),
    "101 positions": (creating(positions=lines(*["0.005"] * 101)), ["model.positions"]),
    "portfolio id": (creating(portfolios=(portfolio_id(1), "x")), ["model.portfolio_ids[1]"]),
    "portfolio twice": (creating(portfolios=(portfolio_id(1),) * 2), ["model.portfolio_ids[1]"]),
    "everything at once": (
        creating("", lines("7", "0.001", low="2"), ("x",)),
        [
            "model.name",
            "model.positions[0].target",
            "model.positions[0].low_drift",
            "model.positions[0].low_drift",
            "model.positions[1].target",
            "model.positions[1].low_drift",
            "model.positions[1].low_drift",
            "model.positions",
            "model.portfolio_ids[0]",
        ],
    ),
}

ListModels, ListRebalances = model_service_pb2.ListModelsRequest, rebalance_service_pb2.ListRebalancesRequest
ListPortfolios = rebalance_service_pb2.ListPortfolioRebalancesRequest


def models(request: model_service_pb2.ListModelsRequest) -> Call:
    return lambda api: api.models.ListModels(request, timeout=PATIENCE)


def runs(request: rebalance_service_pb2.ListRebalancesRequest) -> Call:
    return lambda api: api.rebalances.ListRebalances(request, timeout=PATIENCE)


def portfolios(request: rebalance_service_pb2.ListPortfolioRebalancesRequest) -> Call:
    return lambda api: api.rebalances.ListPortfolioRebalances(request, timeout=PATIENCE)


def rebalancing(options: rebalance_pb2.RebalanceOptions) -> Call:
    return lambda api: api.rebalance(portfolio_id(1), options)


def request_id(api: Api) -> object:
    request = model_service_pb2.CreateModelRequest(model=model_pb2.Model(name="A"), request_id="x")
    return api.models.CreateModel(request, timeout=PATIENCE)


BAD_REQUESTS: dict[str, tuple[Call, list[str]]] = {
    "request id": (request_id, ["request_id"]),
    "model id": (lambda api: api.get(MODEL_ID.upper()), ["model_id"]),
    "no model id": (lambda api: api.get(""), ["model_id"]),
    "page of models": (models(ListModels(page_size=-1, skip=-1)), ["page_size", "skip"]),
    "token of models": (models(ListModels(page_token="x")), ["page_token"]),  # noqa: S106 - no password
    "order of models": (models(ListModels(order_by="version")), ["order_by"]),
    "portfolio of models": (models(ListModels(portfolio_id="x")), ["portfolio_id"]),
    "portfolio to rebalance": (lambda api: api.rebalance("x"), ["portfolio_id"]),
    "model to rebalance": (lambda api: list(api.rebalance_all("x")), ["model_id"]),
    "timeout": (
        rebalancing(rebalance_pb2.RebalanceOptions(solver_timeout=duration_pb2.Duration(seconds=-1))),
        ["options.solver_timeout"],
    ),
    "cash": (
        rebalancing(
            rebalance_pb2.RebalanceOptions(
                minimum_cash=rebalance_pb2.MinimumCash(
                    amount=decimal_pb2.Decimal(value="x"), weight=decimal_pb2.Decimal(value="2")
                )
            )
        ),
        ["options.minimum_cash.amount", "options.minimum_cash.weight"],
    ),
    "run": (lambda api: api.run("x"), ["rebalance_id"]),
    "portfolio of a run": (lambda api: api.portfolio("x", "y"), ["rebalance_id", "portfolio_id"]),
    "page of runs": (runs(ListRebalances(page_size=-1, skip=-2)), ["page_size", "skip"]),
    "filters of runs": (
        runs(ListRebalances(model_id="x", portfolio_ids=[portfolio_id(1), "y"])),
        ["model_id", "portfolio_ids[1]"],
    ),
    "token of runs": (runs(ListRebalances(page_token="x")), ["page_token"]),  # noqa: S106 - no password
    "page of portfolios": (
        portfolios(ListPortfolios(rebalance_id="x", page_size=-1)),
        ["rebalance_id", "page_size"],
    ),
    "state of portfolios": (
        portfolios(ListPortfolios.FromString(b"\x20\x63")),
        ["rebalance_id", "state"],
    ),
}


ALL = {**BAD_MODELS, **BAD_REQUESTS}


def test_every_bad_input_names_its_fields(api: Api) -> None:
    """All of them on one server: it answers on after each."""
    found = {name: failure(lambda call=call: call(api)) for name, (call, _) in ALL.items()}  # type: ignore[misc]
    assert {name: one.code for name, one in found.items()} == dict.fromkeys(ALL, StatusCode.INVALID_ARGUMENT)
    assert {name: one.info.reason for name, one in found.items()} == dict.fromkeys(ALL, "INVALID_ARGUMENT")
    assert {name: one.fields for name, one in found.items()} == {
        name: paths for name, (_, paths) in ALL.items()
    }
    assert not api.models.ListModels(ListModels(), timeout=PATIENCE).models


def test_at_most_so_many_violations_and_how_many_more(api: Api) -> None:
    """A hundred bad targets: the call fails with the right status, every time."""
    for _ in range(20):
        found = failure(lambda: creating(positions=lines(*["0.001"] * 100))(api))
        assert found.code is StatusCode.INVALID_ARGUMENT
        assert len(found.fields) == 32
        assert found.info.metadata["more_violations"] == "68"


def test_what_is_not_there(api: Api) -> None:
    calls: list[Call] = [
        lambda api: api.get(MODEL_ID),
        lambda api: api.rebalance(portfolio_id(1)),
        lambda api: list(api.rebalance_all(MODEL_ID)),
        lambda api: api.run(RUN_ID),
        lambda api: api.portfolio(RUN_ID, portfolio_id(1)),
        portfolios(ListPortfolios(rebalance_id=RUN_ID)),
    ]
    for call in calls:
        found = failure(lambda call=call: call(api))  # type: ignore[misc]
        assert (found.code, found.info.reason) == (StatusCode.NOT_FOUND, "NOT_FOUND")
