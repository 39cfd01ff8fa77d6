"""grpc.health.v1, which no load can keep waiting.

It is https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The library's servicer for asyncio
forgets all watchers of a service when the first of them leaves, so they would never hear of a change.
"""

import asyncio
from collections.abc import Iterable

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.wire.exchange import Exchange
from ordergen_server.api.wire.routes import Methods, received
from ordergen_server.domain.errors import NotFound
from ordergen_server.domain.requests.violations import broken

SERVICE: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
Status = int  # health_pb2.HealthCheckResponse.ServingStatus
_Response = health_pb2.HealthCheckResponse


class Health:
    """What is known of each service. On one event loop alone.

    Args:
        message_seconds: how long the message of a call may take to come.
    """

    def __init__(self, message_seconds: float) -> None:
        self._message_seconds = message_seconds
        self._statuses: dict[str, Status] = {}
        self._changed = asyncio.Event()
        self._ended = False

    def set(self, services: Iterable[str], status: Status) -> None:
        """Note and tell it; once ended, nothing changes any more."""
        if self._ended:
            return
        self._statuses.update(dict.fromkeys(services, status))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def end(self) -> None:
        """Nothing is served any more."""
        self.set(list(self._statuses), _Response.NOT_SERVING)
        self._ended = True

    def methods(self, inbox: Inbox) -> Methods:
        """Both methods, for a server with that inbox."""

        async def check(exchange: Exchange) -> bytes:
            service = await self._service(exchange, inbox)
            if service not in self._statuses:
                raise NotFound(f"There is no service {service!r}.", metadata={"service": service})
            return _Response(status=self._statuses[service]).SerializeToString()

        async def watch(exchange: Exchange) -> None:
            service = await self._service(exchange, inbox)
            told: Status | None = None
            while True:
                changed, now = self._changed, self._statuses.get(service, _Response.SERVICE_UNKNOWN)
                if now != told:
                    await exchange.write(_Response(status=now).SerializeToString())
                    told = now
                await changed.wait()

        return Methods({f"/{SERVICE}/Check": check}, {f"/{SERVICE}/Watch": watch})

    async def _service(self, exchange: Exchange, inbox: Inbox) -> str:
        raw = await received(exchange, inbox, self._message_seconds)
        try:
            return health_pb2.HealthCheckRequest.FromString(raw).service
        except DecodeError:
            raise broken("request", "must be a grpc.health.v1.HealthCheckRequest") from None
