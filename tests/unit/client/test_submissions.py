"""The handles of submissions: whatever cuts a connection, the last state of every order comes."""

import asyncio
import random
from collections.abc import Iterator

import pytest
from globeco.ordergen.v1 import order_pb2 as pb

from ordergen_client import (
    AsyncClient,
    Client,
    NotFound,
    Order,
    OrderState,
    SubmissionEvent,
    SubmissionState,
    Unavailable,
)
from tests.cutting import CuttingProxy
from tests.limits import PATIENCE
from tests.unit.client.order_desk import RUN, SENDING, SUBMISSION, OrderDesk, order, serving, submission

CUTS = 50
ORDERS = 600


def long_submission() -> list[pb.WatchOrderSubmissionResponse]:
    """Each order is seen on its way and where it ended; some are in doubt between."""
    events = [SENDING[0]]
    for number in range(ORDERS):
        states = [pb.ORDER_STATE_SENDING, pb.ORDER_STATE_SENT]
        states[1:1] = [pb.ORDER_STATE_IN_DOUBT] * (number % 3 == 0)
        for state in states:
            told = order("P", f"{number:04d}", state, external_order_id=number)
            events.append(pb.WatchOrderSubmissionResponse(sequence=3 * len(events), order=told))
    ended = submission(pb.ORDER_SUBMISSION_STATE_COMPLETED, order_count=ORDERS, sent_count=ORDERS)
    events.append(pb.WatchOrderSubmissionResponse(sequence=3 * len(events), finished=ended))
    return events


@pytest.fixture
def desk() -> OrderDesk:
    return OrderDesk()


@pytest.fixture
def target(desk: OrderDesk) -> Iterator[str]:
    with serving(desk) as target:
        yield target


@pytest.fixture
def proxy(target: str) -> Iterator[CuttingProxy]:
    with CuttingProxy(int(target.rpartition(":")[2])) as running:
        yield running


def cuts() -> list[int]:
    """Events until each cut of a stream: mostly a few, and now and then none."""
    chance = random.Random(7)  # noqa: S311 - the same ones every time
    return [chance.choice([0, 1, 10, 25]) for _ in range(CUTS)]


#: Bytes of answers until each cut of a connection.
SIZES = [20, 900, 3_000, 20]


def check(events: list[SubmissionEvent], expected: list[pb.WatchOrderSubmissionResponse]) -> None:
    """Fail unless they are those of the submission, each once, in their order."""
    assert [one.sequence for one in events] == [one.sequence for one in expected]
    last = {one.order.order_id: one.order.state for one in events if one.order}
    assert set(last.values()) == {OrderState.SENT}
    assert len(last) == ORDERS
    ended = events[-1].finished
    assert ended
    assert ended.state is SubmissionState.COMPLETED


def test_fifty_cuts_lose_no_state(desk: OrderDesk, proxy: CuttingProxy) -> None:
    desk.events = long_submission()
    with Client(proxy.target, timeout_seconds=PATIENCE, reconnect_seconds=PATIENCE) as client:
        sent = client.runs.attach(RUN).submit()
        desk.cuts = cuts()
        check(list(sent.events()), desk.events)
        assert desk.cuts == []
        proxy.cut_after(SIZES)
        assert len(list(sent)) == len(desk.events) - 2
        assert proxy.cuts == len(SIZES)
        assert sent.wait().counts[OrderState.SENT] == ORDERS


def test_fifty_cuts_lose_no_state_of_coroutines(desk: OrderDesk, proxy: CuttingProxy) -> None:
    desk.events = long_submission()

    async def follow() -> list[SubmissionEvent]:
        async with AsyncClient(proxy.target, timeout_seconds=PATIENCE, reconnect_seconds=PATIENCE) as client:
            sent = await client.runs.attach(RUN).submit()
            desk.cuts = cuts()
            events = [event async for event in sent.events()]
            assert desk.cuts == []
            proxy.cut_after(SIZES)
            assert len([one async for one in sent]) == len(desk.events) - 2
            assert proxy.cuts == len(SIZES)
            assert (await sent.wait()).counts[OrderState.SENT] == ORDERS
            return events

    check(asyncio.run(follow()), desk.events)


def test_a_handle_is_attached_to_and_asks_nothing_by_itself(desk: OrderDesk, target: str) -> None:
    with Client(target, timeout_seconds=PATIENCE) as client:
        sent = client.submissions.attach(SUBMISSION)
        assert (sent.started, repr(sent)) == (None, f"Submission('{SUBMISSION}')")
        assert desk.asked == []
        assert sent.read() == client.submissions.get(SUBMISSION) == sent.wait()
        assert list(client.submissions.watch(SUBMISSION, 11)) == list(sent.events())[-1:]
        assert sent.cancel().state is SubmissionState.CANCELLED
        with pytest.raises(NotFound):
            client.submissions.get("f" * 24)


def test_a_handle_is_attached_to_by_coroutines(target: str) -> None:
    async def follow() -> None:
        async with AsyncClient(target, timeout_seconds=PATIENCE) as client:
            sent = client.submissions.attach(SUBMISSION)
            assert (sent.started, repr(sent)) == (None, f"AsyncSubmission('{SUBMISSION}')")
            assert await sent.read() == await client.submissions.get(SUBMISSION) == await sent.wait()
            assert [one async for one in client.submissions.watch(SUBMISSION, 12)] == []
            assert (await sent.cancel()).state is SubmissionState.CANCELLED

    asyncio.run(follow())


def test_one_that_failed_raises_its_error(desk: OrderDesk, target: str) -> None:
    ended = submission(pb.ORDER_SUBMISSION_STATE_FAILED)
    ended.error.code, ended.error.message = 14, "The order service is down."
    desk.events = [*SENDING[:-1], pb.WatchOrderSubmissionResponse(sequence=12, finished=ended)]
    told: list[Order] = []
    with Client(target, timeout_seconds=PATIENCE) as client:
        sent = client.runs.submit(RUN)
        with pytest.raises(Unavailable, match="The order service is down"):
            told.extend(sent)
        with pytest.raises(Unavailable, match="The order service is down"):
            sent.wait()

    async def follow() -> None:
        async with AsyncClient(target, timeout_seconds=PATIENCE) as client:
            sent = await client.runs.submit(RUN)
            with pytest.raises(Unavailable, match="The order service is down"):
                assert [one async for one in sent]
            with pytest.raises(Unavailable, match="The order service is down"):
                await sent.wait()

    asyncio.run(follow())


def test_both_clients_read_the_same_of_a_run(target: str) -> None:
    async def read() -> list[object]:
        async with AsyncClient(target, timeout_seconds=PATIENCE, actor="ann") as client:
            run = client.runs.attach(RUN)
            actions = [one async for one in run.history()]
            assert actions == [one async for one in client.runs.history(RUN)]
            filled = await run.allocate("A" * 24, "BUY", 1000)
            return [actions, await run.blocks(), filled, await run.reconcile(), await run.approve()]

    with Client(target, timeout_seconds=PATIENCE, actor="ann") as client:
        run = client.runs.attach(RUN)
        found = [
            list(run.history()),
            run.blocks(),
            run.allocate("A" * 24, "BUY", 1000),
            run.reconcile(),
            run.reject(["P" * 24]),
        ]
    assert found == asyncio.run(read())
