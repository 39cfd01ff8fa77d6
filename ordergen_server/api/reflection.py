"""grpc.reflection.v1alpha, so that grpcurl and buf curl need no proto files."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ordergen_server.api.routes import Serve
from ordergen_server.api.statuses import Context, abort
from ordergen_server.domain.violations import broken

SERVICE = reflection.SERVICE_NAME


def streams(services: Iterable[str], message_seconds: float) -> dict[str, Serve]:
    """The one method.

    Args:
        services: full names of what is served.
        message_seconds: how long a stream may ask nothing; then it ends, and another may be opened.
    """
    servicer = reflection.aio.ReflectionServicer(service_names=tuple(services))

    async def questions(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        while True:
            try:
                async with asyncio.timeout(message_seconds):
                    raw: object = await context.read()
            except TimeoutError:
                return
            if not isinstance(raw, bytes):
                return
            yield reflection_pb2.ServerReflectionRequest.FromString(raw)

    async def ask(context: Context) -> None:
        answers: Any = servicer.ServerReflectionInfo(questions(context), context)  # an asynchronous generator
        try:
            async for answer in answers:
                await context.write(answer.SerializeToString())
        except DecodeError:
            await abort(context, broken("request", "must be a ServerReflectionRequest"))

    return {f"/{SERVICE}/ServerReflectionInfo": ask}
