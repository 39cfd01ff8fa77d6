"""Faults over real HTTP: what a client on the other side of the socket meets."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from aiohttp import web

from ordergen_server.sandbox.services.http_orders import overloaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ordergen_server.sandbox.services.faults import Fault

__all__ = ["play"]

_GARBAGE = '{"portfolioId": <html><body>upstream error</body>'


async def play(
    fault: Fault, request: web.Request, answer: Callable[[web.Request], Awaitable[web.Response]]
) -> web.StreamResponse:
    """Play a fault that ends the call; ``answer`` makes the true answer."""
    match fault.kind:
        case "status" | "overload" | "body" | "garbage":
            return _instead(fault)
        case "truncate" | "stall":
            return await _half(fault, request, await answer(request))
        case "lose" | "reset":
            if fault.kind == "lose":
                await answer(request)
            return await _reset(request)
        case _:
            return await _hang()


def _instead(fault: Fault) -> web.Response:
    """What is answered instead of the truth."""
    match fault.kind:
        case "status":
            return _response(fault, fault.status or 503, fault.body or '{"error": "simulated fault"}')
        case "overload":
            return _response(fault, 500, overloaded().decode())
        case "body":
            return _response(fault, fault.status or 200, fault.body)
        case _:
            return web.Response(text=_GARBAGE, content_type="application/json")


def _response(fault: Fault, status: int, body: str) -> web.Response:
    seconds = fault.retry_after_seconds
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


async def _hang() -> web.Response:
    """Wait for what never comes; the server cancels us when the client goes away or it ends itself."""
    await asyncio.Event().wait()
    raise AssertionError  # pragma: no cover - nobody sets the event


async def _reset(request: web.Request) -> web.Response:
    """Close the connection so that the client meets a reset and not an orderly end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return await _hang()


async def _half(fault: Fault, request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Announce the whole answer, send half, then close the connection or wait for the client to go away."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    if fault.kind == "stall":
        await _hang()
    if request.transport is not None:
        request.transport.close()  # what is written goes out first
    return part
