"""What every request passes, whatever it asks for: bounds, ids, headers of safety, one line, one count."""

import asyncio
import logging
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordergen_server.api.telemetry.correlation import CallIds, ids_of
from ordergen_server.domain.origin import CORRELATION_ID, Origin, working_for
from ordergen_server.rest.answering import rpc_errors
from ordergen_server.rest.answering.answers import answered
from ordergen_server.rest.metrics import OTHER, HttpMetrics
from ordergen_server.rest.settings import RestSettings

_log = logging.getLogger(__name__)

#: Paths of probes and scrapes: they are not refused, and have a line only where something is wrong.
QUIET_PATHS = ("/health", "/metrics")
#: Pages of ours bring a policy of their own along.
POLICY = "content-security-policy"
SAFETY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    POLICY: "default-src 'none'; frame-ancestors 'none'",
}
#: https://hstspreload.org asks for a year at least; browsers take it from TLS alone.
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


@dataclass(slots=True)
class _Told:
    """What has been sent of an answer."""

    status: int = 500
    begun: bool = False
    ended: bool = False


class FrontDoor:
    """Lets requests in.

    Args:
        app: what answers them.
        settings: bounds and the prefix.
        metrics: what counts them.
    """

    def __init__(self, app: ASGIApp, settings: RestSettings, metrics: HttpMetrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._in_flight = 0
        self._safety = dict(SAFETY)
        if settings.tls_certificate:
            self._safety["strict-transport-security"] = STRICT_TRANSPORT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; anything else of ASGI goes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ids = ids_of(Headers(scope=scope))
        scope = {**scope, "state": {**scope.get("state", {}), "ids": ids}}
        if _is_below(scope["path"], self._settings.root_path):
            scope["root_path"] = self._settings.root_path
        began, told, quiet = time.perf_counter(), _Told(), _own_path(scope).startswith(QUIET_PATHS)
        self._metrics.begin()
        self._in_flight += 1
        try:
            with working_for(Origin({"correlation_id": ids.correlation_id}, ids.headers)):
                await self._answer(scope, receive, _Sender(send, told, ids, self._safety), told, quiet)
                if not quiet:
                    self._note(scope, told, time.perf_counter() - began)
        finally:
            self._in_flight -= 1
            path = _routed(scope, self._settings.root_path)
            self._metrics.end(scope["method"], path, told.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, told: _Told, quiet: bool) -> None:
        if self._in_flight > self._settings.maximum_requests and not quiet:
            await _too_many(scope, self._settings.maximum_requests)(scope, receive, send)
            return
        body = _Body(receive, Headers(scope=scope), self._settings)
        try:
            await self._app(scope, body.receive, send)
        except Exception:  # a bug: the log has it, however much of an answer was told
            if told.ended:  # as an internal error: what fails is the request alone, and not its connection
                _log.exception("a request failed")
                return
            if told.begun:  # the connection ends before the answer does, so nobody takes it for whole
                _log.exception("an answer broke off")
            raise

    def _note(self, scope: Scope, told: _Told, seconds: float) -> None:
        level = logging.ERROR if told.status >= 500 and told.status not in (503, 504) else logging.INFO  # noqa: PLR2004 - statuses of HTTP
        if not _log.isEnabledFor(level):
            return
        fields = {
            "http_method": scope["method"],
            "path": scope["path"],
            "status": told.status,
            "milliseconds": round(seconds * 1000, 3),
        }
        _log.log(level, "request", extra=fields)


def _is_below(path: str, prefix: str) -> bool:
    return bool(prefix) and (path == prefix or path.startswith(f"{prefix}/"))


def _own_path(scope: Scope) -> str:
    """The path without the prefix that a gateway leaves."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path


def _routed(scope: Scope, prefix: str) -> str:
    """The path as it is routed, below what is mounted."""
    route = scope.get("route")
    if route is None or isinstance(route, Mount):
        return OTHER
    return f"{scope.get('root_path', '').removeprefix(prefix)}{route.path_format}"


def _too_many(scope: Scope, most: int) -> Response:
    """The refusal of a request for which there is no room, in the form of its version."""
    message = f"{most} requests are worked on: try again later"
    if rpc_errors.is_below(_own_path(scope)):
        return rpc_errors.refused(429, message)
    return answered({"detail": message}, 429, {"retry-after": "1"})


class _Sender:
    """Sends an answer with the headers that every answer has."""

    def __init__(self, send: Send, told: _Told, ids: CallIds, safety: Mapping[str, str]) -> None:
        self._send = send
        self._told = told
        self._ids = ids
        self._safety = safety

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._told.begun, self._told.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._safety.items():
                headers.setdefault(name, value)
            headers[CORRELATION_ID] = self._ids.correlation_id
        else:
            self._told.ended = not message.get("more_body", False)
        await self._send(message)


class _Body:
    """The body of a request: so many bytes, in so much time."""

    def __init__(self, receive: Receive, headers: Headers, settings: RestSettings) -> None:
        self._receive = receive
        self._most = settings.maximum_body_bytes
        self._seconds = settings.message_seconds
        self._until: float | None = None
        self._bytes = 0
        self._whole = False
        length = headers.get("content-length", "")
        self._announced = int(length) if length.isdecimal() else 0

    async def receive(self) -> Message:
        """The next part. Raises HTTPException: 408 or 413."""
        if self._whole:  # what comes now is the end of the connection
            return await self._receive()
        if self._announced <= self._most:
            message = await self._next()
            if self._bytes <= self._most:
                return message
        # Who is still sending when the connection ends sees that alone, and not the answer.
        with suppress(HTTPException):
            while not self._whole:
                await self._next()
        raise HTTPException(413, f"the body has more than {self._most} bytes")

    async def _next(self) -> Message:
        """The next part, in time."""
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {self._seconds:g} s") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message
