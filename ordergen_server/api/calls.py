"""What every call of the contract goes through.

    headers -> room? -> message, in time -> turn in the lane of its kind -> servicer, in a thread -> answers
                                                                          any error -> its status

All but the servicer runs on the event loop, where nothing may take long: a call that waits, for its message,
its turn, something to watch or a slow reader, holds no thread.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import partial

from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    model_service_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.protobuf.descriptor import ServiceDescriptor

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.admission.kinds import KINDS, Kind
from ordergen_server.api.admission.lanes import Lane, Place
from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages.requests import decoder
from ordergen_server.api.steps import Route, Steps, TimeLimit
from ordergen_server.api.wire.exchange import Exchange
from ordergen_server.api.wire.routes import Methods, received
from ordergen_server.domain.deadlines import Deadline

#: Those of the contract.
SERVICES: tuple[ServiceDescriptor, ...] = (
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    rebalance_service_pb2.DESCRIPTOR.services_by_name["RebalanceService"],
    reference_service_pb2.DESCRIPTOR.services_by_name["ReferenceService"],
    diagnostics_service_pb2.DESCRIPTOR.services_by_name["DiagnosticsService"],
)

#: Makes an end of a call of its batches of answers.
_End = Callable[[AsyncIterator[list[bytes]], Exchange], Awaitable[bytes | None]]

#: How long a call that has nothing to tell waits for a change that another server made: more with each look.
LOOK_AGAIN_SECONDS, LOOK_AGAIN_MAXIMUM_SECONDS = 0.25, 2.0


class Calls:
    """Serves the methods of the contract. On one event loop, but for `changed`.

    Args:
        loop: the event loop.
        lanes: room for each kind of call.
        inbox: bounds what is received and kept.
        time_limit: bounds the database operations of a thread.

    Attributes:
        methods: those that are served.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        lanes: Mapping[Kind, Lane],
        inbox: Inbox,
        limits: Limits,
        time_limit: TimeLimit,
    ) -> None:
        self._loop = loop
        self._lanes = lanes
        self.inbox = inbox
        self.limits = limits
        self._time_limit = time_limit
        self._changed = asyncio.Event()
        self._in_flight, self._ended = 0, asyncio.Event()
        self.methods = Methods()

    def add(self, service: ServiceDescriptor, servicer: object) -> None:
        """Serve every method of a service. Raises AttributeError where the servicer lacks one."""
        for method in service.methods:
            route = Route(decoder(method), getattr(servicer, method.name), KINDS[method.name])
            name = f"/{service.full_name}/{method.name}"
            if method.server_streaming:
                serve = partial(self._serve, route, self._tell, self.limits.run_seconds)
                self.methods |= Methods(streams={name: serve})
            else:
                serve = partial(self._serve, route, self._answer, self.limits.call_seconds)
                self.methods |= Methods(unary={name: serve})

    def changed(self) -> None:
        """Something was stored that calls may wait for. Any thread may say so."""
        with suppress(RuntimeError):  # the loop has ended, and every call with it
            self._loop.call_soon_threadsafe(self._look_again)

    async def all_ended(self) -> None:
        """Wait until no call is in flight."""
        while self._in_flight:
            self._ended.clear()
            await self._ended.wait()

    def shutdown(self) -> None:
        """Wait for what threads are doing. Not on the event loop, and once no call is in flight."""
        for lane in self._lanes.values():
            lane.shutdown()

    async def _serve(
        self, route: Route, end: _End, maximum_seconds: float, exchange: Exchange
    ) -> bytes | None:
        left = exchange.seconds_left
        # Before its message is read or anything made for it: under overload refusals must cost little.
        self._lanes[route.kind].check(exchange.peer, Deadline.after(min(left, maximum_seconds)))
        call = Call(left)
        self._in_flight += 1
        try:
            return await self._work(route, end, call, call.deadline(maximum_seconds), exchange)
        finally:
            call.end()
            self._in_flight -= 1
            self._ended.set()

    async def _work(
        self, route: Route, end: _End, call: Call, deadline: Deadline, exchange: Exchange
    ) -> bytes | None:
        raw = await received(exchange, self.inbox, self.limits.message_seconds)
        with self.inbox.holding(len(raw)):
            steps = Steps(route, raw, call, self._limit_of(deadline))
            del raw  # it may be of megabytes, and a stream lasts for hours
            async with self._place(route.kind, steps, exchange.peer, deadline) as place:
                try:
                    return await end(self._batches(place, steps), exchange)
                finally:
                    if not steps.over:
                        place.finish(steps.close)

    @asynccontextmanager
    async def _place(self, kind: Kind, steps: Steps, peer: str, deadline: Deadline) -> AsyncIterator[Place]:
        """A place in a lane; what watches has begun by then, in the lane for that."""
        async with self._lanes[kind].place(peer, deadline) as place:
            if kind is not Kind.WATCHING:
                yield place
                return
            async with self._lanes[Kind.CHANGING].place(peer, deadline) as beginning:
                await beginning.do(steps.begin)
            if not steps.computes:
                yield place
                return
            async with self._lanes[Kind.SOLVING].place(peer, deadline) as computing:
                yield computing

    def _limit_of(self, deadline: Deadline) -> Callable[[], AbstractContextManager[None]]:
        return lambda: self._time_limit(deadline.remaining_seconds("the call began"))

    @staticmethod
    async def _answer(batches: AsyncIterator[list[bytes]], _: Exchange) -> bytes:
        return (await anext(batches))[0]

    @staticmethod
    async def _tell(batches: AsyncIterator[list[bytes]], exchange: Exchange) -> None:
        async for batch in batches:
            for answer in batch:
                await exchange.write(answer)

    async def _batches(self, place: Place, steps: Steps) -> AsyncIterator[list[bytes]]:
        pause_seconds = LOOK_AGAIN_SECONDS
        changed = self._changed
        while (batch := await place.do(steps.next)) is not None:
            if batch:
                yield batch
                pause_seconds = LOOK_AGAIN_SECONDS
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_seconds):
                        await changed.wait()
                pause_seconds = min(2 * pause_seconds, LOOK_AGAIN_MAXIMUM_SECONDS)
            changed = self._changed

    def _look_again(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
