"""`python -m ordergen_server.health`: what it asks, and what it says of the answers."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer

from ordergen_server.health import PARTS, REST, SERVER, Unwell, part_of
from tests.e2e.programs import ran
from tests.http_servers import http_server
from tests.limits import PATIENCE
from tests.ports import free_port

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def server(host: str, *, ready: bool, alive: bool) -> Iterator[int]:
    """The port of one that says of itself what it is told to say."""
    servicer = HealthServicer()
    servicer.set("", SERVING if ready else NOT_SERVING)
    servicer.set("liveness", SERVING if alive else NOT_SERVING)
    running = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, running)
    port = running.add_insecure_port(f"{host}:0")
    running.start()
    try:
        yield port
    finally:
        running.stop(0).wait(PATIENCE)


@contextmanager
def rest(*, ready: int, live: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of one that answers with these statuses, over TLS where there is a context."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({"/health/ready": ready, "/health/live": live}[self.path])
            self.end_headers()

    with http_server(Answering, context=context) as port:
        yield port


def asked(*arguments: str, **settings: str) -> tuple[int, str]:
    """The exit code, and what is said."""
    answer = ran("ordergen_server.health", *arguments, **settings)
    assert answer.stdout == ""
    return answer.returncode, answer.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]", "::"])  # noqa: S104 - where a server listens
def test_a_server_that_is_ready(host: str) -> None:
    """Whatever its API needs, and by whatever address it listens."""
    with server("[::]" if host == "::" else host, ready=True, alive=True) as port:
        told = {"ORDERGEN_HOST": host, "ORDERGEN_HEALTH_PORT": str(port), "ORDERGEN_INSECURE": "true"}
        assert asked(SERVER, **told) == (0, "")


def test_a_server_that_waits_for_its_database_is_alive() -> None:
    with server("127.0.0.1", ready=False, alive=True) as port:
        said = "ordergen_server.health: the server is NOT_SERVING\n"
        assert asked(SERVER, ORDERGEN_HEALTH_PORT=str(port)) == (1, said)
        assert asked(SERVER, "--alive", ORDERGEN_HEALTH_PORT=str(port)) == (0, "")


def test_a_rest_front() -> None:
    with rest(ready=200, live=200) as port:
        assert asked(REST, ORDERGEN_REST_PORT=str(port), ORDERGEN_REST_INSECURE="true") == (0, "")
    with rest(ready=503, live=200) as port:
        said = "ordergen_server.health: the REST front answers 503\n"
        assert asked(REST, ORDERGEN_REST_PORT=str(port)) == (1, said)
        assert asked(REST, "--alive", ORDERGEN_REST_PORT=str(port)) == (0, "")


def test_a_rest_front_over_tls() -> None:
    """With a certificate of the name that callers use, and by an authority that nobody here knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("orders.globeco").configure_cert(context)
    with rest(ready=200, live=200, context=context) as port:
        told = {"ORDERGEN_REST_PORT": str(port)}
        told |= {"ORDERGEN_REST_TLS_CERTIFICATE": "server.pem", "ORDERGEN_REST_TLS_KEY": "key.pem"}
        assert asked(REST, **told) == (0, "")


def test_nobody_answers() -> None:
    code, said = asked(SERVER, ORDERGEN_HEALTH_PORT=str(free_port()))
    assert (code, said) == (1, "ordergen_server.health: the server does not answer: UNAVAILABLE\n")
    code, said = asked(REST, ORDERGEN_REST_PORT=str(free_port()))
    assert code == 1
    assert said.startswith("ordergen_server.health: the REST front does not answer: ")


def test_a_setting_that_cannot_be_read() -> None:
    for part, variable in ((SERVER, "ORDERGEN_HEALTH_PORT"), (REST, "ORDERGEN_REST_PORT")):
        code, said = asked(part, **{variable: "many"})
        assert code == 1
        assert said.startswith(f"ordergen_server.health: {variable}: ")


@pytest.mark.parametrize("before", ["", "/sbin/docker-init\0--\0"])
@pytest.mark.parametrize(("module", "part"), PARTS.items())
def test_what_process_1_was_started_as(module: str, part: str | None, before: str) -> None:
    """With an init of the engine's before it or not, and whatever its arguments are."""
    assert part_of(f"{before}python\0-m\0{module}\0--json\0".encode()) == part


def test_another_process_1() -> None:
    with pytest.raises(Unwell, match="say what to ask"):
        part_of(b"/sbin/init\0")
