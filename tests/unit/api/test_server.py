"""Readiness follows the database, on both ports, whatever the database does."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.api.server import LIVENESS, READINESS, ApiServer
from ordergen_server.domain.errors import DatabaseUnavailable
from tests.limits import PATIENCE
from tests.unit.api.serving import FakeDatabase, api_server
from tests.waiting import eventually

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def server(database: FakeDatabase, port: int = 0, *, interval_seconds: float = 0.02) -> Iterator[ApiServer]:
    with api_server(database, {}, port=port, interval_seconds=interval_seconds) as one:
        yield one


def status(port: int, service: str = "") -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # set when made
        return int(check(request, timeout=PATIENCE).status)


def test_it_is_ready_on_both_ports_and_for_every_service() -> None:
    with server(FakeDatabase()) as one:
        found = {status(port, name) for port in (one.port, one.health_port) for name in READINESS}
    assert found == {SERVING}


def test_it_is_not_ready_while_the_database_is_not() -> None:
    database = FakeDatabase()
    with server(database) as one:
        for _ in range(2):
            database.failure = DatabaseUnavailable("down")
            eventually(lambda: status(one.port) == NOT_SERVING)
            assert status(one.health_port, READINESS[1]) == NOT_SERVING
            database.failure = None
            eventually(lambda: status(one.health_port) == SERVING)


def test_a_database_that_is_late_now_and_then_is_no_reason_not_to_be_ready() -> None:
    """Every second look fails, as they may under load: not one check says that it is not ready."""
    database = FakeDatabase()
    with server(database, interval_seconds=0.2) as one:
        database.fails_now_and_then = True
        until = database.looks + 8
        seen: set[int] = set()

        def looked() -> bool:
            seen.add(status(one.health_port))
            return database.looks >= until

        eventually(looked)
    assert seen == {SERVING}


def test_a_bug_of_a_look_is_logged_and_looking_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    database = FakeDatabase()
    with server(database) as one:
        database.failure = ZeroDivisionError("a bug")
        eventually(lambda: status(one.port) == NOT_SERVING)
        database.failure = None
        eventually(lambda: status(one.port) == SERVING)
    assert "looking at the database met an internal error" in caplog.text


def test_a_port_is_of_one_server() -> None:
    with (
        server(FakeDatabase()) as one,
        pytest.raises(OSError, match=f"cannot listen on port {one.port} of 127.0.0.1"),
        server(FakeDatabase(), one.port),
    ):
        pass


def test_unknown_health_services_are_not_found() -> None:
    with server(FakeDatabase()) as one, pytest.raises(grpc.RpcError) as raised:
        status(one.port, "nobody")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


def test_every_watcher_hears_of_a_change_though_one_has_left() -> None:
    database = FakeDatabase()
    with server(database) as one, grpc.insecure_channel(f"127.0.0.1:{one.port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch  # type: ignore[attr-defined] # set when made
        watchers = [watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for _ in range(3)]
        assert [next(watcher).status for watcher in watchers] == [SERVING] * 3
        watchers[0].cancel()
        database.failure = DatabaseUnavailable("down")
        assert [next(watcher).status for watcher in watchers[1:]] == [NOT_SERVING] * 2


def test_a_server_whose_port_is_closed_is_not_alive(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever closes it: the process would go on, and its health say SERVING."""
    with server(FakeDatabase()) as one:
        assert status(one.health_port, LIVENESS) == SERVING
        api = one._ports[0]  # noqa: SLF001 - as if gRPC had ended it
        one._loop.run(api.stop(0))  # noqa: SLF001 - likewise
        eventually(lambda: status(one.health_port, LIVENESS) == NOT_SERVING)
        assert status(one.health_port) == NOT_SERVING
    assert f"nobody listens on port {one.port}" in caplog.text
