"""What a port asks of those that watch over it."""

from collections.abc import Iterator
from threading import enumerate as all_threads

import pytest

from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.api.wire.ports import Port
from ordergen_server.api.wire.routes import Methods, Routes


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop("test") as running:
        yield running


def watching() -> int:
    return sum(one.name == "peers" for one in all_threads())


@pytest.mark.parametrize(("most", "expected"), [(0, 0), (1, 1), (4, 1), (5, 0), (6, 0)])
def test_peers_are_bounded_where_they_may_not_have_all(loop: EventLoop, most: int, expected: int) -> None:
    async def opened() -> Port:
        return Port(Routes(Methods()), "127.0.0.1:0", connections=5, peer_connections=most)

    before = watching()
    port = loop.run(opened())
    loop.run(port.start())
    assert watching() == before + expected
    loop.run(port.stop(0))
    assert watching() == before
