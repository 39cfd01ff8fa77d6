"""Every method that is served, by its name, and how a call begins and ends. Each reads its message itself.

A threaded server of gRPC gives a call its thread when the headers come, and lets it wait there for the
message: a client that sends none holds a thread for as long as it likes. Here a call is served as one that
streams its requests, which is the same on the wire, by a coroutine that costs next to nothing while it waits.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.telemetry.calls import CallTelemetry
from ordergen_server.api.wire.exchange import Context, Exchange, Serve
from ordergen_server.api.wire.statuses import abort, as_domain_error, code_of
from ordergen_server.domain.errors import DeadlineExceeded, ResourceExhausted, Unsupported
from ordergen_server.domain.requests.violations import broken


@dataclass(frozen=True, slots=True)
class Methods:
    """Methods by their full names (`/package.Service/Method`).

    Attributes:
        unary: those with one answer.
        streams: those that stream their answers.
    """

    unary: Mapping[str, Serve] = field(default_factory=dict)
    streams: Mapping[str, Serve] = field(default_factory=dict)

    def __or__(self, others: "Methods") -> "Methods":
        """These and others."""
        return Methods({**self.unary, **others.unary}, {**self.streams, **others.streams})


#: In the place of the name of every method that is not served, which need not be text. No caller can know it.
UNKNOWN = f"/other/{os.urandom(16).hex()}"


class Routes:
    """Serves methods; any other is UNIMPLEMENTED. Whatever a method raises becomes the status of its call.

    Args:
        methods: those that are served.
        telemetry: notes each of their calls, and those that nobody serves.
        unnoted: methods that are called again and again, and are not noted.

    Attributes:
        handlers: of gRPC, by the names of methods; that of `UNKNOWN` answers calls of all others.
    """

    def __init__(
        self, methods: Methods, *, telemetry: CallTelemetry | None = None, unnoted: Methods | None = None
    ) -> None:
        self.handlers = _handlers(methods, telemetry) | _handlers(unnoted or Methods(), None)
        self.handlers[UNKNOWN] = _handler(UNKNOWN, _refuse, telemetry, streams=False)


async def received(exchange: Exchange, inbox: Inbox, seconds: float) -> bytes:
    """The message of a call.

    Raises:
        DeadlineExceeded, ResourceExhausted: as `asked` has it.
        InvalidArgument: the caller has sent all, and no message.
    """
    raw = await asked(exchange, inbox, seconds)
    if raw is None:
        raise broken("request", "must be sent: the call had no message")
    return raw


async def asked(exchange: Exchange, inbox: Inbox, seconds: float) -> bytes | None:
    """The next message of a call; None where the caller has sent all.

    Raises:
        DeadlineExceeded: it did not come in so many seconds, or in the caller's time.
        ResourceExhausted: as `Inbox.receiving` has it.
    """
    left = exchange.seconds_left
    try:
        async with asyncio.timeout(min(seconds, left)), inbox.receiving(exchange.connection) as connection:
            raw = await exchange.read()
            connection.pay(len(raw or b""))
    except TimeoutError:
        said = f"The call's message did not come within {seconds:.1f} s: send it with the headers."
        if left < seconds:
            said = "The deadline passed before the message came: give the call more time."
        raise DeadlineExceeded(said, metadata={"step": "the message came"}) from None
    return raw


def _handlers(methods: Methods, telemetry: CallTelemetry | None) -> dict[str, object]:
    return {
        name: _handler(name, serve, telemetry, streams=streams)
        for served, streams in ((methods.unary, False), (methods.streams, True))
        for name, serve in served.items()
    }


def _handler(name: str, serve: Serve, telemetry: CallTelemetry | None, *, streams: bool) -> object:
    bounded = partial(_bounded, serve)
    call = partial(_observed, telemetry, name, bounded) if telemetry else partial(_ended, bounded)

    async def behave(_requests: object, context: Context) -> bytes | None:
        return await call(context)

    behaviour: Any = behave  # a coroutine, which the types of threaded servers do not know
    make = grpc.stream_stream_rpc_method_handler if streams else grpc.stream_unary_rpc_method_handler
    return make(behaviour)


async def _bounded(serve: Serve, exchange: Exchange) -> bytes | None:
    exchange.check_headers()
    return await serve(exchange)


async def _ended(serve: Serve, context: Context) -> bytes | None:
    try:
        return await serve(Exchange(context))
    except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
        failure = as_domain_error(error).with_traceback(None)
    return await abort(context, failure)


async def _observed(telemetry: CallTelemetry, name: str, serve: Serve, context: Context) -> bytes | None:
    exchange = Exchange(context)
    call = telemetry.begin(name, exchange.headers, exchange.connection)
    exchange.when_identified = call.identified
    context.set_trailing_metadata(call.trailers)
    try:
        answer = await serve(exchange)
    except asyncio.CancelledError:
        call.end(grpc.StatusCode.CANCELLED, None, exchange.received_bytes, exchange.sent_bytes)
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
        # gRPC and the error would keep each other, and all frames between, until the next collection: the
        # error without its frames, and the request in a frame that has ended, are no burden.
        failure = as_domain_error(error, call.correlation_id).with_traceback(None)
    else:
        sent = exchange.sent_bytes + len(answer or b"")
        call.end(grpc.StatusCode.OK, None, exchange.received_bytes, sent)
        return answer
    if isinstance(failure, ResourceExhausted):
        call.refused(failure.metadata["kind"])
    call.end(code_of(failure), failure, exchange.received_bytes, exchange.sent_bytes)
    return await abort(context, failure)


async def _refuse(_: Exchange) -> None:
    raise Unsupported(
        "This server does not have this method: ask one of a newer release.", metadata={"feature": "rpc"}
    )
