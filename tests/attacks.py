"""What one client can do to the others, on loopback: each of these is a block, and over with it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import grpc
from globeco.ordergen.v1 import rebalance_service_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc

GET_MODEL = "/globeco.ordergen.v1.ModelService/GetModel"
CHECK = "/grpc.health.v1.Health/Check"


@contextmanager
def connections(port: int, count: int) -> Iterator[list[grpc.Channel]]:
    """Channels with a connection each."""
    with ExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
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


def memory_bytes(pid: int) -> int:
    """What a process holds of the machine's memory (VmRSS of proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
