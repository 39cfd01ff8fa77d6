"""What is in doubt is looked for, and sent again where two readings agree that it is not there."""

from datetime import timedelta

import pytest

from ordergen_server.domain.errors import BadData
from ordergen_server.domain.orders.order_service import OrderStatus
from ordergen_server.domain.orders.orders import OrderState, time_of
from ordergen_server.domain.orders.reconciling import DifferenceType, reconciled
from ordergen_server.domain.orders.submissions import SubmissionState
from ordergen_server.services.ordering.delivery import Pace
from tests.order_service_model import DOWN, LOST_AFTER, LOST_BEFORE, TAKEN, Attempt, Fate
from tests.order_world import SETTLE, World, portfolios

SENT, IN_DOUBT, NOT_SENT = OrderState.SENT, OrderState.IN_DOUBT, OrderState.NOT_SENT


@pytest.mark.parametrize("fate", [LOST_BEFORE, LOST_AFTER, Fate(SETTLE - 1, "DOUBT")])
def test_what_is_in_doubt_is_looked_for_and_there_exactly_once_in_the_end(fate: Fate) -> None:
    world = World(*portfolios(3))
    world.submit()
    world.service.attempts.append(Attempt(fates=(fate,)))
    world.step()
    assert world.states == [IN_DOUBT] * 3
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
