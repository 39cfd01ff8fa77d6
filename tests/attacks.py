"""What one client can do to the others, on loopback: each of these is a block, and over with it."""

import multiprocessing
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import grpc
from globeco.ordergen.v1 import rebalance_service_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc

from tests.limits import PATIENCE

GET_MODEL = "/globeco.ordergen.v1.ModelService/GetModel"
CHECK = "/grpc.health.v1.Health/Check"
#: What begins a connection of HTTP/2, with empty SETTINGS.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEADERS, _END_HEADERS = 1, 4


@contextmanager
def connections(port: int, count: int) -> Iterator[list[grpc.Channel]]:
    """Channels with a connection each; one that is refused is tried again soon."""
    with ExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
        yield [
            stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", options=options))
            for _ in range(count)
        ]


@contextmanager
def silent_calls(port: int, method: str, count: int, channels: int = 2) -> Iterator[list[Any]]:
    """Calls whose headers come, and whose message never does."""
    release = Event()

    def nothing() -> Iterator[bytes]:
        release.wait()
        yield from ()

    with connections(port, channels) as opened:
        makers: list[Any] = [channel.stream_unary(method) for channel in opened]
        calls = [makers[one % channels].future(nothing()) for one in range(count)]
        try:
            yield calls
        finally:
            for call in calls:
                call.cancel()
            release.set()


@contextmanager
def idle_reflections(port: int, count: int, channels: int = 2) -> Iterator[None]:
    """Streams of the reflection service that ask nothing."""
    release = Event()

    def nothing() -> Iterator[Any]:
        release.wait()
        yield from ()

    with connections(port, channels) as opened:
        stubs: list[Any] = [reflection_pb2_grpc.ServerReflectionStub(one) for one in opened]
        streams = [stubs[one % channels].ServerReflectionInfo(nothing()) for one in range(count)]
        try:
            yield
        finally:
            for stream in streams:
                stream.cancel()
            release.set()


@contextmanager
def unread_watchers(port: int, rebalance_id: str, count: int, channels: int = 4) -> Iterator[None]:
    """Streams of a run that nobody reads."""
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=rebalance_id).SerializeToString()
    method = "/globeco.ordergen.v1.RebalanceService/WatchRebalance"
    with connections(port, channels) as opened:
        # A call that was made and is not iterated over takes no more than the window of its stream.
        makers: list[Any] = [one.unary_stream(method) for one in opened]
        streams = [makers[one % channels](request) for one in range(count)]
        try:
            yield
        finally:
            for stream in streams:
                stream.cancel()


@contextmanager
def unpacked_headers(port: int, method: str, count: int) -> Iterator[None]:
    """Calls with a header of 3,900 bytes once, and thousands of references to it: 16 KB that become 16 MB.

    The client acknowledges no SETTINGS: until then the server's bound of headers does not hold.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(PREFACE)
        remembered = b"\x40" + _text(b"x") + _text(b"c" * 3_900)  # the first of the dynamic table: index 62
        for stream in range(1, 2 * count, 2):
            connection.sendall(_headers(stream, method.encode(), remembered + b"\xbe" * 12_000))
        yield


@contextmanager
def no_text(port: int, method: str) -> Iterator[None]:
    """A call of a method whose name is not UTF-8, and one with such a token."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        token = b"\x00" + _text(b"authorization") + _text(b"Bearer not-for-logs-\xff")
        connection.sendall(PREFACE + _headers(1, b"/a/\xff") + _headers(3, method.encode(), token))
        heard = b""
        while b"This server does not have this method" not in heard:
            said = connection.recv(65_536)
            assert said, heard
            heard += said
        yield


@contextmanager
def endless_connections(port: int, source: str, open_at_once: int) -> Iterator[None]:
    """One address opens connections as fast as it can, keeps those that it gets, and goes on."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_connect, args=(port, source, open_at_once), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _connect(port: int, source: str, open_at_once: int) -> None:
    opened: deque[socket.socket] = deque()
    while True:
        with suppress(OSError):  # that it is refused does not stop it
            opened.append(socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)))
            opened[-1].sendall(PREFACE)
        for _ in range(len(opened) if len(opened) > open_at_once else 0):
            oldest = opened.popleft()
            if _is_over(oldest):
                oldest.close()
                break
            opened.append(oldest)


def _is_over(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(4_096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _headers(stream: int, method: bytes, more: bytes = b"") -> bytes:
    """A frame with the header block (RFC 7541) of a call, and more in it."""
    usual = {b":method": b"POST", b":scheme": b"http", b":path": method, b":authority": b"localhost"}
    usual |= {b"content-type": b"application/grpc", b"te": b"trailers"}
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in usual.items()) + more
    head = struct.pack(">I", len(block))[1:] + bytes([_HEADERS, _END_HEADERS])
    return head + struct.pack(">I", stream) + block


def _text(text: bytes) -> bytes:
    """A string of a header block: its length is in seven bits, and what is more in groups of seven."""
    size, more = len(text), b""
    if size >= 0x7F:
        size, rest = 0x7F, size - 0x7F
        while rest >= 0x80:
            more, rest = more + bytes([rest & 0x7F | 0x80]), rest >> 7
        more += bytes([rest])
    return bytes([size]) + more + text


def cpu_seconds(pid: int) -> float:
    """What a process has taken of cores since it began (utime and stime of proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """What a process holds of the machine's memory (VmRSS of proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
