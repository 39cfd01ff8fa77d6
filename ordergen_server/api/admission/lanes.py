"""A lane has room for calls of one kind: so many are worked on at once, and others wait for their turn.

Who cannot be answered in time is refused at once instead of late (https://sre.google/sre-book/handling-overload):
by Little's law the calls ahead take `ahead * seconds / workers`, where a call takes `seconds` on average.

Everything here runs on one event loop; only the work itself is done by threads.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from contextvars import copy_context
from typing import Any, NoReturn, TypeVar

from ordergen_server.api.admission.turns import FairTurns
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded, ResourceExhausted

Answer = TypeVar("Answer")

#: How much of the average is what the last call took.
NEWEST_WEIGHT = 0.1
#: Of the room of a lane, for one peer.
PEER_SHARE = 0.75
#: Of the time that a call has, for its wait and its work as they are on average: half of all take longer.
TIME_SHARE = 0.5
#: When to come back, at least.
RETRY_AFTER_SECONDS = 1.0


class Place:
    """The right of one call to work, from its turn until it leaves and its last work is over."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self.began = time.monotonic()
        self.last: Future[Any] | None = None

    async def do(self, work: Callable[[], Answer]) -> Answer:
        """Let a thread do it, in the context of the caller. Raises whatever `work` does."""
        self.last = future = self._threads.submit(copy_context().run, work)
        return await asyncio.wrap_future(future)

    def finish(self, work: Callable[[], object]) -> None:
        """Let a thread do a last thing, which nobody waits for."""
        self.last = self._threads.submit(copy_context().run, work)


class Lane:
    """Room for calls of one kind.

    Args:
        name: of the kind.
        workers: calls worked on at once.
        room: calls worked on or waiting at once; one peer has three quarters of it at the most.
        threads: threads that do the work; as many as workers where each call holds one to its end.
    """

    def __init__(self, name: str, *, workers: int, room: int, threads: int) -> None:
        self.name = name
        self._workers = workers
        self._room = room
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._turns = FairTurns(workers)
        self._inside: Counter[str] = Counter()
        self._seconds = 0.0

    @asynccontextmanager
    async def place(self, peer: str, deadline: Deadline) -> AsyncIterator[Place]:
        """A block for one call of a peer, once it has its turn.

        Raises:
            ResourceExhausted: there is no room, or the turn would come too late.
            DeadlineExceeded: the turn did not come in time.
        """
        self.check(peer, deadline)
        self._inside[peer] += 1
        with ExitStack() as unless_in:
            unless_in.callback(self._uncount, peer)
            await self._turn(peer, deadline)
            unless_in.pop_all()
        place = Place(self._threads)
        try:
            yield place
        finally:
            self._leave(peer, place)

    def shutdown(self) -> None:
        """Wait for what is being done. Not on the event loop."""
        self._threads.shutdown()

    def check(self, peer: str, deadline: Deadline) -> None:
        """Whether a call of a peer would be let in now.

        Raises:
            ResourceExhausted: there is no room, or its turn would come too late.
            DeadlineExceeded: its time is over.
        """
        ahead = self._turns.ahead_of(peer)
        wait_seconds = ahead * self._seconds / self._workers
        if self._inside.total() >= self._room:
            self._refuse("Too many calls in flight", wait_seconds)
        if self._inside[peer] >= math.ceil(self._room * PEER_SHARE):
            self._refuse("Too many calls of one peer in flight", wait_seconds)
        left = deadline.remaining_seconds("the call began")
        # Whoever need not wait is let in however long calls take: else nothing would be measured any more.
        if ahead and wait_seconds + self._seconds > TIME_SHARE * left:
            self._refuse("Too many calls wait to be answered before the deadline", wait_seconds)

    def _refuse(self, why: str, wait_seconds: float) -> NoReturn:
        raise ResourceExhausted(
            f"{why}: try again in a moment.",
            metadata={"kind": self.name},
            # In whole seconds: of the refusals of a second few are different, and each is packed once.
            retry_after_seconds=max(RETRY_AFTER_SECONDS, math.ceil(wait_seconds)),
        )

    async def _turn(self, peer: str, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout(deadline.remaining_seconds("the call began")):
                await self._turns.take(peer)
        except TimeoutError:
            raise DeadlineExceeded(
                "The deadline passed before the call had its turn: give it more time, or try again later.",
                metadata={"step": "the call began"},
            ) from None

    def _leave(self, peer: str, place: Place) -> None:
        """Give the place back, once a thread that nobody waits for any more is free again."""
        loop = asyncio.get_running_loop()
        if place.last and not place.last.done():
            place.last.add_done_callback(lambda _: loop.call_soon_threadsafe(self._free, peer, place))
        else:
            self._free(peer, place)

    def _free(self, peer: str, place: Place) -> None:
        self._seconds += NEWEST_WEIGHT * (time.monotonic() - place.began - self._seconds)
        self._uncount(peer)
        self._turns.give()

    def _uncount(self, peer: str) -> None:
        self._inside[peer] -= 1
        if not self._inside[peer]:
            del self._inside[peer]
