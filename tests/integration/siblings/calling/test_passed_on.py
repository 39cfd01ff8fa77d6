"""The ids of a call go along with what is asked of siblings, over both transports."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import grpc
import pytest
from google.protobuf import empty_pb2

from ordergen_server.domain.origin import Origin, working_for
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.grpc_service import GrpcService
from ordergen_server.siblings.calling.http_service import HttpService
from tests.integration.siblings.calling.test_http_service import OK, serving
from tests.limits import PATIENCE

IDS = {"x-correlation-id": "c-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
CALL = Origin({}, IDS)


def test_over_http() -> None:
    heads: SimpleQueue[str] = SimpleQueue()

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with serving(answer, heads) as url:
        service = HttpService("pricing", SiblingConfig(url))
        with working_for(CALL):
            service.get("/", bytes, Deadline(PATIENCE))
        service.get("/", bytes, Deadline(PATIENCE))
        service.close()
    with_ids, without = heads.get(timeout=PATIENCE), heads.get(timeout=PATIENCE)
    assert {f"{name}: {value}" for name, value in IDS.items()} <= set(with_ids.splitlines())
    assert "x-correlation-id" not in without


@contextmanager
def answering_grpc(seen: "SimpleQueue[dict[str, str | bytes]]") -> Iterator[int]:
    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        seen.put({one.key: one.value for one in context.invocation_metadata()})  # type: ignore[attr-defined] # named tuples
        return b""

    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        read: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
        handler = grpc.method_handlers_generic_handler("any.Service", {"Read": read})
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


def reading(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[empty_pb2.Empty, empty_pb2.Empty]":
    return channel.unary_unary(
        "/any.Service/Read",
        request_serializer=empty_pb2.Empty.SerializeToString,
        response_deserializer=empty_pb2.Empty.FromString,
    )


@pytest.mark.parametrize("origin", [CALL, Origin()])
def test_over_grpc(origin: Origin) -> None:
    seen: SimpleQueue[dict[str, str | bytes]] = SimpleQueue()
    with answering_grpc(seen) as port:
        service = GrpcService("pricing", SiblingConfig(f"grpc://127.0.0.1:{port}"), reading)
        with working_for(origin):
            service.get(empty_pb2.Empty(), str, Deadline(PATIENCE))
        service.close()
    metadata = seen.get(timeout=PATIENCE)
    assert {name: metadata.get(name) for name in IDS} == {name: origin.headers.get(name) for name in IDS}
