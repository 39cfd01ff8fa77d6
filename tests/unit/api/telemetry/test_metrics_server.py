"""The port of the metrics answers, whatever else is connected."""

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ordergen_server.api.telemetry.metrics_server import MAXIMUM_CONNECTIONS, metrics_served
from tests.limits import PATIENCE
from tests.waiting import eventually


def scrape(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


@pytest.fixture
def port() -> Iterator[int]:
    registry = CollectorRegistry()
    Counter("seen", "Of this test.", registry=registry).inc(3)
    with metrics_served(registry, "127.0.0.1", 0) as found:
        yield found


def test_a_scrape_tells_the_registry_and_nothing_else(port: int) -> None:
    assert [line for line in scrape(port).splitlines() if not line.startswith(("#", "seen_created"))] == [
        "seen_total 3.0"
    ]


def test_silent_connections_do_not_keep_it_from_answering(port: int) -> None:
    """Thirty times as many as it holds open, some in the middle of a request: the oldest make room."""
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            for _ in range(30 * MAXIMUM_CONNECTIONS)
        ]
        for one in silent[::2]:
            one.send(b"GET /metrics HTTP/1.1\r\nHost: ")
        assert "seen_total 3.0" in scrape(port)
        # The first were closed by the server; a read of theirs ends.
        assert eventually(lambda: is_closed(silent[0]))


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_other_methods_and_no_http_at_all_are_answered_or_dropped(port: int) -> None:
    for said in (b"POST /metrics HTTP/1.1\r\n\r\n", b"\x16\x03\x01 no http\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(said)
            assert b"seen_total" not in connection.recv(1000)
    assert "seen_total 3.0" in scrape(port)


class Broken(Collector):
    def collect(self) -> Iterator[Metric]:
        raise RuntimeError("cannot be told")

    def describe(self) -> list[Metric]:
        return []


def test_a_collector_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    registry.register(Broken())
    with (
        metrics_served(registry, "127.0.0.1", 0) as port,
        pytest.raises(OSError, match=r"closed|reset|status"),
    ):
        scrape(port)
    assert "the metrics could not be told" in caplog.text


def test_a_port_that_is_taken_is_refused_by_its_name(port: int) -> None:
    with (
        pytest.raises(OSError, match=f"port {port} of 127.0.0.1 for metrics"),
        metrics_served(CollectorRegistry(), "127.0.0.1", port),
    ):
        pass


def test_the_port_is_free_afterwards() -> None:
    with metrics_served(CollectorRegistry(), "127.0.0.1", 0) as port:
        pass
    with metrics_served(CollectorRegistry(), "127.0.0.1", port) as again:
        assert again == port
