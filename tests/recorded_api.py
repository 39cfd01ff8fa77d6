"""A gRPC server that answers what a test says, and keeps what it was asked."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status

from ordergen_server.rest.v2.bindings import SERVICES
from tests.limits import PATIENCE

Answering = Callable[[grpc.ServicerContext], Iterator[Message]]
_STREAMS = {one.name for service in SERVICES for one in service.methods if one.server_streaming}


@dataclass
class RecordedApi:
    """What is answered, and what was asked.

    Attributes:
        answers: what answers the next calls; a call that has one answer takes the first of them.
        asked: the last request, as bytes.
        metadata: what came with it.
    """

    answers: Answering = lambda _: iter(())
    asked: bytes = b""
    metadata: dict[str, str | bytes] = field(default_factory=dict)
    port: int = 0

    def answer(self, *messages: Message) -> None:
        """Answer the next calls with these."""
        self.answers = lambda _: iter(messages)

    def fail(self, status: status_pb2.Status, *messages: Message) -> None:
        """Fail the next calls, after these messages."""

        def answers(context: grpc.ServicerContext) -> Iterator[Message]:
            yield from messages
            context.abort_with_status(rpc_status.to_status(status))

        self.answers = answers

    def begin(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """What answers a request."""
        self.asked = request
        self.metadata = dict(context.invocation_metadata() or ())
        return (one.SerializeToString() for one in self.answers(context))


class _Any(grpc.GenericRpcHandler):
    def __init__(self, api: RecordedApi) -> None:
        self._api = api

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        begin = self._api.begin
        if handler_call_details.method.rpartition("/")[2] in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(begin)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: next(begin(request, context)))


@contextmanager
def recorded_api() -> Iterator[RecordedApi]:
    """The server until the end of the block."""
    api = RecordedApi()
    server = grpc.server(ThreadPoolExecutor(8), [_Any(api)])
    api.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield api
    finally:
        server.stop(None).wait(PATIENCE)
