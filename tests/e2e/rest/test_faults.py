"""What is behind the front goes away and comes back; and one client takes what others need."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import NAMED
from tests.e2e.api import Api
from tests.e2e.processes import server_process
from tests.e2e.rest.forms import created, form
from tests.fronts import Front, front_process
from tests.limits import PATIENCE
from tests.ports import free_port
from tests.waiting import eventually


def test_an_api_that_is_killed_and_comes_back_is_found_again(
    tmp_path: Path, clean_siblings: SimulatedSiblings
) -> None:
    """On the same port, by the same front; meanwhile callers are told when to come back."""
    port = free_port()
    settings = {"ORDERGEN_PORT": str(port)}
    with front_process(f"127.0.0.1:{port}") as front:
        with server_process(tmp_path / "data", clean_siblings, **settings) as server:
            eventually(lambda: front.ask("GET", "/health/ready").status == 200)
            model = created(front)
            path = f"/api/v1/model/{model['model_id']}"
            server.process.kill()
            server.process.wait(PATIENCE)
            for answer in (front.ask("POST", "/api/v1/models", form()), front.ask("GET", path)):
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert front.ask("GET", "/health/ready").status == 503
            assert front.ask("GET", "/health/live").status == 200
        with server_process(tmp_path / "data", clean_siblings, **settings) as again:
            eventually(lambda: front.ask("GET", "/health/ready").status == 200)
            assert front.ask("GET", path).json == model
            assert front.ask("PUT", path, model).status == 200
            assert again.stop() == 0


@pytest.mark.skipif(bool(NAMED), reason="the database that is killed is an embedded one")
def test_a_database_that_is_down_is_told_with_a_time_to_come_back(
    tmp_path: Path, clean_siblings: SimulatedSiblings
) -> None:
    settings = {"ORDERGEN_MONGODB_TIMEOUT_SECONDS": "4"}
    with (
        server_process(tmp_path / "data", clean_siblings, **settings) as server,
        front_process(f"127.0.0.1:{server.api.port}") as front,
    ):
        eventually(lambda: front.ask("GET", "/health/ready").status == 200)
        with server.without_database():
            answer = front.ask("POST", "/api/v1/models", form())
            assert (answer.status, int(answer.headers["retry-after"]) >= 1) == (503, True)
            ready = eventually(lambda: not_ready(front))
            assert ready["checks"] == {"api": "NOT_SERVING"}
        eventually(lambda: front.ask("GET", "/health/ready").status == 200)


def not_ready(front: Front) -> Any:  # noqa: ANN401 - JSON
    """What readiness says once it says that it is not."""
    answer = front.ask("GET", "/health/ready")
    return answer.json if answer.status == 503 else None


@contextmanager
def open_from(front: Front, address: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections from an address, none of which says anything."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", front.port), PATIENCE, (address, 0)))
            for _ in range(count)
        ]


def ended(one: socket.socket) -> bool:
    """Whether the other side has ended a connection; waits until it has."""
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def is_open(one: socket.socket) -> bool:
    one.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
    return one.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_one_address_has_so_many_connections_and_no_more(rest_api: Api) -> None:
    """Its newest are ended; another's are not touched."""
    settings = {"ORDERGEN_REST_MAXIMUM_PEER_CONNECTIONS": "3"}
    with front_process(f"127.0.0.1:{rest_api.port}", **settings) as front:
        with open_from(front, "127.0.0.2", 5) as many, open_from(front, "127.0.0.3", 2) as few:
            assert all(map(ended, many[3:]))
            assert all(map(is_open, [*many[:3], *few]))
            told = front.ask("GET", "/metrics").body.decode()
            assert "http_connections_ended_total 2.0" in told
        assert front.ask("GET", "/health/ready").status == 200


def test_there_is_room_for_so_many_connections(rest_api: Api) -> None:
    """One more is ended at once, and served again when another has gone."""
    settings = {"ORDERGEN_REST_MAXIMUM_CONNECTIONS": "3"}
    with front_process(f"127.0.0.1:{rest_api.port}", **settings) as front:
        with open_from(front, "127.0.0.2", 3) as kept:
            assert all(map(is_open, kept))
            with open_from(front, "127.0.0.3", 1) as (late,):
                assert ended(late)
        eventually(lambda: served(front))


def served(front: Front) -> bool:
    """Whether a new connection is answered."""
    with open_from(front, "127.0.0.4", 1) as (one,):
        try:
            return is_open(one)
        except ConnectionError:
            return False


@pytest.mark.parametrize("count", [30])
def test_clients_that_leave_half_way_leave_nothing_behind(rest_api: Api, count: int) -> None:
    with front_process(f"127.0.0.1:{rest_api.port}") as front:
        with open_from(front, "127.0.0.1", count) as many:
            for one in many:
                one.sendall(b"GET /api/v1/models HTTP/1.1\r\nhost: x\r\n\r\n"[: 20 + 5 * (count % 7)])
        with open_from(front, "127.0.0.1", count) as many:
            for one in many:
                one.sendall(
                    b"POST /api/v1/models HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                    b"content-length: 100\r\n\r\n{"
                )
        end = time.monotonic() + PATIENCE
        while "http_requests_in_flight 1.0" not in front.ask("GET", "/metrics").body.decode():
            assert time.monotonic() < end
        assert front.ask("GET", "/api/v1/models").status == 200
