"""Settings, flows and frozen positions of a run outlive the server that began it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from globeco.ordergen.v1 import rebalance_pb2 as pb
from globeco.ordergen.v1 import rebalance_service_pb2 as calls
from google.protobuf.message import Message
from google.type import decimal_pb2

from ordergen_client import Client, DoNotTrade
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.runs import start, watched
from tests.faults.killing import KILLED_AT, PORTFOLIOS, world_of
from tests.limits import PATIENCE

MOVED, LATE = DoNotTrade("It is being moved."), DoNotTrade("Too late for this run.")
FREEZE = pb.RebalanceOptions(unpriced=pb.UNPRICED_FREEZE)


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=4, securities=20) as running:
        yield running


def plain(told: list[calls.RebalanceModelResponse]) -> dict[str, Message]:
    """What became of each portfolio, without what is of one run alone."""
    found: dict[str, Message] = {}
    for one in told[1:-1]:
        copy = pb.PortfolioRebalance.FromString(one.portfolio.SerializeToString())
        for name in ("rebalance_id", "snapshot_time"):
            copy.ClearField(name)
        copy.solution.ClearField("solve_duration")
        found[copy.portfolio_id] = copy
    return found


def make_settings(client: Client, portfolio_ids: list[str], security_id: str) -> None:
    for place, portfolio_id in enumerate(portfolio_ids):
        match place % 5:
            case 0:
                client.portfolios.settings.update(portfolio_id, 0, minimum_cash_weight="0.08")
            case 1:
                client.portfolios.settings.update(portfolio_id, 0, do_not_trade=MOVED)
            case 2:
                client.portfolios.settings.update(portfolio_id, 0, restrictions={security_id: "HOLD"})


def change_settings(client: Client, portfolio_ids: list[str]) -> None:
    """None of them is as it was when the run began."""
    for place, portfolio_id in enumerate(portfolio_ids):
        match place % 5:
            case 0 | 1:
                client.portfolios.settings.delete(portfolio_id, 1)
            case 2:
                client.portfolios.settings.update(portfolio_id, 1, do_not_trade=LATE)
            case _:
                client.portfolios.settings.update(portfolio_id, 0, maximum_turnover_weight=0)


def flows(portfolio_ids: list[str]) -> Mapping[str, str]:
    return {one: ("-5000.25", "7500")[place % 2] for place, one in enumerate(portfolio_ids) if place % 3 == 0}


def test_who_takes_a_run_over_goes_on_with_what_it_began_with(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """A run in one piece before has the same answers; settings and prices change after that."""
    unpriced, restricted = (one.security_id for one in siblings.model.positions[:2])
    siblings.override_price(unpriced, None)
    with world_of(siblings, tmp_path, servers=2) as world:
        api = world.servers[0].api
        model_id, ids = world.create()
        siblings.set_faults("accounting", [])
        cash_flows = [
            calls.CashFlow(portfolio_id=one, amount=decimal_pb2.Decimal(value=amount))
            for one, amount in flows(ids).items()
        ]
        request = calls.RebalanceModelRequest(
            model_id=model_id, options=FREEZE, cash_flows=cash_flows, validate_only=True
        )
        with Client(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE) as client:
            make_settings(client, ids, restricted)
            expected = plain(list(api.rebalances.RebalanceModel(request, timeout=PATIENCE)))
            world.hold_back(ids)
            run = start(api, model_id, options=FREEZE, cash_flows=cash_flows).rebalance_id
            world.wait_until_done(run, ids, KILLED_AT[0])
            change_settings(client, ids)
        siblings.override_price(unpriced, Decimal(10))
        killed = world.holder()
        for server in range(2):
            world.replace(server)
        world.wait_for_another_holder(killed)
        siblings.clear()
        found = plain(watched(world.servers[0].api, run))
    assert found == expected
    states = [one.state for one in found.values() if isinstance(one, pb.PortfolioRebalance)]
    assert states.count(pb.PORTFOLIO_REBALANCE_STATE_SKIPPED) == PORTFOLIOS // 5
    assert states.count(pb.PORTFOLIO_REBALANCE_STATE_REBALANCED) > PORTFOLIOS / 3
