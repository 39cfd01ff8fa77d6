"""A submission is carried out: written down, sent once, doubted, looked for, and never sent on a guess."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import (
    ApprovalMissing,
    BadData,
    SiblingUnavailable,
    StaleProposal,
)
from ordergen_server.domain.orders.order_service import OrderStatus, nothing
from ordergen_server.domain.orders.orders import OrderState, time_of
from ordergen_server.domain.orders.reconciling import DifferenceType, reconciled
from ordergen_server.domain.orders.reviews import Review
from ordergen_server.domain.orders.submissions import PortfolioOrderState, SubmissionState
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.rebalances.options import MinimumCash
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.services.ordering.delivery import Pace
from tests.builders import RUN_ID, TODAY, holdings, portfolio_id, security_id, snapshot
from tests.memory_orders import MemoryOrders
from tests.order_world import (
    CASH,
    DOWN,
    HELD,
    LEASE_SECONDS,
    LOST_AFTER,
    LOST_BEFORE,
    NO_DATABASE,
    REFUSED,
    SETTLE,
    TAKEN,
    Attempt,
    Crash,
    Fate,
    World,
    portfolios,
)

SENT, IN_DOUBT, NOT_SENT = OrderState.SENT, OrderState.IN_DOUBT, OrderState.NOT_SENT


def states(world: World) -> list[OrderState]:
    return [one.state for one in world.orders]


def test_every_order_is_sent_once_in_batches_of_whole_portfolios() -> None:
    world = World(*portfolios(30, 15, 10, 50, 1))
    world.submit()
    ended = world.run()
    assert ended.state is SubmissionState.COMPLETED
    assert ended.counts == {OrderState.SENDING: 0, SENT: 106}
    assert [len(orders) for _, orders in world.service.sent] == [45, 10, 50, 1]
    assert len({mark for mark, _ in world.service.sent}) == 4
    assert all(len(world.service.of(one)) == 1 for one in world.orders)
    assert {one.attempt_count for one in world.orders} == {1}


def test_a_portfolio_with_more_orders_than_a_batch_takes_several() -> None:
    world = World(*portfolios(120))
    world.submit()
    assert world.run().state is SubmissionState.COMPLETED
    assert [len(orders) for _, orders in world.service.sent] == [50, 50, 20]


def test_what_is_refused_is_told_and_not_sent_again() -> None:
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts.append(Attempt(fates=(TAKEN, REFUSED)))
    ended = world.run()
    assert ended.state is SubmissionState.COMPLETED_WITH_ERRORS
    assert sorted(one.value for one in states(world)) == ["REFUSED", "SENT"]
    assert world.store.portfolio_states(RUN_ID, [portfolio_id(0)]) == {
        portfolio_id(0): PortfolioOrderState.REFUSED
    }
    assert len(world.service.sent) == 1


@pytest.mark.parametrize("fate", [LOST_BEFORE, LOST_AFTER, Fate(SETTLE - 1, "DOUBT")])
def test_what_is_in_doubt_is_looked_for_and_there_exactly_once_in_the_end(fate: Fate) -> None:
    world = World(*portfolios(3))
    world.submit()
    world.service.attempts.append(Attempt(fates=(fate,)))
    world.step()
    assert states(world) == [IN_DOUBT] * 3
    assert world.run().state is SubmissionState.COMPLETED
    assert [len(world.service.of(one)) for one in world.orders] == [1] * 3
    attempts = 2 if fate is LOST_BEFORE else 1
    assert {one.attempt_count for one in world.orders} == {attempts}


def test_only_what_is_missing_is_sent_again_with_the_same_mark_and_after_the_settle_time() -> None:
    world = World(*portfolios(4))
    world.submit()
    world.service.attempts.append(Attempt(fates=(LOST_AFTER, LOST_BEFORE)))
    began = world.clock()
    assert world.run().state is SubmissionState.COMPLETED
    (first, _), (second, again) = world.service.sent
    assert (first, len(again)) == (second, 2)
    assert world.clock() - began >= timedelta(seconds=SETTLE)
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_what_was_certainly_not_sent_is_sent_later_and_is_never_in_doubt() -> None:
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts.extend([Attempt(raises=DOWN)] * 5)
    seen = set()
    while (wait := world.step()) is not None:
        seen.update(states(world))
        world.clock.move(wait)
    assert seen == {OrderState.SENDING, SENT}
    assert {one.attempt_count for one in world.orders} == {1}
    assert world.service.readings == 0


def test_doubts_do_not_keep_other_portfolios_waiting() -> None:
    world = World(*portfolios(40, 40))
    world.submit()
    world.service.attempts.append(Attempt(fates=(LOST_BEFORE,)))
    while len(world.service.sent) < 2:
        wait = world.step()
        assert wait is not None
        world.clock.move(wait)
    assert world.clock.seconds() < SETTLE
    assert world.run().state is SubmissionState.COMPLETED


def test_a_commit_after_the_settle_time_is_a_duplicate_and_nothing_here_can_tell() -> None:
    """The hole that only the order service could close; reconciliation shows it."""
    world = World(*portfolios(1))
    world.submit()
    world.service.attempts.append(Attempt(fates=(Fate(SETTLE + 10, "DOUBT"),)))
    assert world.run().state is SubmissionState.COMPLETED
    (order,) = world.orders
    assert len(world.service.of(order)) == 2
    world.clock.move(SETTLE)
    found = {order.mark: world.service.with_timestamp(time_of(order.mark))}
    (difference,) = reconciled(world.orders, found).differences
    assert (difference.type, len(difference.found)) == (DifferenceType.DUPLICATE, 2)


def test_what_nobody_can_tell_stays_in_doubt_is_told_and_is_settled_where_people_clear_it_up() -> None:
    world = World(*portfolios(1))
    world.submit()
    world.service.attempts.append(Attempt(fates=(LOST_AFTER,)))
    world.step()
    mark, (sent,) = world.service.sent[0]
    other = world.service.place(sent, mark, 0, ours=False)
    for _ in range(20):
        world.clock.move(world.step() or 0.0)
    (order,) = world.orders
    assert order.state is IN_DOUBT
    assert isinstance(order.error, BadData)
    assert order.error.metadata["external_order_ids"] == "1, 2"
    assert len(world.service.sent) == 1
    world.service.mark_all(
        OrderStatus.DEL, lambda one: one.found.external_order_id == other.external_order_id
    )
    assert world.run().state is SubmissionState.COMPLETED
    assert world.orders[0].external_order_id == 1


def test_a_mark_that_another_batch_has_is_not_taken() -> None:
    world = World(*portfolios(50, 50))
    world.submit()
    assert world.run().state is SubmissionState.COMPLETED
    marks = [mark for mark, _ in world.service.sent]
    assert marks[1] == marks[0] + timedelta(microseconds=1)  # the clock stands still


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("number", range(8))
def test_a_server_that_dies_at_any_write_loses_and_doubles_nothing(number: int, stored: bool) -> None:
    world = World(*portfolios(3, 60))
    world.submit()
    world.service.attempts.append(Attempt(fates=(TAKEN, LOST_AFTER, LOST_BEFORE)))
    world.fail_write(number, Crash(), stored=stored)
    assert world.run().state is SubmissionState.COMPLETED
    assert len(world.orders) == 63
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_a_server_that_dies_with_the_answer_leaves_doubt_and_no_duplicate() -> None:
    world = World(*portfolios(5))
    world.submit()
    world.service.attempts.append(Attempt(fates=(TAKEN, LOST_BEFORE), dies=True))
    world.step()
    assert world.run().state is SubmissionState.COMPLETED
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_whoever_has_lost_the_lease_writes_nothing_any_more() -> None:
    world = World(*portfolios(1))
    world.submit()
    frozen = world.delivery
    assert frozen
    world.take_over()
    with pytest.raises(LeaseLost):
        frozen.step()
    assert world.run().state is SubmissionState.COMPLETED


def test_whoever_stood_still_for_a_lease_after_writing_down_does_not_send() -> None:
    """By then another may have seen that nothing is there."""
    world = World(*portfolios(1))
    world.submit()
    frozen = world.delivery
    assert frozen
    freezes = [True]

    def freeze(_: object) -> None:
        if freezes.pop() if freezes else False:
            world.take_over()
            world.run()

    world.store.after = freeze
    with pytest.raises(LeaseLost):
        frozen.step()
    assert world.submission.state is SubmissionState.COMPLETED
    assert [len(world.service.of(one)) for one in world.orders] == [1]
    assert len(world.service.sent) == 1


def test_whoever_stood_still_for_a_lease_while_it_connected_does_not_send() -> None:
    world = World(*portfolios(1))
    world.submit()
    frozen = world.delivery
    assert frozen

    def freeze() -> None:
        world.service.connecting = nothing
        world.take_over()
        world.run()

    world.service.connecting = freeze
    with pytest.raises(LeaseLost):
        frozen.step()
    assert world.submission.state is SubmissionState.COMPLETED
    assert len(world.service.sent) == 1


def test_a_cancel_sends_nothing_more_and_settles_what_is_in_doubt() -> None:
    world = World(*portfolios(40, 40, 40))
    world.submit()
    world.service.attempts.append(Attempt(fates=(LOST_AFTER, LOST_BEFORE)))
    world.step()
    world.store.request_cancel(world.submission_id, NOBODY, world.clock())
    ended = world.run()
    assert ended.state is SubmissionState.CANCELLED
    assert ended.counts == {OrderState.SENDING: 0, IN_DOUBT: 0, SENT: 20, NOT_SENT: 100}
    assert len(world.service.sent) == 1


def test_an_approval_that_is_withdrawn_keeps_its_portfolio_from_being_sent() -> None:
    world = World(*portfolios(40, 40), approvals=1)
    store = world.store
    assert isinstance(store, MemoryOrders)
    for number in range(2):
        store.reviews[RUN_ID, portfolio_id(number)] = Review(("someone",))
    world.submit()
    world.step()
    store.reviews[RUN_ID, portfolio_id(1)] = Review(("someone",), ("another",))
    ended = world.run()
    assert ended.state is SubmissionState.COMPLETED_WITH_ERRORS
    assert ended.counts[NOT_SENT] == 40
    errors = {type(one.error) for one in world.orders if one.state is NOT_SENT}
    assert errors == {ApprovalMissing}
    assert store.read_reviews == {(RUN_ID, portfolio_id(0)): 1}


def test_a_portfolio_that_is_out_of_date_is_not_sent_and_the_others_are() -> None:
    world = World(*portfolios(2, 2))
    world.holdings[portfolio_id(0)] = holdings(str(CASH), {0: "7", 1: str(HELD)})
    world.submit()
    ended = world.run()
    assert ended.state is SubmissionState.COMPLETED_WITH_ERRORS
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    stale = world.store.portfolios(RUN_ID, [portfolio_id(0)])[0]
    assert stale.state is PortfolioOrderState.STALE
    assert isinstance(stale.stale, StaleProposal)
    assert [one.kind for one in stale.stale.violations] == ["QUANTITY_MOVED"]


def test_a_portfolio_that_is_not_to_be_traded_any_more_is_out_of_date() -> None:
    world = World(*portfolios(2, 2))
    world.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.")))
    world.settings.put(portfolio_id(1), SettingsContent(DoNotTrade("It was.", TODAY - timedelta(days=1))))
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    [stale] = world.store.portfolios(RUN_ID, [portfolio_id(0)])
    assert stale.stale
    assert [one.kind for one in stale.stale.violations] == ["DO_NOT_TRADE"]
    assert stale.stale.message.endswith("which its settings say it is not: Closed.. Rebalance it again.")


def test_the_cash_that_settings_kept_is_kept_at_the_last_look() -> None:
    """Each buys a share more than it sells, at 10: its settings of then would have to leave it 20 by now."""
    first, second = portfolios(2, 2)
    world = World(replace(first, settings_floor=MinimumCash(CASH - 10)), second)
    world.market.answer = snapshot({0: "20", 1: "20"})
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    [stale] = world.store.portfolios(RUN_ID, [portfolio_id(0)])
    assert stale.stale
    assert [one.kind for one in stale.stale.violations] == ["CASH_FLOOR"]


def test_a_run_that_is_too_old_is_out_of_date() -> None:
    world = World(*portfolios(2))
    world.clock.move(24 * 3600 + 1)
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT]) == (1, 2)
    assert not world.service.sent


def test_a_last_look_that_cannot_be_taken_waits() -> None:
    world = World(*portfolios(1))
    known = world.holdings[portfolio_id(0)]
    world.holdings[portfolio_id(0)] = SiblingUnavailable("accounting is down")
    world.submit()
    for _ in range(5):
        wait = world.step()
        assert wait is not None
        world.clock.move(wait)
    assert not world.orders
    world.holdings[portfolio_id(0)] = known
    assert world.run().state is SubmissionState.COMPLETED


def test_what_could_not_be_sent_is_looked_at_again_before_it_is() -> None:
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts.append(Attempt(raises=DOWN))
    world.step()
    world.holdings[portfolio_id(0)] = holdings("1", {0: str(HELD), 1: str(HELD)})
    ended = world.run()
    assert (ended.stale_portfolio_count, states(world)) == (1, [NOT_SENT] * 2)
    assert not world.service.sent


def test_a_database_that_fails_is_as_good_as_a_server_that_dies() -> None:
    world = World(*portfolios(3))
    world.submit()
    world.fail_write(1, NO_DATABASE, stored=True)
    assert world.run().state is SubmissionState.COMPLETED
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_a_submission_that_cannot_go_on_ends_and_says_what_is_in_doubt() -> None:
    world = World(*portfolios(40, 40))
    world.submit()
    world.service.attempts.append(Attempt(fates=(LOST_AFTER, TAKEN)))
    world.step()
    assert world.delivery
    world.delivery.give_up(DOWN)
    ended = world.submission
    assert (ended.state, ended.error) == (SubmissionState.FAILED, DOWN)
    assert {one: count for one, count in ended.counts.items() if count} == {
        IN_DOUBT: 20,
        SENT: 20,
        NOT_SENT: 40,
    }


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
        assert states(world) == [SENT] * 4

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


def test_a_lease_is_shorter_than_what_is_waited_for() -> None:
    """The tests above mean what they say only then."""
    assert LEASE_SECONDS < SETTLE


@pytest.mark.parametrize("taken_over", [False, True])
def test_what_is_sent_again_beside_an_ambiguous_order_is_looked_for_anew(*, taken_over: bool) -> None:
    """The readings before an attempt say nothing of it, whatever else of its batch stays in doubt."""
    world = World(*portfolios(2), pace=Pace(settle=3 * SETTLE))
    world.submit()
    late = Attempt(fates=(Fate(3 * SETTLE - 1, "DOUBT"),))
    world.service.attempts += [Attempt(fates=(LOST_AFTER, LOST_BEFORE)), late]
    world.step()
    mark, (first, _) = world.service.sent[0]
    world.service.place(first, mark, 0, ours=False)
    while world.service.attempts:
        world.clock.move(world.step() or 0.0)
    if taken_over:
        world.take_over()
    for _ in range(20):
        world.clock.move(world.step() or 0.0)
    assert [len(world.service.of(one)) for one in world.orders] == [1, 1]


def test_an_order_that_fails_each_time_has_been_in_doubt_since_the_first() -> None:
    """It is sent again and again, so each doubt is short; who watches must see that it does not end."""
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts += [Attempt(fates=(LOST_BEFORE, TAKEN)), *[Attempt(fates=(LOST_BEFORE,))] * 9]
    world.step()
    since = world.store.in_doubt_since()
    while world.service.attempts:
        assert world.store.in_doubt_since() == since
        world.clock.move(world.step() or 0.0)
    assert world.run().state is SubmissionState.COMPLETED
    assert world.store.in_doubt_since() is None
