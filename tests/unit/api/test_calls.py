"""The outermost interceptor, around a real server whose handlers do as a test says."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ordergen_server.api.calls import CallInterceptor
from ordergen_server.domain.errors import NotFound
from tests.limits import PATIENCE
from tests.unit.api.test_errors import only

Behaviour = Callable[[bytes, grpc.ServicerContext], object]
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
SECRET = "mongodb://user:password@host"  # noqa: S105 - what must not leak
UNARY, STREAM, UPLOAD = (f"/globeco.test.v1.Tests/{name}" for name in ("Unary", "Stream", "Upload"))


@contextmanager
def no_limit(_: float) -> Iterator[None]:
    yield


@contextmanager
def calling(
    behaviour: Behaviour, *, interceptor: CallInterceptor | None = None, prefix: str = "globeco.test.v1.Tests"
) -> Iterator[grpc.Channel]:
    """A channel to a server that answers both kinds of calls with `behaviour`."""
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, interceptors=[interceptor or CallInterceptor(no_limit, 60, 2)])
        handlers: dict[str, Handler] = {
            "Unary": grpc.unary_unary_rpc_method_handler(behaviour),
            "Stream": grpc.unary_stream_rpc_method_handler(behaviour),
            "Upload": grpc.stream_unary_rpc_method_handler(behaviour),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(prefix, handlers)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel
        finally:
            server.stop(None).wait()


def unary(
    channel: grpc.Channel, request: bytes = b"", *, method: str = UNARY, timeout: float | None = PATIENCE
) -> bytes:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    return call(request, timeout=timeout)


def stream(channel: grpc.Channel) -> Iterator[bytes]:
    call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(STREAM)
    return iter(call(b"", timeout=PATIENCE))


def call_either(channel: grpc.Channel, method: str) -> object:
    return unary(channel) if method == UNARY else list(stream(channel))


def failure(behaviour: Behaviour, method: str) -> grpc.RpcError:
    with calling(behaviour) as channel, pytest.raises(grpc.RpcError) as raised:
        call_either(channel, method)
    return raised.value


def test_answers_pass() -> None:
    with calling(lambda request, _: request) as channel:
        assert unary(channel, b"question") == b"question"
    with calling(lambda _, __: iter([b"1", b"2"])) as channel:
        assert list(stream(channel)) == [b"1", b"2"]


def raising(error: Exception) -> Behaviour:
    def behave(_: bytes, __: grpc.ServicerContext) -> object:
        raise error

    return behave


@pytest.mark.parametrize("method", [UNARY, STREAM])
def test_an_error_of_the_domain_is_its_status(method: str) -> None:
    found = failure(raising(NotFound("not here")), method)
    status = rpc_status.from_call(found)  # type: ignore[arg-type] # an RpcError is a call
    assert status is not None
    assert (found.code(), found.details()) == (grpc.StatusCode.NOT_FOUND, "not here")
    assert only(status, error_details_pb2.ErrorInfo).reason == "NOT_FOUND"


@pytest.mark.parametrize("method", [UNARY, STREAM])
def test_a_bug_says_nothing_but_an_id_that_leads_to_the_log(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = failure(raising(RuntimeError(SECRET)), method)
    status = rpc_status.from_call(found)  # type: ignore[arg-type] # an RpcError is a call
    assert status is not None
    assert found.code() is grpc.StatusCode.INTERNAL
    correlation_id = only(status, error_details_pb2.ErrorInfo).metadata["correlation_id"]
    assert found.details() == f"Internal error. Quote {correlation_id} when you report it."
    assert SECRET.encode() not in status.SerializeToString()
    assert correlation_id in caplog.text
    assert SECRET in caplog.text


def test_a_bug_after_the_first_answers_of_a_stream() -> None:
    def behave(_: bytes, __: grpc.ServicerContext) -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError(SECRET)

    with calling(behave) as channel:
        answers = stream(channel)
        assert next(answers) == b"1"
        with pytest.raises(grpc.RpcError) as raised:
            next(answers)
    assert raised.value.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("method", [UNARY, STREAM])
def test_what_is_not_implemented_says_so(method: str) -> None:
    found = failure(raising(NotImplementedError("Method not implemented!")), method)
    status = rpc_status.from_call(found)  # type: ignore[arg-type] # an RpcError is a call
    assert status is not None
    assert found.code() is grpc.StatusCode.UNIMPLEMENTED
    assert only(status, error_details_pb2.ErrorInfo).reason == "UNSUPPORTED"


def test_the_database_has_the_time_of_the_call() -> None:
    """The caller's, or the server's maximum where that is less."""
    limits: list[float] = []

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        limits.append(seconds)
        yield

    with calling(lambda request, _: request, interceptor=CallInterceptor(limit, 60, 2)) as channel:
        for timeout in (30, 500, None):
            unary(channel, timeout=timeout)
    assert [0 < limits[0] <= 31, 50 < limits[1] <= 60, 50 < limits[2] <= 60] == [True] * 3


def test_calls_of_others_are_left_alone() -> None:
    """Health and reflection speak for themselves; what no one serves is unimplemented."""
    with calling(raising(RuntimeError("theirs")), prefix="other.Service") as channel:
        with pytest.raises(grpc.RpcError) as theirs:
            unary(channel, method="/other.Service/Unary")
        with pytest.raises(grpc.RpcError) as nobodys:
            unary(channel)
    assert (theirs.value.code(), nobodys.value.code()) == (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
    )


def test_calls_that_stream_requests_are_none_of_the_contract() -> None:
    with calling(lambda requests, _: b"".join(requests)) as channel:  # type: ignore[arg-type]
        upload: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(UPLOAD)
        assert upload(iter([b"a", b"b"]), timeout=PATIENCE) == b"ab"
