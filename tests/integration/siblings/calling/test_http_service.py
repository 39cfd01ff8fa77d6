"""GET against servers that do what no decent server does: bytes dripped one by one, bodies without end."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
import trustme

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.credentials import ClientTls
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Refused
from ordergen_server.siblings.calling.http_service import HttpService
from tests import tls
from tests.limits import PATIENCE

OK = b"HTTP/1.1 200 OK\r\n"
DRIPPING_SECONDS = 30.0
Answer = Callable[[socket.socket], None]


@contextmanager
def serving(answer: Answer, heads: SimpleQueue[str] | None = None) -> Iterator[str]:
    """A server that reads a request's first bytes and lets `answer` do the rest; ends with its block.

    Those first bytes are put into `heads`.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection:
            try:
                while head := connection.recv(65536):
                    if heads is not None:
                        heads.put(head.decode())
                    answer(connection)
            except OSError:
                return  # the client left, as it should

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(timeout=PATIENCE)
        assert not any(thread.is_alive() for thread in threads)


@contextmanager
def calling(url: str, tls: ClientTls | None = None, **limits: float) -> Iterator[HttpService]:
    settings = {"timeout_seconds": 1.0, "attempts": 1, "backoff_seconds": 0.02, **limits}
    service = HttpService("pricing", SiblingConfig(url, tls=tls or ClientTls(), **settings))  # type: ignore[arg-type] # whole numbers where it says int
    try:
        yield service
    finally:
        service.close()


def drip(connection: socket.socket, head: bytes, dripped: bytes) -> None:
    connection.sendall(head)
    for _ in range(round(DRIPPING_SECONDS / 0.05)):
        time.sleep(0.05)
        connection.sendall(dripped)


DRIPS: dict[str, Answer] = {
    "status line": lambda connection: drip(connection, b"HTTP/1.1 200 ", b"O"),
    "headers": lambda connection: drip(connection, OK, b"X-More: 1\r\n"),
    "one header": lambda connection: drip(connection, OK + b"X-Long: ", b"1"),
    "body": lambda connection: drip(connection, OK + b"Content-Length: 1000\r\n\r\n", b"1"),
    "length of a chunk": lambda connection: drip(
        connection, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"
    ),
    "chunks": lambda connection: drip(connection, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
    "body to the end of the connection": lambda connection: drip(connection, OK + b"\r\n", b"1"),
}


@pytest.mark.parametrize("answer", DRIPS.values(), ids=DRIPS)
def test_a_dripping_answer_does_not_outlast_its_attempt(answer: Answer) -> None:
    with serving(answer) as url, calling(url) as service:
        started = time.monotonic()
        with pytest.raises(SiblingUnavailable, match="did not answer GET / within"):
            service.get("/", bytes, Deadline(PATIENCE))
        assert time.monotonic() - started < DRIPPING_SECONDS / 2


@pytest.mark.parametrize("name", ["one header", "body"])
def test_nor_does_one_over_tls(name: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    ours = ClientTls(tls.written(tmp_path, authority).ca)
    with (
        serving(DRIPS[name]) as plain,
        tls.tls_before(int(plain.rpartition(":")[2]), tls.serving_context(tls.good(authority))) as proxy,
        calling(f"https://{tls.HOST}:{proxy.port}", tls=ours) as service,
    ):
        started = time.monotonic()
        with pytest.raises(SiblingUnavailable, match="did not answer GET / within"):
            service.get("/", bytes, Deadline(PATIENCE))
        assert time.monotonic() - started < DRIPPING_SECONDS / 2


def test_nor_does_a_handshake_that_nobody_answers() -> None:
    with serving(lambda _: None) as plain, calling(plain.replace("http", "https")) as service:
        started = time.monotonic()
        with pytest.raises(SiblingUnavailable, match="did not answer GET / within"):
            service.get("/", bytes, Deadline(PATIENCE))
        assert time.monotonic() - started < DRIPPING_SECONDS / 2


@pytest.mark.parametrize("answer", DRIPS.values(), ids=DRIPS)
def test_a_dripping_answer_does_not_outlast_its_caller(answer: Answer) -> None:
    with serving(answer) as url, calling(url, timeout_seconds=PATIENCE) as service:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            service.get("/", bytes, Deadline(0.2))
        assert time.monotonic() - started < DRIPPING_SECONDS / 2


def endless(connection: socket.socket) -> None:
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"1" * 65536)


def test_a_body_without_end_is_cut_off() -> None:
    with (
        serving(endless) as url,
        calling(url, maximum_body_bytes=1_000_000, timeout_seconds=10.0) as service,
        pytest.raises(Refused, match="with more than 1000000 bytes"),
    ):
        service.get("/", bytes, Deadline(PATIENCE))


BROKEN = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "half a status": b"HTTP/1.1 2",
    "less than promised": OK + b"Content-Length: 10\r\n\r\n1",
    "a chunk that is none": OK + b"Transfer-Encoding: chunked\r\n\r\nnope\r\n1\r\n",
    "a header without end": OK + b"X-Long: " + b"1" * 100_000 + b"\r\n\r\n",
    "headers without end": OK + b"X-More: 1\r\n" * 1000 + b"\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_an_outage(sent: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)

    with serving(answer) as url, calling(url) as service:
        for _ in range(5):  # more than once, to see that connections come back
            with pytest.raises(SiblingUnavailable, match="GET /"):
                service.get("/", bytes, Deadline(PATIENCE))


def test_a_port_where_nobody_listens_is_an_outage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reached = pytest.raises(SiblingUnavailable, match="could not be reached for GET /")
    with calling(f"http://127.0.0.1:{port}", attempts=3) as service, reached:
        service.get("/", bytes, Deadline(PATIENCE))


def slow(connection: socket.socket) -> None:
    time.sleep(1.0)
    connection.sendall(OK + b"Content-Length: 2\r\n\r\nok")


def test_connections_are_bounded_and_waiting_for_one_is_too() -> None:
    """Two connections, eight callers with time for two rounds: four are served, four run out of time."""
    with (
        serving(slow) as url,
        calling(url, pool_size=2, timeout_seconds=PATIENCE) as service,
        ThreadPoolExecutor(8) as pool,
    ):
        calls = [pool.submit(service.get, "/", bytes, Deadline(2.5)) for _ in range(8)]
        errors = [type(call.exception(timeout=PATIENCE)) for call in calls]
    assert (errors.count(type(None)), errors.count(DeadlineExceeded)) == (4, 4)


def test_connections_are_kept() -> None:
    accepted = []

    def answer(connection: socket.socket) -> None:
        accepted.append(connection.fileno())
        connection.sendall(OK + b"Content-Length: 2\r\n\r\nok")

    with serving(answer) as url, calling(url + "/below/") as service:
        assert {b"ok"} == {service.get("/", bytes, Deadline(PATIENCE)) for _ in range(20)}
    assert (len(accepted), len(set(accepted))) == (20, 1)


def failing(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")


def test_closing_wakes_those_who_pause_between_attempts() -> None:
    with (
        serving(failing) as url,
        calling(url, attempts=3, backoff_seconds=30.0, maximum_backoff_seconds=30.0) as service,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(service.get, "/", bytes, Deadline(100.0))
        time.sleep(0.2)
        service.close()
        assert isinstance(call.exception(timeout=PATIENCE), SiblingUnavailable)


@pytest.mark.parametrize(
    "header", ["soon", "-5", "Fri, 99 Nov 2026", "1e99", "Wed, 21 Oct 2015 07:28:00 GMT"]
)
def test_a_retry_after_that_is_nonsense_or_over_is_passed_over(header: str) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: {header}\r\n\r\n".encode())

    with serving(answer) as url, calling(url, attempts=2) as service, pytest.raises(SiblingUnavailable):
        service.get("/", bytes, Deadline(PATIENCE))


@pytest.mark.parametrize(
    "url", ["grpc://host:80", "http://[", "https://", "ftp://host", "host:80", "http://", "http://host/?x=1"]
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="its base URL"):
        HttpService("pricing", SiblingConfig(url))


@pytest.mark.parametrize(
    "limits",
    [{"attempts": 0}, {"timeout_seconds": -1.0}, {"pool_size": 0}, {"backoff_seconds": float("nan")}],
)
def test_limits_that_are_none_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        SiblingConfig("http://host", **limits)  # type: ignore[arg-type] # whole numbers where it says int
