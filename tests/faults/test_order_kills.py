"""Submissions survive servers, databases and order services that are killed again and again."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from globeco.ordergen.v1 import order_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e import orders
from tests.e2e.api import Api
from tests.e2e.reviews import Person
from tests.faults.durable_orders import DurableOrders, durable_orders
from tests.faults.killing import World, world_of
from tests.limits import sized
from tests.waiting import eventually

pb = order_pb2
PORTFOLIOS, POSITIONS, SECURITIES = sized(60, 130), 4, 20
#: So often something is killed, spread over a submission.
KILLS = sized(2, 20)
SETTINGS = {
    "ORDERGEN_APPROVALS": "0",
    "ORDERGEN_ORDER_SETTLE_SECONDS": "2",
    "ORDERGEN_LEASE_SECONDS": "1.5",
}


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS, securities=SECURITIES) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[DurableOrders]:
    with durable_orders(tmp_path, PORTFOLIOS, POSITIONS, SECURITIES) as running:
        yield running


def submitted(world: World) -> pb.OrderSubmission:
    """A submission of a run's orders, some 500 in the long form, which has just begun."""
    ann = Person(world.servers[0].api, "ann")
    model_id, _ = world.create()
    world.siblings.clear()
    run = ann.run(model_id)
    begun = orders.submit(ann, run.rebalance_id)
    assert begun.order_count > 3 * PORTFOLIOS
    return begun


def check(api: Api, service: DurableOrders, begun: pb.OrderSubmission) -> None:
    """It ends with every order in the order service, once, under the id that is told."""
    ended = orders.ended(api, begun.submission_id)
    assert ended.state == pb.ORDER_SUBMISSION_STATE_COMPLETED
    assert ended.sent_count == begun.order_count
    told = orders.listed(api, begun.rebalance_id)
    assert service.keys == Counter(map(orders.key_of, told))
    assert {one.external_order_id for one in told} == {one.order_id for one in service.orders}
    assert orders.reconcile(api, begun.rebalance_id).difference_count == 0


def kill_between(service: DurableOrders, begun: pb.OrderSubmission, kill: Callable[[int], object]) -> None:
    """Kill something each time that so many more orders have come."""
    for number in range(KILLS):
        enough = begun.order_count * (number + 1) // (KILLS + 2)
        eventually(lambda: len(service.orders) >= enough)  # noqa: B023 - it is asked at once
        kill(number)


def test_servers_killed_in_turn_send_nothing_twice_and_lose_nothing(
    siblings: SimulatedSiblings, service: DurableOrders, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, servers=2, ORDERGEN_ORDER_URL=service.url, **SETTINGS) as world:
        begun = submitted(world)
        kill_between(service, begun, lambda number: world.replace(number % 2))
        check(world.servers[0].api, service, begun)


def test_an_order_service_killed_amid_lists_is_sent_nothing_twice(
    siblings: SimulatedSiblings, service: DurableOrders, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, servers=1, ORDERGEN_ORDER_URL=service.url, **SETTINGS) as world:
        begun = submitted(world)
        kill_between(service, begun, lambda _: service.kill())
        assert service.kills == KILLS
        check(world.servers[0].api, service, begun)


def test_a_database_killed_again_and_again_loses_nothing_of_a_submission(
    siblings: SimulatedSiblings, service: DurableOrders, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, servers=2, ORDERGEN_ORDER_URL=service.url, **SETTINGS) as world:
        begun = submitted(world)
        kill_between(service, begun, lambda _: world.kill_database())
        check(world.servers[1].api, service, begun)


def test_all_of_them_killed_in_turn_and_several_submissions_at_once(
    siblings: SimulatedSiblings, service: DurableOrders, tmp_path: Path
) -> None:
    """Two servers on one database share the work; each run's portfolios are two submissions."""
    with world_of(siblings, tmp_path, servers=2, ORDERGEN_ORDER_URL=service.url, **SETTINGS) as world:
        ann = Person(world.servers[0].api, "ann")
        model_id, portfolio_ids = world.create()
        siblings.clear()
        run = ann.run(model_id)
        trading = sorted(
            one for one in portfolio_ids if ann.api.portfolio(run.rebalance_id, one).transactions
        )
        half = len(trading) // 2
        first = orders.submit(ann, run.rebalance_id, trading[:half])
        second = orders.submit(Person(world.servers[1].api, "bob"), run.rebalance_id)
        both = pb.OrderSubmission(order_count=first.order_count + second.order_count)
        kills: list[Callable[[], object]] = [lambda: world.replace(0), service.kill, world.kill_database]
        kill_between(service, both, lambda number: kills[number % 3]())
        api = world.servers[1].api
        for one in (first, second):
            assert orders.ended(api, one.submission_id).state == pb.ORDER_SUBMISSION_STATE_COMPLETED
        told = orders.listed(api, run.rebalance_id)
        assert len(told) == both.order_count
        assert service.keys == Counter(map(orders.key_of, told))
