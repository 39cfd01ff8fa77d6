"""Bounds of a connection that uvicorn does not have, over a small application of our own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import repeat
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ordergen_server.rest import connections
from ordergen_server.rest.connections import HEADER_BYTES, BoundedProtocol, Room
from tests.limits import PATIENCE
from tests.waiting import eventually

PARTS, PART = 400, b"x" * 65536
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
Open = Callable[[], socket.socket]


class App:
    """Answers much to `/much` and little to all else, without its body to `/early`; knows how they ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while scope["path"] != "/early" and (await receive()).get("more_body"):
            pass
        much = scope["path"] == "/much"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PARTS if much else 0):
            await send({"type": "http.response.body", "body": PART, "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})
        self.ended.append(scope["path"])


@contextmanager
def served(app: Any, room: Room, keep_alive: int = 5) -> Iterator[Open]:  # noqa: ANN401 - of ASGI
    """Opens connections that the protocol of ours serves."""
    listening = socket.create_server(("127.0.0.1", 0))
    protocol: Any = partial(BoundedProtocol, room)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield lambda: socket.create_connection(listening.getsockname(), PATIENCE)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def whole(one: socket.socket) -> bytes:
    """All that comes until the other side ends the connection, in whatever way."""
    parts = []
    try:
        while part := one.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_who_does_not_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is cut off, and its place is free again; who reads slowly gets all of it."""
    monkeypatch.setattr(connections, "SEND_SECONDS", 0.2)
    app, room = App(), Room(most=2, seconds=PATIENCE)
    with served(app, room) as connect, connect() as one:
        one.sendall(b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n")
        eventually(lambda: app.ended)  # without the cut it would wait for ever
        eventually(lambda: room.taken == 0)
        assert not whole(one).endswith(b"end")


def test_who_reads_slowly_is_waited_for() -> None:
    app = App()
    with served(app, Room(most=2, seconds=PATIENCE)) as connect, connect() as one:
        one.sendall(b"GET /much HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert whole(one).count(b"x") == PARTS * len(PART)
    assert app.ended == ["/much"]


def test_who_comes_to_a_full_house_is_sent_away() -> None:
    room = Room(most=1, seconds=PATIENCE)
    with served(App(), room) as connect:
        with connect() as first:
            first.sendall(GET)
            assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
            with connect() as second:
                assert whole(second) == b""
            first.sendall(GET)
            assert first.recv(65536)
        eventually(lambda: room.taken == 0)
        with connect() as third:
            third.sendall(GET)
            assert third.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"", GET[:-2], GET + GET[:-2]], ids=["nothing", "half", "one and a half"])
def test_headers_are_due_in_time(begun: bytes) -> None:
    with served(App(), Room(most=1, seconds=0.3)) as connect, connect() as one:
        one.sendall(begun)
        assert whole(one).count(b"HTTP/1.1 200 ") == (1 if len(begun) > len(GET) else 0)


def test_a_long_body_with_its_headers_is_no_long_header() -> None:
    body = b"x" * (2 * HEADER_BYTES)
    head = f"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with served(App(), Room(most=1, seconds=PATIENCE)) as connect, connect() as one:
        one.sendall(head + body)
        assert whole(one).startswith(b"HTTP/1.1 200 ")


def test_long_headers_are_refused() -> None:
    with served(App(), Room(most=1, seconds=PATIENCE)) as connect:
        for start in (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ", b"GET /"):
            with connect() as one:
                one.sendall(start + b"a" * (HEADER_BYTES + 1))
                assert whole(one).startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


EARLY = b"POST /early HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("path", [b"/", b"/early"])
def test_long_trailers_end_the_connection(path: bytes) -> None:
    """Whether they are waited for or the answer is out: they are kept, so each would cost memory for ever."""
    room = Room(most=1, seconds=PATIENCE)
    with served(App(), room) as connect, connect() as one:
        one.sendall(EARLY.replace(b"/early", path) + b"1\r\nx\r\n0\r\n")
        with suppress(ConnectionResetError, BrokenPipeError):
            for part in repeat(b"a: b\r\n" * 1000):
                one.sendall(part)
        eventually(lambda: room.taken == 0)


@pytest.mark.parametrize("more", [b"", b"1\r\nx", b"1\r\nx\r\n0\r\n"], ids=["nothing", "some", "no end"])
def test_the_rest_of_an_answered_request_is_due_in_time(more: bytes) -> None:
    with served(App(), Room(most=1, seconds=0.3)) as connect, connect() as one:
        one.sendall(EARLY)
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        one.sendall(more)
        whole(one)  # it ends


@pytest.mark.parametrize(
    ("first", "more"), [(EARLY, b"1\r\nx\r\n0\r\n\r\n"), (GET, b"\r\n")], ids=["body", "blank line"]
)
def test_who_asks_nothing_more_is_not_waited_for(first: bytes, more: bytes) -> None:
    """Nor after bytes that come behind an answer and begin no request; until then more can be asked."""
    with served(App(), Room(most=1, seconds=PATIENCE), keep_alive=1) as connect, connect() as one:
        one.sendall(first)
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        one.sendall(more + GET)
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        one.sendall(first)
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        one.sendall(more)
        assert whole(one) == b""


UPGRADE = b"host: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"


@pytest.mark.parametrize("kind", [b"content-length: %d" % len(GET), b"transfer-encoding: chunked"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_body_of_who_asks_for_another_protocol_is_not_lost(kind: bytes, at_once: bool) -> None:
    """Nor taken for a request: a POST without its body could mean something else."""
    app = App()
    head = b"POST / HTTP/1.1\r\n" + UPGRADE + kind + b"\r\n\r\n"
    with served(app, Room(most=1, seconds=PATIENCE)) as connect, connect() as one:
        one.sendall(head + (GET if at_once else b""))
        answer = one.recv(65536)
        with suppress(ConnectionResetError, BrokenPipeError):
            one.sendall(GET)
        answer += whole(one)
    assert (answer[:13], answer.count(b"HTTP/1.1"), app.ended) == (b"HTTP/1.1 400 ", 1, [])


@pytest.mark.parametrize("more", [b"", b"content-length: 0\r\n"])
def test_who_asks_for_another_protocol_is_answered_in_this_one(more: bytes) -> None:
    with served(App(), Room(most=1, seconds=PATIENCE)) as connect, connect() as one:
        for _ in range(2):
            one.sendall(b"POST / HTTP/1.1\r\n" + UPGRADE + more + b"\r\n")
            assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
