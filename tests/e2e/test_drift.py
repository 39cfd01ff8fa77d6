"""Who needs a rebalance, over the real port: gRPC, both clients, and what becomes of who leaves."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import grpc
import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import drift_pb2, model_pb2
from globeco.ordergen.v1.rebalance_service_pb2 import (
    CheckDriftRequest,
    ListRebalancesRequest,
)
from grpc import StatusCode

from ordergen_client import (
    AsyncClient,
    Client,
    DriftState,
    InvalidArgument,
    MarketValueNotPositive,
    NotFound,
    PortfolioDrift,
    SiblingUnavailable,
    WorstPosition,
)
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID, portfolio_id
from tests.e2e.api import Api, stored_failure
from tests.limits import PATIENCE
from tests.waiting import eventually

#: Of the model of the tests; and the runs and checks that its server has room for.
PORTFOLIOS, MAXIMUM_RUNS = 6, 4


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    """Half of it in one security at 10 a share, from 0.4 to 0.6; its portfolios hold what tests say."""
    security = siblings.model.positions[0].security_id
    siblings.override_price(security, Decimal(10))
    message = model_pb2.Model(name="Half", portfolio_ids=map(portfolio_id, range(PORTFOLIOS)))
    line = message.positions.add(security_id=security)
    line.target.value, line.low_drift.value, line.high_drift.value = "0.5", "0.1", "0.1"
    held = {0: ("500", "50"), 1: ("300", "70"), 2: ("100", "0"), 3: ("-5", "0"), 4: ("700", "30")}
    for number, (cash, shares) in held.items():
        siblings.override_holdings(portfolio_id(number), Decimal(cash), {security: Decimal(shares)})
    return api.create(message)


def checked(api: Api, model_id: str = "", page_size: int = 0) -> list[drift_pb2.PortfolioDrift]:
    request = CheckDriftRequest(model_id=model_id, page_size=page_size)
    return list(api.rebalances.CheckDrift(request, timeout=PATIENCE))


def reads_of_a_check(api: Api, siblings: SimulatedSiblings, model_id: str) -> int:
    """How often holdings were read meanwhile; what callers of other tests have left may be read, too."""
    before = siblings.calls("accounting").get("summary", 0)
    checked(api, model_id)
    return siblings.calls("accounting")["summary"] - before


def client_of(api: Api) -> Client:
    return Client(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE)


def test_the_worst_come_first_and_each_is_read_once(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    """Failing, out of bands, new and empty ones; nothing is stored."""
    found = checked(api, model.model_id)
    assert [
        (one.portfolio_id, drift_pb2.DriftState.Name(one.state)[12:], one.drift.value) for one in found
    ] == [
        (portfolio_id(3), "FAILED", ""),
        (portfolio_id(2), "NEW", "0.500000000000"),
        (portfolio_id(1), "LOW_CASH", "0.200000000000"),
        (portfolio_id(4), "HIGH_CASH", "0.200000000000"),
        (portfolio_id(0), "IN_BAND", "0.000000000000"),
        (portfolio_id(5), "NEW", ""),
    ]
    refused = stored_failure(found[0].error)
    assert (refused.code, refused.info.reason) == (
        StatusCode.FAILED_PRECONDITION,
        "MARKET_VALUE_NOT_POSITIVE",
    )
    assert (found[0].market_value.value, found[0].HasField("outside_count")) == ("-5", False)
    eventually(lambda: reads_of_a_check(api, siblings, model.model_id) == PORTFOLIOS)
    assert not api.rebalances.ListRebalances(ListRebalancesRequest(), timeout=PATIENCE).rebalances


def test_both_clients_read_the_same(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    async def awaited() -> list[PortfolioDrift]:
        async with AsyncClient(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE) as client:
            return [one async for one in client.portfolios.drift(model.model_id)]

    with client_of(api) as client:
        found = list(client.portfolios.drift(model.model_id))
        assert list(client.portfolios.drift(page_size=2)) != []
        with pytest.raises(InvalidArgument, match="page_size"):
            list(client.portfolios.drift(page_size=-1))
        with pytest.raises(NotFound):
            list(client.portfolios.drift(MODEL_ID))
    assert [replace(one, error=None) for one in asyncio.run(awaited())] == [
        replace(one, error=None) for one in found
    ]
    assert isinstance(found[0].error, MarketValueNotPositive)
    security = siblings.portfolios.market.securities
    first = next(one for one in security if one.security_id == model.positions[0].security_id)
    assert found[2] == PortfolioDrift(
        portfolio_id=portfolio_id(1),
        portfolio_name="",
        model_id=model.model_id,
        model_name="Half",
        state=DriftState.LOW_CASH,
        error=None,
        market_value=Decimal(1000),
        cash_weight=Decimal("0.3"),
        drift=Decimal("0.2"),
        outside_count=1,
        worst_position=WorstPosition(
            first.security_id, first.ticker, Decimal("0.7"), Decimal("0.4"), Decimal("0.6"), Decimal("0.1")
        ),
        snapshot_time=found[0].snapshot_time,
    )


def test_drift_is_that_of_a_rebalance(api: Api, siblings: SimulatedSiblings) -> None:
    """Of portfolios of every kind, short and fractional ones among them."""
    with client_of(api) as client:
        suggested = siblings.model
        lines = [(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions]
        message = model_pb2.Model(name=suggested.name, portfolio_ids=suggested.portfolio_ids)
        for security, target, low, high in lines:
            line = message.positions.add(security_id=security)
            line.target.value, line.low_drift.value, line.high_drift.value = str(target), str(low), str(high)
        model_id = api.create(message).model_id
        told = {one.portfolio_id: one for one in client.portfolios.drift(model_id)}
        events = client.runs.stream(model_id, validate_only=True)
        rebalanced = [one.portfolio for one in events if one.portfolio]
    assert len(told) == len(rebalanced) == len(suggested.portfolio_ids)
    for one in rebalanced:
        drift = told[one.portfolio_id]
        assert (drift.portfolio_name, drift.market_value, drift.drift) == (
            one.portfolio_name,
            one.market_value,
            one.drift_before,
        )


@pytest.mark.usefixtures("model")
def test_the_command_shows_the_states_that_are_asked_for(api: Api) -> None:
    def asked(arguments: str) -> Result:
        target = f"--target=127.0.0.1:{api.port}"
        return CliRunner().invoke(main, ["portfolios", "drift", *arguments.split(), target, "--output=json"])

    every = asked("Half")
    assert every.exit_code == 0
    assert [one["portfolio_id"] for one in json.loads(every.stdout)["portfolios"]] == [
        portfolio_id(number) for number in (3, 2, 1, 4, 0, 5)
    ]
    assert "Warning: PORTFOLIO000000000000003 FAILED: The portfolio cannot be rebalanced" in every.stderr
    some = asked("--state LOW_CASH --state FAILED")
    rows = json.loads(some.stdout)["portfolios"]
    assert [
        (one["state"], one["worst_distance"], one["worst_side"], one["outside_bands"]) for one in rows
    ] == [("FAILED", None, None, None), ("LOW_CASH", "0.100000000000", "over", 1)]
    sides = [one["worst_side"] for one in json.loads(every.stdout)["portfolios"]]
    assert sides == [None, "under", "over", "under", None, None]
    assert rows[0]["error"].startswith("The portfolio cannot be rebalanced, its market value must be above 0")
    assert asked("--state WELL").exit_code == 2


def test_pages_are_sorted_each_by_itself(api: Api, model: model_pb2.Model) -> None:
    ids = [one.portfolio_id for one in checked(api, model.model_id, page_size=2)]
    assert ids == [portfolio_id(number) for number in (1, 0, 3, 2, 4, 5)]


def test_what_stops_the_check_is_told_after_what_was_read(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", status=503)])
    with client_of(api) as client, pytest.raises(SiblingUnavailable):
        list(client.portfolios.drift(model.model_id))


def test_who_leaves_ends_the_check_and_gives_its_room_back(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=1)])
    calls = [
        api.rebalances.CheckDrift(CheckDriftRequest(model_id=model.model_id), timeout=PATIENCE)
        for _ in range(MAXIMUM_RUNS)
    ]
    eventually(lambda: siblings.calls("accounting").get("summary", 0) > 0)
    for call in calls:
        call.cancel()
    eventually(lambda: len(_if_there_is_room(api, model.model_id)) == PORTFOLIOS)


def _if_there_is_room(api: Api, model_id: str) -> list[drift_pb2.PortfolioDrift]:
    try:
        return checked(api, model_id)
    except grpc.RpcError as error:
        assert "RESOURCE_EXHAUSTED" in str(error)  # noqa: PT017 - until there is room
        return []
