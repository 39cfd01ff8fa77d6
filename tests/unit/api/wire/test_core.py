"""How calls are taken in, and what stays of them."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from ordergen_server.api.wire.core import TAKEN_IN_AT_ONCE
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.api.wire.exchange import Exchange, Serve
from ordergen_server.api.wire.ports import Port
from ordergen_server.api.wire.routes import Methods, Routes
from ordergen_server.domain.errors import ResourceExhausted
from tests.limits import PATIENCE

METHOD = "/tests.Tests/Call"
AT_ONCE = 3 * TAKEN_IN_AT_ONCE


@contextmanager
def served(loop: EventLoop, serve: Serve) -> Iterator[grpc.Channel]:
    async def opened() -> Port:
        return Port(Routes(Methods({METHOD: serve})), "127.0.0.1:0", connections=5)

    port = loop.run(opened())
    loop.run(port.start())
    with grpc.insecure_channel(f"127.0.0.1:{port.number}") as channel:
        yield channel
    loop.run(port.stop(PATIENCE))


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop("test") as running:
        yield running


def test_calls_of_one_method_do_not_wait_for_each_other(loop: EventLoop) -> None:
    inside, all_inside = [], asyncio.Event()

    async def serve(_: Exchange) -> bytes:
        inside.append(1)
        if len(inside) == AT_ONCE:
            all_inside.set()
        await all_inside.wait()
        return b"served"

    with served(loop, serve) as channel:
        call: Any = channel.unary_unary(METHOD)
        calls = [call.future(b"", timeout=PATIENCE) for _ in range(AT_ONCE)]
        assert [one.result() for one in calls] == [b"served"] * AT_ONCE


def test_other_methods_are_told_so(loop: EventLoop) -> None:
    async def serve(_: Exchange) -> bytes:
        return b"served"

    with served(loop, serve) as channel:
        other: Any = channel.unary_unary("/tests.Tests/Other")
        calls = [other.future(b"", timeout=PATIENCE) for _ in range(AT_ONCE)]
        assert {one.code() for one in calls} == {grpc.StatusCode.UNIMPLEMENTED}


def test_a_call_that_was_refused_leaves_nothing_to_be_collected(loop: EventLoop) -> None:
    async def refuse(_: Exchange) -> bytes:
        raise ResourceExhausted("no room", metadata={"kind": "tested"}, retry_after_seconds=1)

    gc.collect()
    gc.disable()
    try:
        with served(loop, refuse) as channel:
            call: Any = channel.unary_unary(METHOD)
            calls = [call.future(b"", timeout=PATIENCE) for _ in range(AT_ONCE)]
            assert {one.code() for one in calls} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert [one for one in gc.get_objects() if type(one) is grpc.aio.AbortError] == []
    finally:
        gc.enable()
