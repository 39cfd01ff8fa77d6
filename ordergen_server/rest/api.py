"""The gRPC API, as one request sees it."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

import grpc
import grpc.aio
from fastapi import Depends, Request
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from globeco.ordergen.v1.rebalance_service_pb2_grpc import RebalanceServiceStub
from google.protobuf.message import Message

from ordergen_client.errors import raise_from
from ordergen_server.rest.caller import Caller, caller_for

Answer = TypeVar("Answer")


class Stubs:
    """The methods of the API on a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.models: Any = ModelServiceStub(channel)  # typed stubs are of calls that block
        self.rebalances: Any = RebalanceServiceStub(channel)


class Api:
    """Calls for one request: with its credentials, ids and the time it has left.

    Every method raises `OrderGenerationError`, or one of its kinds, where the API does not do it.
    """

    def __init__(self, stubs: Stubs, caller: Caller) -> None:
        self.models = stubs.models
        self.rebalances = stubs.rebalances
        self.caller = caller

    async def call(self, method: Callable[..., Awaitable[Answer]], request: Message) -> Answer:
        """One answer."""
        try:
            return await method(request, timeout=self.caller.seconds_left, metadata=self.caller.metadata)
        except grpc.RpcError as error:
            raise_from(error)

    async def stream(
        self, method: Callable[..., AsyncIterator[Answer]], request: Message
    ) -> AsyncGenerator[Answer]:
        """Every answer; the call ends with the iterator."""
        answers: Any = method(request, timeout=self.caller.seconds_left, metadata=self.caller.metadata)
        try:
            async for answer in answers:
                yield answer
        except grpc.RpcError as error:
            raise_from(error)
        finally:
            answers.cancel()


async def api_of(request: Request) -> Api:
    """The API for a request. Raises Unauthenticated where only our own certificate would speak for it."""
    state = request.app.state
    return Api(state.stubs, caller_for(request, state.settings, state.settings.timeout_seconds))


async def patient_api_of(request: Request) -> Api:
    """The same for what may take as long as a stream."""
    state = request.app.state
    return Api(state.stubs, caller_for(request, state.settings, state.settings.stream_seconds))


ForRequest = Annotated[Api, Depends(api_of)]
ForLongRequest = Annotated[Api, Depends(patient_api_of)]
