"""Every method that is served, by its name. Each reads its message itself, when it is time.

A threaded server of gRPC gives a call its thread when the headers come, and lets it wait there for the
message: a client that sends none holds a thread for as long as it likes. Here a call is served as one that
streams its requests, which is the same on the wire, by a coroutine that costs next to nothing while it waits.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.statuses import Context, abort
from ordergen_server.domain.errors import DeadlineExceeded, Unsupported
from ordergen_server.domain.violations import broken

#: Serves one call; a unary one answers its bytes, and a stream writes them.
Serve = Callable[[Context], Awaitable[bytes | None]]


class Routes(grpc.GenericRpcHandler):
    """All methods; any other is UNIMPLEMENTED.

    Args:
        unary: by full name (`/package.Service/Method`), those with one answer.
        streams: those that stream their answers.
    """

    def __init__(self, unary: Mapping[str, Serve], streams: Mapping[str, Serve]) -> None:
        self._handlers: dict[str, Any] = {
            **{name: _handler(serve, streams=False) for name, serve in unary.items()},
            **{name: _handler(serve, streams=True) for name, serve in streams.items()},
        }
        self._unknown = _handler(_refuse, streams=False)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - gRPC's types are for its threaded servers
        """The handler of a call."""
        return self._handlers.get(handler_call_details.method, self._unknown)


async def received(context: Context, inbox: Inbox, seconds: float) -> bytes:
    """The message of a call.

    Raises:
        DeadlineExceeded: it did not come in so many seconds, or in the caller's time.
        ResourceExhausted: as `Inbox.receiving` has it.
        InvalidArgument: the caller has sent all, and no message.
    """
    left: float | None = context.time_remaining()  # None where the caller waits for ever
    limit = min(seconds, math.inf if left is None else left)
    try:
        async with asyncio.timeout(limit), inbox.receiving(context.peer()) as connection:
            raw: object = await context.read()
            connection.pay(len(raw) if isinstance(raw, bytes) else 0)
    except TimeoutError:
        raise DeadlineExceeded(
            f"The call's message did not come within {limit:.1f} s: send it with the headers.",
            metadata={"step": "the message came"},
        ) from None
    if not isinstance(raw, bytes):
        raise broken("request", "must be sent: the call had no message")
    return raw


def _handler(serve: Serve, *, streams: bool) -> object:
    async def call(_requests: object, context: Context) -> bytes | None:
        return await serve(context)

    behaviour: Any = call  # a coroutine, which the types of threaded servers do not know
    make = grpc.stream_stream_rpc_method_handler if streams else grpc.stream_unary_rpc_method_handler
    return make(behaviour)


async def _refuse(context: Context) -> None:
    await abort(
        context,
        Unsupported(
            "This server does not have this method: ask one of a newer release.", metadata={"feature": "rpc"}
        ),
    )
