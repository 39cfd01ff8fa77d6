"""Servers that stand still amid a submission, and go on when another has long taken it over."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.faults.durable_orders import DurableOrders, durable_orders
from tests.faults.killing import world_of
from tests.faults.test_order_kills import PORTFOLIOS, POSITIONS, SECURITIES, SETTINGS, check, submitted
from tests.limits import sized
from tests.waiting import eventually

PAUSES = sized(2, 12)


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS, securities=SECURITIES) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[DurableOrders]:
    with durable_orders(tmp_path, PORTFOLIOS, POSITIONS, SECURITIES) as running:
        yield running


def test_a_server_that_stood_still_sends_nothing_that_another_has_sent(
    siblings: SimulatedSiblings, service: DurableOrders, tmp_path: Path
) -> None:
    """Each stops in turn, until more orders have come by the other; then it goes on where it was."""
    with world_of(siblings, tmp_path, servers=2, ORDERGEN_ORDER_URL=service.url, **SETTINGS) as world:
        begun = submitted(world)
        for number in range(PAUSES):
            enough = begun.order_count * (number + 1) // (PAUSES + 2)
            eventually(lambda: len(service.orders) >= enough)  # noqa: B023 - it is asked at once
            pid = world.servers[number % 2].process.pid
            os.kill(pid, signal.SIGSTOP)
            try:
                there = len(service.orders)
                eventually(lambda: len(service.orders) > there + 60)  # noqa: B023 - likewise
            finally:
                os.kill(pid, signal.SIGCONT)
        check(world.servers[0].api, service, begun)
