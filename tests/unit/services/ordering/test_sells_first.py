"""Buys wait until the sells of their portfolio are FULL, and in the books."""

import pytest

from ordergen_server.domain.orders.order_service import OrderStatus
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.submissions import PortfolioOrderState, SubmissionState
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.subjects import NOBODY
from tests.builders import RUN_ID, holdings, portfolio_id, security_id
from tests.order_service_model import REFUSED, TAKEN, Attempt
from tests.order_world import CASH, HELD, World, portfolios

SENT, NOT_SENT = OrderState.SENT, OrderState.NOT_SENT


class TestSellsFirst:
    """Buys wait until the sells of their portfolio are FULL."""

    @staticmethod
    def world(*counts: int) -> World:
        world = World(*portfolios(*counts), sells_first=True)
        world.submit()
        return world

    @staticmethod
    def wait(world: World, seconds: float = 60) -> None:
        """Let time pass."""
        until = world.clock.seconds() + seconds
        while world.clock.seconds() < until:
            wait = world.step()
            assert wait is not None
            world.clock.move(min(wait, 5.0))

    @staticmethod
    def book(world: World, number: int, cash: str = "1000100") -> None:
        """The sells of a portfolio are filled, and in the books."""
        sold = {one.security_id: one.quantity for one in world.orders if one.side is Side.SELL}
        quantities = {
            int(key[-16:]): str(HELD - (sold.get(key, 0)))
            for key in (security_id(one) for one in range(len(world.proposals[number].positions)))
        }
        world.holdings[portfolio_id(number)] = holdings(cash, quantities, portfolio=number)

    def test_buys_are_sent_once_sells_are_full_and_booked(self) -> None:
        world = self.world(4)
        self.wait(world)
        assert {one.side for one in world.orders} == {Side.SELL}
        assert world.store.portfolio_states(RUN_ID, [portfolio_id(0)]) == {
            portfolio_id(0): PortfolioOrderState.WAITING
        }
        world.service.mark_all(OrderStatus.FULL)
        self.wait(world)
        assert {one.side for one in world.orders} == {Side.SELL}  # not in the books yet
        self.book(world, 0)
        assert world.run().state is SubmissionState.COMPLETED
        assert world.states == [SENT] * 4

    def test_readings_are_bounded(self) -> None:
        world = self.world(4)
        self.wait(world, 150)
        assert world.service.readings <= 11

    @pytest.mark.parametrize("status", [OrderStatus.CNCLD, OrderStatus.CPART, OrderStatus.DEL])
    def test_buys_are_given_up_where_a_sell_will_never_be_full(self, status: OrderStatus) -> None:
        world = self.world(4)
        self.wait(world, 5)
        world.service.mark_all(status, lambda one: one.found.external_order_id == 1)
        ended = world.run()
        assert ended.state is SubmissionState.COMPLETED_WITH_ERRORS
        assert ended.counts[NOT_SENT] == 2
        assert ended.stale_portfolio_count == 0

    def test_a_refused_sell_gives_its_buys_up_and_not_those_of_others(self) -> None:
        world = World(*portfolios(4, 4), sells_first=True)
        world.submit()
        world.service.attempts.append(Attempt(fates=(REFUSED, TAKEN, TAKEN, TAKEN)))
        self.wait(world, 40)
        assert [one.side for one in world.orders if one.state is NOT_SENT] == [Side.BUY] * 2
        world.service.mark_all(OrderStatus.FULL)
        self.book(world, 1)
        ended = world.run()
        assert ended.counts[NOT_SENT] == 2
        assert ended.counts[SENT] == 5

    def test_a_cancel_gives_up_buys_that_wait(self) -> None:
        world = self.world(4)
        self.wait(world, 5)
        world.store.request_cancel(world.submission_id, NOBODY, world.clock())
        ended = world.run()
        assert ended.state is SubmissionState.CANCELLED
        assert (ended.counts[SENT], ended.counts[NOT_SENT]) == (2, 2)

    def test_buys_are_out_of_date_where_something_else_moved(self) -> None:
        world = self.world(4)
        self.wait(world, 5)
        world.service.mark_all(OrderStatus.FULL)
        self.book(world, 0)
        known = world.holdings[portfolio_id(0)]
        assert not isinstance(known, Exception)
        world.holdings[portfolio_id(0)] = holdings(
            str(CASH), {int(k[-16:]): str(v) for k, v in known.quantities.items()} | {1: "1"}
        )
        ended = world.run()
        assert (ended.stale_portfolio_count, ended.counts[NOT_SENT]) == (1, 2)

    def test_buys_are_out_of_date_where_their_sells_take_longer_than_a_proposal_holds(self) -> None:
        world = self.world(4)
        self.wait(world, 5)
        world.clock.move(24 * 3600)
        ended = world.run()
        assert (ended.counts[SENT], ended.counts[NOT_SENT], ended.stale_portfolio_count) == (2, 2, 1)

    def test_whoever_takes_over_waits_on(self) -> None:
        world = self.world(4)
        self.wait(world, 5)
        world.take_over()
        world.service.mark_all(OrderStatus.FULL)
        self.book(world, 0)
        assert world.run().state is SubmissionState.COMPLETED
