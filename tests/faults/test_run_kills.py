"""Runs survive servers and databases that are killed again and again, and servers that are told to stop."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.faults.killing import KILLED_AT, PORTFOLIOS, check, world_of


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=4, securities=20) as running:
        yield running


def test_servers_killed_in_turn_lose_nothing_of_a_run(siblings: SimulatedSiblings, tmp_path: Path) -> None:
    """Whoever holds the run is killed each time; another takes it over and goes on."""
    with world_of(siblings, tmp_path, servers=2) as world:
        run, portfolio_ids = world.begin()
        holders = {world.holder()}
        for enough in KILLED_AT:
            world.wait_until_done(run, portfolio_ids, enough)
            killed = world.holder()
            for server in range(2):  # either may hold the run: both are killed, one after the other
                world.replace(server)
            holders.add(world.wait_for_another_holder(killed))
        check(world, world.servers[0].api, run, portfolio_ids)
    assert len(holders) == 1 + len(KILLED_AT)


def test_a_server_alone_takes_its_own_run_over_after_a_restart(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, servers=1) as world:
        run, portfolio_ids = world.begin()
        for enough in KILLED_AT:
            world.wait_until_done(run, portfolio_ids, enough)
            killed = world.holder()
            world.replace(0)
            world.wait_for_another_holder(killed)
        check(world, world.servers[0].api, run, portfolio_ids)


def test_a_database_killed_again_and_again_loses_nothing_of_a_run(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, servers=1) as world:
        run, portfolio_ids = world.begin()
        for enough in KILLED_AT:
            world.wait_until_done(run, portfolio_ids, enough)
            world.kill_database()
        check(world, world.servers[0].api, run, portfolio_ids)


def test_a_server_told_to_stop_hands_its_runs_over(siblings: SimulatedSiblings, tmp_path: Path) -> None:
    """One that was started, and one whose stream is cut off: neither is cancelled."""
    with world_of(siblings, tmp_path, servers=2) as world:
        model_id, portfolio_ids = world.create()
        stream = world.servers[0].api.rebalance_all(model_id)
        rebalance_id = next(stream).started.rebalance_id
        world.hold_back(portfolio_ids[1:])
        next(stream)
        assert world.servers[0].stop() == 0
        with pytest.raises(grpc.RpcError) as raised:
            list(stream)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert world.done(rebalance_id) < PORTFOLIOS
        check(world, world.servers[1].api, rebalance_id, portfolio_ids)
