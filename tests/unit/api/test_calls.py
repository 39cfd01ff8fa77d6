"""What every call goes through, around a real server whose methods do as a test says."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Any

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_service_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.calls import SERVICES
from ordergen_server.domain.errors import NotFound
from tests.limits import PATIENCE
from tests.unit.api.messages.test_errors import only
from tests.unit.api.serving import FakeDatabase, api_server, no_limit
from tests.waiting import eventually

Behaviour = Callable[[Any, Call], object]
SECRET = "mongodb://user:password@host"  # noqa: S105 - what must not leak
UNARY = "/globeco.ordergen.v1.ModelService/GetModel"
STREAM = "/globeco.ordergen.v1.RebalanceService/WatchRebalance"
GET = model_service_pb2.GetModelRequest(model_id="question")


A_MINUTE = Limits(call_seconds=60, run_seconds=60, message_seconds=PATIENCE)


class Servicer:
    """Does as a test says, whatever is called."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def __getattr__(self, name: str) -> Behaviour:
        return self._behaviour


@contextmanager
def calling(
    behaviour: Behaviour,
    *,
    limits: Limits = A_MINUTE,
    time_limit: Callable[[float], AbstractContextManager[None]] = no_limit,
) -> Iterator[grpc.Channel]:
    """A channel to a server whose methods all do as a test says."""
    services = dict.fromkeys(SERVICES, Servicer(behaviour))
    with (
        api_server(FakeDatabase(), services, limits=limits, time_limit=time_limit) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield channel


def unary(channel: grpc.Channel, *, method: str = UNARY, timeout: float | None = PATIENCE) -> model_pb2.Model:
    call: grpc.UnaryUnaryMultiCallable[bytes, model_pb2.Model] = channel.unary_unary(
        method, response_deserializer=model_pb2.Model.FromString
    )
    return call(GET.SerializeToString(), timeout=timeout)


def stream(channel: grpc.Channel) -> Iterator[rebalance_service_pb2.RebalanceModelResponse]:
    call: grpc.UnaryStreamMultiCallable[bytes, rebalance_service_pb2.RebalanceModelResponse]
    call = channel.unary_stream(
        STREAM, response_deserializer=rebalance_service_pb2.RebalanceModelResponse.FromString
    )
    return iter(call(b"", timeout=PATIENCE))


def event(sequence: int) -> rebalance_service_pb2.RebalanceModelResponse:
    return rebalance_service_pb2.RebalanceModelResponse(sequence=sequence)


def call_either(channel: grpc.Channel, method: str) -> object:
    return unary(channel) if method == UNARY else list(stream(channel))


def failure(behaviour: Behaviour, method: str) -> grpc.RpcError:
    with calling(behaviour) as channel, pytest.raises(grpc.RpcError) as raised:
        call_either(channel, method)
    return raised.value


def reason(error: grpc.RpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # an RpcError is a call
    assert status is not None
    return str(only(status, error_details_pb2.ErrorInfo).reason)


def test_answers_pass() -> None:
    with calling(lambda request, _: model_pb2.Model(name=request.model_id)) as channel:
        assert unary(channel).name == "question"
    with calling(lambda _, __: iter([[event(1), event(2)], [], [event(3)]])) as channel:
        assert list(stream(channel)) == [event(1), event(2), event(3)]


def test_a_unary_call_may_wait_for_its_answer_without_a_thread() -> None:
    asked: list[int] = []

    def behave(_: object, __: Call) -> Iterator[Sequence[Message]]:
        for step in range(3):
            asked.append(step)
            yield []
        yield [model_pb2.Model(name="at last")]

    with calling(behave) as channel:
        assert (unary(channel).name, asked) == ("at last", [0, 1, 2])


def raising(error: Exception) -> Behaviour:
    def behave(_: object, __: Call) -> object:
        raise error

    return behave


@pytest.mark.parametrize("method", [UNARY, STREAM])
def test_an_error_of_the_domain_is_its_status(method: str) -> None:
    found = failure(raising(NotFound("not here")), method)
    assert (found.code(), found.details()) == (grpc.StatusCode.NOT_FOUND, "not here")
    assert reason(found) == "NOT_FOUND"


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
    def behave(_: object, __: Call) -> Iterator[Sequence[Message]]:
        yield [event(1)]
        raise RuntimeError(SECRET)

    with calling(behave) as channel:
        answers = stream(channel)
        assert next(answers) == event(1)
        with pytest.raises(grpc.RpcError) as raised:
            next(answers)
    assert raised.value.code() is grpc.StatusCode.INTERNAL


def test_the_database_has_the_time_of_the_call() -> None:
    """The caller's, or the server's maximum where that is less."""
    seen: list[float] = []

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        seen.append(seconds)
        yield

    with calling(lambda _, __: model_pb2.Model(), time_limit=limit) as channel:
        for timeout in (30, 500, None):
            unary(channel, timeout=timeout)
    assert [0 < seen[0] <= 31, 50 < seen[1] <= 60, 50 < seen[2] <= 60] == [True] * 3


@pytest.mark.parametrize("method", ["/globeco.ordergen.v1.ModelService/Nothing", "/other.Service/Unary", "/"])
def test_what_nobody_serves_is_unimplemented(method: str) -> None:
    with calling(raising(RuntimeError("ours"))) as channel, pytest.raises(grpc.RpcError) as raised:
        unary(channel, method=method)
    assert (raised.value.code(), reason(raised.value)) == (grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED")


def test_a_servicer_without_a_method_of_the_contract_is_a_mistake_that_shows_at_once() -> None:
    with (
        pytest.raises(AttributeError, match="CreateModel"),
        api_server(FakeDatabase(), {SERVICES[0]: object()}),
    ):
        pass


def test_a_caller_that_leaves_ends_what_is_done_for_it() -> None:
    """It is told at once, and the generator is closed once its step is over, by a thread of the lane."""
    entered, left, closed = Event(), Event(), Event()

    def behave(_: object, call: Call) -> Iterator[Sequence[Message]]:
        assert call.when_gone(left.set)
        try:
            yield [event(1)]
            entered.set()
            assert call.gone.wait(PATIENCE)
            yield []
        finally:
            closed.set()

    with calling(behave) as channel:
        answers = stream(channel)
        assert next(answers) == event(1)
        assert entered.wait(PATIENCE)
        answers.cancel()  # type: ignore[attr-defined] # a call
        assert left.wait(PATIENCE)
        assert closed.wait(PATIENCE)
        eventually(lambda: [one.sequence for one in [next(stream(channel))]] == [1])
