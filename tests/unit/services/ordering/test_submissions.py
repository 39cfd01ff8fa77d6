"""Submissions are carried out by threads: begun, taken over, let go, and always ended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ordergen_server.domain.errors import InternalError
from ordergen_server.domain.orders.order_store import SubmissionOrder
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.orders.submissions import OrderSubmission, SubmissionState
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.services.ordering.delivery import Pace
from ordergen_server.services.ordering.observer import UNOBSERVED
from ordergen_server.services.ordering.submissions import Deliveries, Submissions
from tests.builders import NOW
from tests.memory_orders import MemoryOrders
from tests.order_service_model import LOST_BEFORE, Attempt
from tests.order_world import NO_DATABASE, World, portfolios
from tests.waiting import eventually

PACE = Pace(settle=0.01, retry=0.01, most=0.05)


@contextmanager
def held(world: World) -> Iterator[Submissions]:
    """A server that carries submissions of a world out, on the real clock where it waits."""
    deliveries = Deliveries(
        store=world.store,
        runs=world.runs,
        service=world.service,
        looks=world.looks,
        rule=ApprovalRule(0),
        pace=PACE,
        lease_seconds=60,
        changed=lambda: None,
        observer=UNOBSERVED,
    )
    submissions = Submissions(deliveries, tend_seconds=0.05, close_seconds=10)
    submissions.start()
    try:
        yield submissions
    finally:
        submissions.close()


def begin(world: World, submissions: Submissions) -> OrderSubmission:
    counts = {one.portfolio_id: len(one.transactions) for one in world.proposals}
    new = OrderSubmission(world.store.new_id(), world.run_id, SubmissionState.RUNNING, NOW, 0, 0)
    new = replace(new, sells_first=world.sells_first)
    begun = submissions.begin(SubmissionOrder(new), counts, None, named=False)
    world.submission_id = begun.submission_id
    return begun


def ended(world: World) -> OrderSubmission:
    eventually(lambda: world.submission.state is not SubmissionState.RUNNING)
    return world.submission


def test_a_submission_goes_on_by_itself_to_its_end() -> None:
    world = World(*portfolios(40, 40))
    with held(world) as submissions:
        begin(world, submissions)
        assert ended(world).state is SubmissionState.COMPLETED
    assert len(world.service.sent) == 2


def test_a_submission_that_is_let_go_is_another_s_at_once() -> None:
    world = World(*portfolios(40, 40))
    world.service.attempts.append(Attempt(fates=(LOST_BEFORE,)))
    with held(world) as first:
        begin(world, first)
        eventually(lambda: len(world.service.sent) >= 1)
    assert world.submission.state is SubmissionState.RUNNING
    with held(world):
        started = time.monotonic()
        while time.monotonic() < started + 30 and world.submission.state is SubmissionState.RUNNING:
            world.clock.move(0.01)
            time.sleep(0.01)
        assert ended(world).state is SubmissionState.COMPLETED
    assert all(len(world.service.of(one)) == 1 for one in world.orders)


def test_a_cancel_is_heard_while_nothing_is_due() -> None:
    world = World(*portfolios(4), sells_first=True)
    with held(world) as submissions:
        begun = begin(world, submissions)
        eventually(lambda: world.submission.counts.get(OrderState.SENT) == 2)
        submissions.cancel(begun.submission_id, NOBODY, NOW)
        assert ended(world).state is SubmissionState.CANCELLED


def test_a_bug_ends_a_submission_and_says_what_is_in_doubt(caplog: pytest.LogCaptureFixture) -> None:
    """What was sent may be there, and is said to be in doubt; what was not is not sent."""
    world = World(*portfolios(40, 40, 40))
    world.service.attempts.extend([Attempt(), Attempt(fates=())])  # a fate for no order: a bug of the service
    with held(world) as submissions:
        begin(world, submissions)
        end = ended(world)
    assert (end.state, type(end.error)) == (SubmissionState.FAILED, InternalError)
    counts = {state: count for state, count in end.counts.items() if count}
    assert counts == {OrderState.SENT: 40, OrderState.IN_DOUBT: 40, OrderState.NOT_SENT: 40}
    assert "ended by an internal error" in caplog.text


def test_whoever_cannot_begin_to_carry_on_leaves_it_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is away as a server looks who began the run: it keeps nothing of what it does not hold."""
    world = World(*portfolios(1))
    world.submit()
    world.clock.move(world.lease_seconds)
    store = world.store
    assert isinstance(store, MemoryOrders)
    down = [NO_DATABASE]
    known = world.runs.get

    def get(rebalance_id: str) -> Rebalance:
        if down:
            raise down.pop()
        return known(rebalance_id)

    monkeypatch.setattr(world.runs, "get", get)
    with held(world):
        eventually(lambda: len(store.left) == 1)
        world.clock.move(60)
        assert ended(world).state is SubmissionState.COMPLETED
    assert len(store.left) == 2


def test_the_end_is_told_with_what_is_stored() -> None:
    world = World(*portfolios(1))
    with held(world) as submissions:
        begun = begin(world, submissions)
        end = ended(world)
    assert replace(end, state=begun.state, counts={}, finish_time=None, version=1, sequence=1) == begun
