"""One client does its worst to a real server, and others are served all the while.

How quickly they are is measured by `make bench`; here what counts is that they are, while it goes on.
"""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, model_service_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.api.wire.ports import API_CONNECTIONS, HEALTH_CONNECTIONS
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import (
    CHECK,
    GET_MODEL,
    PREFACE,
    connections,
    endless_connections,
    idle_reflections,
    memory_bytes,
    no_text,
    silent_calls,
    unpacked_headers,
    unread_watchers,
)
from tests.e2e.api import failure, message_of
from tests.e2e.metrics import Scrape
from tests.e2e.processes import ServerProcess, server_process
from tests.limits import LONG, PATIENCE, sized
from tests.waiting import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
#: Readiness may wait for a database that load makes late; being alive waits for nothing.
ALIVE = health_pb2.HealthCheckRequest(service="liveness")
#: As long as any test: what hangs is let go by the end of the test alone.
HELD_SECONDS = 600.0
MAXIMUM_MEMORY_BYTES = 400 * 1024 * 1024


@dataclass(frozen=True)
class Attacked:
    """A server with a model and a run that has ended."""

    server: ServerProcess
    model: model_pb2.Model
    rebalance_id: str

    def serves(self, *, may_wait: bool = False) -> None:
        """A client with connections of its own is answered on both ports, each opened at once or in time."""
        api = self.server.api
        with connections(api.port, 1) as (main,), connections(api.health_port, 1) as (probes,):
            found = model_service_pb2_grpc.ModelServiceStub(main).GetModel(
                model_service_pb2.GetModelRequest(model_id=self.model.model_id),
                timeout=PATIENCE,
                wait_for_ready=may_wait,
            )
            assert found.name == self.model.name
            for channel in (main, probes):
                check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # set when made
                assert check(ALIVE, timeout=PATIENCE, wait_for_ready=may_wait).status == SERVING


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    with (
        SimulatedSiblings(portfolios=4, positions=20) as siblings,
        server_process(folder, siblings, ORDERGEN_MESSAGE_SECONDS=str(HELD_SECONDS)) as server,
    ):
        model = server.api.create(message_of(siblings.model, portfolios=4))
        started, *_ = server.api.rebalance_all(model.model_id)
        yield Attacked(server, model, started.started.rebalance_id)


def attacks(attacked: Attacked) -> dict[str, AbstractContextManager[object]]:
    port, health_port = attacked.server.api.port, attacked.server.api.health_port
    return {
        "calls without a message": silent_calls(port, GET_MODEL, 136),
        "very many of them": silent_calls(port, GET_MODEL, sized(600, 3000), channels=30),
        "checks without a message": silent_calls(health_port, CHECK, 136),
        "idle reflection": idle_reflections(port, 140),
        "watchers that do not read": unread_watchers(port, attacked.rebalance_id, 140),
        # Joining the values of one such call one by one takes the event loop ten seconds.
        "headers that unpack to megabytes": unpacked_headers(port, GET_MODEL, 32),
        # Either ended the loop of gRPC, and so the port.
        "names that are no text": no_text(port, GET_MODEL),
        "checks whose names are no text": no_text(health_port, CHECK),
    }


@pytest.mark.parametrize(
    "attack",
    [
        "calls without a message",
        "very many of them",
        "checks without a message",
        "idle reflection",
        "watchers that do not read",
        "headers that unpack to megabytes",
        "names that are no text",
        "checks whose names are no text",
    ],
)
def test_others_are_served_all_the_while(attacked: Attacked, attack: str) -> None:
    with attacks(attacked)[attack]:
        for _ in range(3):
            attacked.serves()
    attacked.serves()
    assert memory_bytes(attacked.server.process.pid) < MAXIMUM_MEMORY_BYTES


def test_calls_without_a_message_end_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("server")
    with (
        SimulatedSiblings(portfolios=1, positions=1) as siblings,
        server_process(folder, siblings, ORDERGEN_MESSAGE_SECONDS="0.3") as server,
        silent_calls(server.api.port, GET_MODEL, 20) as ours,
        silent_calls(server.api.health_port, CHECK, 20) as health,
    ):
        for call in [*ours, *health]:
            found = failure(lambda: call.result(PATIENCE))  # noqa: B023 - called at once
            assert (found.code, found.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
            assert found.info.metadata["step"] == "the message came"


@pytest.mark.parametrize("size", [3_900_000])
def test_large_requests_at_once_do_not_fill_memory(attacked: Attacked, size: int) -> None:
    """Each is refused for what it is, or because there are too many of them."""
    request = model_service_pb2.ListModelsRequest(order_by="x" * size).SerializeToString()
    method = "/globeco.ordergen.v1.ModelService/ListModels"
    with connections(attacked.server.api.port, 4) as channels:
        makers: list[Any] = [channel.unary_unary(method) for channel in channels]
        calls = [makers[one % 4].future(request, timeout=PATIENCE) for one in range(sized(24, 200))]
        codes = {call.exception().code() for call in calls}
        attacked.serves()
    assert codes <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert memory_bytes(attacked.server.process.pid) < MAXIMUM_MEMORY_BYTES


def test_connections_that_say_nothing_stop_neither_health_nor_those_that_are_connected(
    attacked: Attacked,
) -> None:
    """More of them than a port takes, from many places: others that come are refused until they go."""
    api = attacked.server.api
    with ExitStack() as stack:
        for one in range(API_CONNECTIONS + 20):
            source = f"127.0.1.{one % 10}", 0
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", api.port), PATIENCE, source))
            idle.sendall(PREFACE)
        assert api.get(attacked.model.model_id).name == attacked.model.name  # on a connection that it had
        check = health_pb2_grpc.HealthStub(stack.enter_context(connections(api.health_port, 1))[0]).Check  # type: ignore[attr-defined] # set when made
        assert check(ALIVE, timeout=PATIENCE).status == SERVING
    attacked.serves()


@pytest.mark.parametrize("port", ["api", "health"])
def test_one_address_that_opens_connections_without_end_leaves_room_for_others(
    attacked: Attacked, port: str
) -> None:
    """And its own go away: the newest of those beyond what it may have."""
    api = attacked.server.api
    number, most = {
        "api": (api.port, API_CONNECTIONS),
        "health": (api.health_port, HEALTH_CONNECTIONS),
    }[port]

    def ended() -> float:
        return Scrape(api.metrics_port).total("ordergen_connections_ended_total", port=port)

    with endless_connections(number, "127.0.0.2", most + 50):
        for wave in (1, 2, 3):
            eventually(lambda: ended() > wave * most)  # noqa: B023 - called at once
            attacked.serves(may_wait=True)
    attacked.serves(may_wait=True)


def test_a_quiet_stream_may_be_kept_alive_by_pings(attacked: Attacked) -> None:
    """By default a server ends a connection with the third ping that comes sooner than after five minutes."""
    seconds = 10 if LONG else 6
    options = [("grpc.keepalive_time_ms", seconds * 1000), ("grpc.http2.max_pings_without_data", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{attacked.server.api.port}", options=options) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch  # type: ignore[attr-defined] # set when made
        stream = watch(ALIVE, timeout=4 * seconds)
        assert next(stream).status == SERVING
        with pytest.raises(grpc.RpcError) as raised:
            next(stream)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_calls_that_leave_give_back_what_they_had(attacked: Attacked) -> None:
    """However many begin and are gone, the memory of the server comes back."""
    before = memory_bytes(attacked.server.process.pid)
    for _ in range(sized(3, 20)):
        with silent_calls(attacked.server.api.port, GET_MODEL, 200, channels=4):
            attacked.serves()
    eventually(lambda: memory_bytes(attacked.server.process.pid) < before + 64 * 1024 * 1024)
