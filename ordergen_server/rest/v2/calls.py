"""RPCs for requests of HTTP: with the caller's credentials, ids and time."""

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc.aio
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import (
    error_details_pb2,  # noqa: F401 - what a stored error has can be read only where its messages are known
)
from starlette.requests import Request

from ordergen_server.rest.answering.answers import encode
from ordergen_server.rest.caller import caller_for
from ordergen_server.rest.v2.bindings import Binding
from ordergen_server.rest.v2.requests import LARGE_BYTES


async def answer_of(binding: Binding, message: Message, request: Request, seconds: float) -> bytes:
    """The one answer of an RPC as JSON. Raises grpc.RpcError and Unauthenticated.

    Args:
        binding: of the RPC.
        message: what it takes.
        request: for which it is called.
        seconds: that it may take, where the request does not say.
    """
    call = _channel(request).unary_unary(binding.grpc_path, **_wire(binding))
    answer: Message = await call(message, **_caller(request, seconds))
    if answer.ByteSize() > LARGE_BYTES:  # other requests need not wait while it is written
        return await asyncio.to_thread(as_json, answer)
    return as_json(answer)


def open_stream(binding: Binding, message: Message, request: Request, seconds: float) -> Any:  # noqa: ANN401 - typed stubs know no such call
    """The answers of an RPC, one after the other; to be cancelled by whoever opened it.

    Raises:
        Unauthenticated: nobody would be asking but ourselves.
    """
    call = _channel(request).unary_stream(binding.grpc_path, **_wire(binding))
    return call(message, **_caller(request, seconds))


def as_json(message: Message) -> bytes:
    """A message in proto3 JSON, by the names of the contract."""
    return encode(MessageToDict(message, preserving_proto_field_name=True))


def _channel(request: Request) -> grpc.aio.Channel:
    channel: grpc.aio.Channel = request.app.state.front.stubs.channel
    return channel


def _wire(binding: Binding) -> Mapping[str, Any]:
    return {
        "request_serializer": GetMessageClass(binding.method.input_type).SerializeToString,
        "response_deserializer": GetMessageClass(binding.method.output_type).FromString,
    }


def _caller(request: Request, seconds: float) -> Mapping[str, Any]:
    caller = caller_for(request, request.app.state.front.settings, seconds)
    return {"timeout": caller.seconds_left, "metadata": caller.metadata}
