"""gRPC's server for asyncio, but for how it takes calls in: that needs parts of gRPC that are private."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined] # the stubs leave it out

from ordergen_server.api.wire.routes import UNKNOWN

#: Calls of one method that are taken in before the loop has heard of the first of them.
TAKEN_IN_AT_ONCE = 16


class Core(cygrpc.AioServer):  # type: ignore[misc] # of a module without types
    """Serves methods by their names, and all others as `UNKNOWN`.

    gRPC's own reads the name of a method that it does not know as UTF-8, and a name that is none ends its
    loop: one call of anybody shuts the port for good. Here nobody reads that name.

    gRPC's own also takes in one call of a method at a time, and looks at all methods for each. Beside threads
    that work, calls wait there for a second before anybody can refuse them, and gRPC drops what is too much.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: object, handlers: Mapping[str, object]
    ) -> None:
        super().__init__(loop, None, (), None, options, None)
        self.add_registered_method_handlers(dict(handlers))
        self._event_loop = loop
        self._resolver = cygrpc._MethodResolver([], dict(handlers))  # noqa: SLF001 - there is no other way in
        self._tasks: set[asyncio.Task[None]] = set()

    def _make_request_call_future(self, method: bytes | None) -> "asyncio.Future[Any]":
        """What gRPC waits for in place of the next call: it ends when no more come, as that would."""
        if method is None:  # calls of unknown methods, with their names
            return self._event_loop.create_future()
        return asyncio.gather(*(self._take_in(method.decode()) for _ in range(TAKEN_IN_AT_ONCE)))

    async def _take_in(self, method: str) -> None:
        """Serve one call of a method after the other. Raises what gRPC raises once the server stops."""
        name = method.encode()
        while True:
            call = await (self._request_call() if method == UNKNOWN else self._request_registered_call(name))
            self._begin(method, call)

    def _begin(self, method: str, call: object) -> None:
        loop = self._event_loop
        handled = cygrpc._handle_rpc(method, self._resolver, (), call, loop, False)  # noqa: SLF001 - likewise
        scheduled = cygrpc._schedule_rpc_coro(_without_frames(handled), call, loop, method)  # noqa: SLF001 - likewise
        task = loop.create_task(scheduled)
        self._tasks.add(task)  # a loop knows its tasks by weak references alone
        task.add_done_callback(self._tasks.discard)


async def _without_frames(handled: Coroutine[Any, Any, None]) -> None:
    """What is awaited; the error by which it ends a call is raised without its frames.

    gRPC keeps that error with the call, which the frames know: they, and all that they hold, would stay until
    garbage is collected.
    """
    try:
        await handled
    except grpc.aio.AbortError as error:
        raise error.with_traceback(None) from None
