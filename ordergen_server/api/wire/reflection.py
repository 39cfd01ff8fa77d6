"""grpc.reflection.v1alpha, so that grpcurl and buf curl need no proto files."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.wire.exchange import Exchange
from ordergen_server.api.wire.routes import Methods, asked
from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.domain.requests.violations import broken

SERVICE = reflection.SERVICE_NAME


def methods(services: Iterable[str], inbox: Inbox, message_seconds: float) -> Methods:
    """The one method.

    Args:
        services: full names of what is served.
        inbox: bounds what is received at once.
        message_seconds: how long a stream may ask nothing; then it ends, and another may be opened.
    """
    servicer = reflection.aio.ReflectionServicer(service_names=tuple(services))

    async def questions(exchange: Exchange) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        while True:
            try:
                raw = await asked(exchange, inbox, message_seconds)
            except DeadlineExceeded:
                return
            if raw is None:
                return
            yield reflection_pb2.ServerReflectionRequest.FromString(raw)

    async def ask(exchange: Exchange) -> None:
        answers: Any = servicer.ServerReflectionInfo(questions(exchange), None)  # an asynchronous generator
        try:
            async for answer in answers:
                await exchange.write(answer.SerializeToString())
        except DecodeError:
            raise broken("request", "must be a ServerReflectionRequest") from None

    return Methods(streams={f"/{SERVICE}/ServerReflectionInfo": ask})
