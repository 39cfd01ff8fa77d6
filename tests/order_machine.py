"""A machine that carries submissions out while everything fails around them, and what must hold.

It is a model of nothing but of what is promised: each order is in the order service once, or it is said not
to be; and what is said is true, whenever anybody looks.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ordergen_server.domain.errors import DatabaseUnavailable, SiblingUnavailable
from ordergen_server.domain.orders.order_service import OPEN_STATUSES, OrderStatus
from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.submissions import PortfolioOrderState, SubmissionState
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.domain.subjects import NOBODY
from tests.builders import RUN_ID, holdings
from tests.order_service_model import DOWN, LOST_AFTER, LOST_BEFORE, REFUSED, TAKEN, Attempt, Crash, Fate
from tests.order_world import HELD, NO_DATABASE, World, portfolios

if TYPE_CHECKING:
    from ordergen_server.services.ordering.delivery import Delivery

SENT, REFUSED_STATE, NOT_SENT = OrderState.SENT, OrderState.REFUSED, OrderState.NOT_SENT
#: Orders of portfolios: some fit together, one takes several batches.
COUNTS = st.lists(st.sampled_from([1, 2, 5, 20, 49, 50, 51, 101]), min_size=1, max_size=4)
READS = st.lists(st.sampled_from([None, None, DOWN, Crash()]), max_size=3)


def attempts(late: float) -> st.SearchStrategy[Attempt]:
    """What may become of a call, whatever is slow being there before `late` seconds are over."""
    fates = st.sampled_from([TAKEN, TAKEN, REFUSED, LOST_BEFORE, LOST_AFTER, Fate(late, "DOUBT")])
    return st.one_of(
        st.builds(Attempt, fates=st.lists(fates, min_size=1, max_size=7), dies=st.booleans()),
        st.sampled_from([Attempt(raises=DOWN), Attempt(raises=Crash())]),
    )


class OrderMachine(RuleBasedStateMachine):
    """What whoever makes worlds for it says: the world, and how late a commit may come."""

    make_world: Callable[..., World]
    late: float
    #: Seconds that pass at most while nothing is done.
    longest: float

    def __init__(self) -> None:
        super().__init__()
        self.zombies: list[Delivery] = []
        self.injected = False
        self.booked: set[str] = set()

    @initialize(counts=COUNTS, sells_first=st.booleans())
    def submit(self, counts: list[int], sells_first: bool) -> None:
        self.world = self.make_world(*portfolios(*counts), sells_first=sells_first)
        self.world.submit()

    @rule(data=st.data())
    def fail_calls(self, data: st.DataObject) -> None:
        """The calls that come next meet this."""
        self.world.service.attempts.append(data.draw(attempts(self.late)))

    @rule(reads=READS)
    def fail_reads(self, reads: list[BaseException | None]) -> None:
        self.world.service.reads.extend(reads)

    @rule(
        number=st.integers(0, 4),
        error=st.sampled_from([Crash(), NO_DATABASE]),
        stored=st.booleans(),
    )
    def fail_a_write(self, number: int, error: BaseException, stored: bool) -> None:
        self.world.fail_write(number, error, stored=stored)

    @rule(steps=st.integers(1, 6))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.world.step()

    @rule(share=st.floats(0, 1))
    def wait(self, share: float) -> None:
        self.world.clock.move(share * self.longest)

    @precondition(lambda self: self.world.delivery is not None)
    @rule()
    def lose_the_server(self) -> None:
        """It does not hear of it: it comes back later, and believes that the submission is its own."""
        assert self.world.delivery
        self.zombies.append(self.world.delivery)
        self.world.take_over()

    @precondition(lambda self: self.zombies)
    @rule()
    def a_lost_server_comes_back(self) -> None:
        try:
            self.zombies.pop().step()
        except (LeaseLost, Crash, DatabaseUnavailable):
            pass
        else:
            raise AssertionError("it has lost the submission, and does something")

    @rule()
    def cancel(self) -> None:
        self.world.store.request_cancel(self.world.submission_id, NOBODY, self.world.clock())

    @precondition(lambda self: self.world.service.placed and not self.injected)
    @rule(data=st.data())
    def others_send_the_same(self, data: st.DataObject) -> None:
        """A proxy repeats a call of ours, say: nobody can tell which order is which."""
        self.injected = True
        mark, orders = data.draw(st.sampled_from(self.world.service.sent))
        self.world.service.place(data.draw(st.sampled_from(orders)), mark, 0, ours=False)

    @precondition(lambda self: self.world.sells_first)
    @rule()
    def sells_are_filled(self) -> None:
        self.fill()

    @rule(
        status=st.sampled_from([OrderStatus.WORK, OrderStatus.PART, OrderStatus.CPART]), number=st.integers(0)
    )
    def an_order_has_another_status(self, status: OrderStatus, number: int) -> None:
        placed = self.world.service.placed
        if placed:
            one = placed[number % len(placed)]
            self.world.service.mark_all(
                status, lambda other: other is one and other.found.status is OrderStatus.NEW
            )

    @rule(number=st.integers(0))
    def accounting_is_down(self, number: int) -> None:
        portfolio = self.world.proposals[number % len(self.world.proposals)]
        self.world.holdings[portfolio.portfolio_id] = SiblingUnavailable("accounting is down")

    @rule()
    def accounting_is_back(self) -> None:
        self.book()

    @invariant()
    def nothing_of_ours_is_there_twice(self) -> None:
        for order in self.world.orders:
            assert len(self.world.service.of(order)) <= 1

    @invariant()
    def what_is_said_is_true(self) -> None:
        attempting = {
            one.batch_id for one in self.world.store.open_batches(self.world.submission_id) if one.attempting
        }
        for order in self.world.orders:
            there = self.world.service.of(order)
            if order.state is SENT:
                assert order.external_order_id in {
                    one.external_order_id for one in self.world.service.of(order, ours=False)
                }
            elif order.state in (REFUSED_STATE, NOT_SENT) or not (
                order.state is OrderState.IN_DOUBT or order.batch_id in attempting
            ):
                assert not there
            if order.state is NOT_SENT:
                assert order.error

    @invariant()
    def everything_is_counted(self) -> None:
        submission = self.world.submission
        states = [one.state for one in self.world.orders]
        counts = {one: count for one, count in submission.counts.items() if count}
        assert counts == {one: states.count(one) for one in set(states)}

    def teardown(self) -> None:
        """Once nothing fails any more it ends, with every order where it is said to be."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.service.attempts.clear()
        world.service.reads.clear()
        world.store.before = world.store.after = lambda _: None
        self.book()
        self.settle(world)
        ended = world.submission
        assert ended.state is not SubmissionState.RUNNING
        orders = world.orders
        assert len(orders) == ended.order_count
        assert {one.state for one in orders} <= {SENT, REFUSED_STATE, NOT_SENT}
        self.check_orders(orders)
        whole = all(one.state is SENT for one in orders)
        assert (ended.state is SubmissionState.COMPLETED) == whole
        states = world.store.portfolio_states(RUN_ID, [one.portfolio_id for one in world.proposals])
        assert PortfolioOrderState.WAITING not in states.values()

    def settle(self, world: World) -> None:
        """Go on to the end, whatever is waited for being done."""
        for _ in range(3000):
            wait = world.step()
            if world.delivery is None:
                return
            if wait:
                self.clear_up()
                self.fill()
                world.clock.move(wait)
        raise AssertionError(f"it does not end: {world.submission}")

    def clear_up(self) -> None:
        """People cancel in the order service what others have sent."""
        self.world.service.mark_all(OrderStatus.DEL, lambda one: not one.ours)

    def fill(self) -> None:
        self.world.service.mark_all(
            OrderStatus.FULL, lambda one: one.ours and one.found.status in OPEN_STATUSES
        )
        self.book()

    def book(self) -> None:
        """Accounting has what was filled of the sells that buys wait for."""
        filled = {
            (one.found.portfolio_id, one.found.security_id): one.found
            for one in self.world.service.placed
            if one.ours and one.found.side is Side.SELL and one.found.status is OrderStatus.FULL
        }
        for proposal in self.world.proposals:
            quantities = {}
            for line in proposal.positions:
                sold = filled.get((proposal.portfolio_id, line.security.security_id))
                gone = int(sold.quantity) if sold and self.world.sells_first else 0
                quantities[int(line.security.security_id[-16:])] = str(HELD - gone)
            number = int(proposal.portfolio_id[-15:])
            self.world.holdings[proposal.portfolio_id] = holdings(
                str(proposal.cash_before), quantities, portfolio=number
            )

    def check_orders(self, orders: list[Order]) -> None:
        for order in orders:
            ours, all_ = (len(self.world.service.of(order, ours=one)) for one in (True, False))
            # What others sent under our mark, alike in everything, is the order where ours never came.
            assert all_ >= 1 if order.state is SENT else ours == 0
            assert ours == (order.state is SENT) or all_ > ours
