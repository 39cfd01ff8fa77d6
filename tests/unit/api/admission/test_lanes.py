"""A lane lets in whom it can answer in time, has as many worked on as it can, and refuses the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from threading import Event, get_ident
from typing import TypeVar

import pytest

from ordergen_server.api.admission.lanes import RETRY_AFTER_SECONDS, Lane
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded, ResourceExhausted
from tests.limits import PATIENCE

Answer = TypeVar("Answer")
MARK: ContextVar[str] = ContextVar("MARK", default="")


def lane(*, workers: int = 1, room: int = 4) -> Lane:
    return Lane("tested", workers=workers, room=room, threads=workers)


def run(body: Callable[[], Awaitable[Answer]]) -> Answer:
    async def main() -> Answer:
        return await body()

    return asyncio.run(main())


async def worked(
    one: Lane, work: Callable[[], Answer], peer: str = "peer", seconds: float = PATIENCE
) -> Answer:
    async with one.place(peer, Deadline.after(seconds)) as place:
        return await place.do(work)


async def begun(event: Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.001)


def test_work_is_done_by_a_thread_in_the_context_of_its_caller() -> None:
    async def body() -> tuple[str, bool]:
        MARK.set("mine")
        return await worked(lane(), lambda: (MARK.get(), get_ident() != here))

    here = get_ident()
    assert run(body) == ("mine", True)


def test_more_than_there_is_room_for_are_refused_and_told_when_to_come_back() -> None:
    async def body() -> ResourceExhausted:
        one, started, release = lane(workers=1, room=2), Event(), Event()

        def block() -> None:
            started.set()
            release.wait(PATIENCE)

        first = asyncio.create_task(worked(one, block, "a"))
        await begun(started)
        second = asyncio.create_task(worked(one, lambda: None, "b"))
        await asyncio.sleep(0)
        with pytest.raises(ResourceExhausted) as raised:
            await worked(one, lambda: None, "c")
        release.set()
        await asyncio.gather(first, second)
        await worked(one, lambda: None, "c")
        return raised.value

    refused = run(body)
    assert (refused.metadata, refused.retry_after_seconds) == ({"kind": "tested"}, RETRY_AFTER_SECONDS)


def test_one_peer_leaves_room_for_others() -> None:
    async def body() -> None:
        one, started, release = lane(workers=1, room=4), Event(), Event()

        def block() -> None:
            started.set()
            release.wait(PATIENCE)

        greedy = [asyncio.create_task(worked(one, block, "greedy")) for _ in range(3)]
        await begun(started)
        with pytest.raises(ResourceExhausted, match="of one peer"):
            await worked(one, lambda: None, "greedy")
        other = asyncio.create_task(worked(one, lambda: None, "other"))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(other, *greedy)

    run(body)


def test_who_cannot_be_answered_in_time_is_refused_at_once() -> None:
    """The lane has learnt that a call takes long, and one is ahead."""

    async def body() -> None:
        one, started, release = lane(), Event(), Event()

        def block() -> None:
            started.set()
            release.wait(PATIENCE)

        slow = asyncio.create_task(worked(one, lambda: release.wait(0.2)))
        await slow
        current = asyncio.create_task(worked(one, block))
        await begun(started)
        with pytest.raises(ResourceExhausted, match="before the deadline"):
            await worked(one, lambda: None, seconds=0.01)
        release.set()
        await current

    run(body)


def test_who_need_not_wait_is_let_in_however_long_calls_took() -> None:
    """Else a lane that was slow once would refuse everybody for ever."""

    async def body() -> str:
        one = lane()
        await worked(one, lambda: Event().wait(0.3))
        return await worked(one, lambda: "in", seconds=PATIENCE)

    assert run(body) == "in"


def test_a_turn_that_does_not_come_in_time() -> None:
    async def body() -> None:
        one, started, release = lane(), Event(), Event()

        def block() -> None:
            started.set()
            release.wait(PATIENCE)

        current = asyncio.create_task(worked(one, block))
        await begun(started)
        with pytest.raises(DeadlineExceeded, match="before the call had its turn"):
            await worked(one, lambda: None, seconds=0.05)
        release.set()
        await current
        assert await worked(one, lambda: "free again") == "free again"

    run(body)


def test_a_call_that_was_cancelled_keeps_its_place_until_its_thread_is_free() -> None:
    async def body() -> list[str]:
        one, started, release, seen = lane(), Event(), Event(), list[str]()

        def block() -> None:
            started.set()
            release.wait(PATIENCE)
            seen.append("first")

        first = asyncio.create_task(worked(one, block))
        await begun(started)
        first.cancel()
        second = asyncio.create_task(worked(one, lambda: seen.append("second")))
        await asyncio.sleep(0.02)
        release.set()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        return seen

    assert run(body) == ["first", "second"]
