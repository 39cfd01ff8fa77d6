"""A submission is carried out: written down, sent once, never sent on a guess, whoever dies in between."""

from datetime import timedelta

import pytest

from ordergen_server.domain.errors import ApprovalMissing
from ordergen_server.domain.orders.order_service import nothing
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.reviews import Review
from ordergen_server.domain.orders.submissions import PortfolioOrderState, SubmissionState
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.domain.subjects import NOBODY
from tests.builders import RUN_ID, portfolio_id
from tests.memory_orders import MemoryOrders
from tests.order_service_model import DOWN, LOST_AFTER, LOST_BEFORE, REFUSED, TAKEN, Attempt, Crash
from tests.order_world import LEASE_SECONDS, NO_DATABASE, SETTLE, World, portfolios

SENT, IN_DOUBT, NOT_SENT = OrderState.SENT, OrderState.IN_DOUBT, OrderState.NOT_SENT


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
    assert sorted(one.value for one in world.states) == ["REFUSED", "SENT"]
    assert world.store.portfolio_states(RUN_ID, [portfolio_id(0)]) == {
        portfolio_id(0): PortfolioOrderState.REFUSED
    }
    assert len(world.service.sent) == 1


def test_what_was_certainly_not_sent_is_sent_later_and_is_never_in_doubt() -> None:
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts.extend([Attempt(raises=DOWN)] * 5)
    seen = set()
    while (wait := world.step()) is not None:
        seen.update(world.states)
        world.clock.move(wait)
    assert seen == {OrderState.SENDING, SENT}
    assert {one.attempt_count for one in world.orders} == {1}
    assert world.service.readings == 0


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


def test_a_database_that_fails_is_as_good_as_a_server_that_dies() -> None:
    world = World(*portfolios(3))
    world.submit()
    world.fail_write(1, NO_DATABASE, stored=True)
    assert world.run().state is SubmissionState.COMPLETED
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_a_lease_is_shorter_than_what_is_waited_for() -> None:
    """The tests above mean what they say only then."""
    assert LEASE_SECONDS < SETTLE
